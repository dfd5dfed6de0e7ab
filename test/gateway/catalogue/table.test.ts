import { test } from 'tap'
import writeExcel from 'write-excel-file/node'
import { readTable } from '../../../gateway/catalogue/source-table.ts'

const bytes = (text: string, encoding: BufferEncoding = 'utf8') => Buffer.from(text, encoding)

test('a table by its headings, in French or English, in the order that it has them', async (t) => {
  const french = bytes('Indice;Fournisseur;Nom;Gravure\r\n1,6;ATELIER;"Duo; grand";D6\r\n')
  t.match(await readTable(french, 'a.csv'), [
    {
      line: 2,
      cells: {
        glass_name: 'Duo; grand',
        glass_supplier_name: 'ATELIER',
        glass_index: '1,6',
        nasal_engraving: 'D6',
        material: '',
        range: '',
      },
    },
  ])
  t.match(await readTable(bytes('\ufeffname,supplier\nDuo,ATELIER\n'), 'b.csv'), [
    { cells: { glass_name: 'Duo' } },
  ])
  t.match(await readTable(bytes('Nom;Fournisseur;Gamme;Série\nDuo;ATELIER;Pro;S2\n'), 'c.csv'), [
    { cells: { range: 'Pro', series: 'S2' } },
  ])
})

test('a spreadsheet of a French Windows is read as it was written', async (t) => {
  const table = bytes('Nom;Fournisseur;Matière\nClarté;ATELIER;Minéral\n', 'latin1')
  t.match(await readTable(table, 'a.csv'), [{ cells: { glass_name: 'Clarté', material: 'Minéral' } }])
})

test('an inch mark is no quotation', async (t) => {
  const table = bytes('nom;fournisseur\nDuo 2" grand;ATELIER\n"Duo ""3"" x";ATELIER\n')
  t.match(await readTable(table, 'a.csv'), [
    { cells: { glass_name: 'Duo 2" grand' } },
    { cells: { glass_name: 'Duo "3" x' } },
  ])
})

test('a line keeps the number that an editor gives it, whatever is empty or long before it', async (t) => {
  for (const end of ['\n', '\r\n']) {
    const lines = ['nom;fournisseur', '', 'A;X', '"B', 'b";X', ';', '', 'C;X', 'D;"X', '', 'x"']
    const table = await readTable(bytes(lines.join(end)), 'a.csv')
    t.strictSame(
      table.map(({ line, cells }) => [line, cells.glass_name]),
      [
        [3, 'A'],
        [4, 'B\nb'],
        [8, 'C'],
        [9, 'D'],
      ],
    )
  }
})

test('a line of a sheet keeps its number too', async (t) => {
  const lines = [
    ['', ''],
    ['Nom', 'Fournisseur'],
    ['', ''],
    ['A', 'X'],
    [' ', ''],
    ['B', 'X'],
  ]
  const sheet = await writeExcel(lines.map((cells) => cells.map((value) => ({ value })))).toBuffer()
  t.match(await readTable(sheet, 'a.xlsx'), [
    { line: 4, cells: { glass_name: 'A' } },
    { line: 6, cells: { glass_name: 'B' } },
  ])
})

test('the first sheet of a spreadsheet, numbers as they are shown', async (t) => {
  const lines = [
    ['Nom', 'Fournisseur', 'Indice'],
    ['Clarté Duo', 'ATELIER', 1.67],
    ['Panorama', 'ATELIER', null],
  ]
  const sheet = await writeExcel(
    lines.map((cells) => cells.map((value) => (value === null ? null : { value }))),
  ).toBuffer()
  t.match(await readTable(sheet, 'a.xlsx'), [
    { line: 2, cells: { glass_name: 'Clarté Duo', glass_index: '1.67' } },
    { line: 3, cells: { glass_name: 'Panorama', glass_index: '' } },
  ])
})

test('what is no such table says what was expected', async (t) => {
  for (const [table, message] of [
    [bytes(''), /a\.csv: no lines, expected a line of headings/],
    [
      bytes('name,index\nDuo,1.5\n'),
      /headings name, index: expected one of glass_supplier_name, supplier, fournisseur/,
    ],
    [bytes('name,supplier\n"Duo,ATELIER\n'), /a\.csv: .*[Qq]uote/],
    [bytes('PK\u0003\u0004 and no more'), /a\.csv: no XLSX/],
  ] as const) {
    await t.rejects(readTable(table, 'a.csv'), { name: 'TableError', message })
  }
})
