import { test } from 'tap'
import writeExcel from 'write-excel-file/node'
import { readTable } from '../../../gateway/catalogue/source-table.ts'

const bytes = (text: string, encoding: BufferEncoding = 'utf8') => Buffer.from(text, encoding)

test('a table by its headings, in French or English, in the order that it has them', async (t) => {
  const french = bytes('Indice;Fournisseur;Nom;Gravure\r\n1,6;ATELIER;"Duo; grand";D6\r\n')
  t.match(await readTable(french, 'a.csv'), [
    {
      glass_name: 'Duo; grand',
      glass_supplier_name: 'ATELIER',
      glass_index: '1,6',
      nasal_engraving: 'D6',
      material: '',
    },
  ])
  t.match(await readTable(bytes('\ufeffname,supplier\nDuo,ATELIER\n'), 'b.csv'), [{ glass_name: 'Duo' }])
})

test('a spreadsheet of a French Windows is read as it was written', async (t) => {
  const table = bytes('Nom;Fournisseur;Matière\nClarté;ATELIER;Minéral\n', 'latin1')
  t.match(await readTable(table, 'a.csv'), [{ glass_name: 'Clarté', material: 'Minéral' }])
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
    { glass_name: 'Clarté Duo', glass_index: '1.67' },
    { glass_name: 'Panorama', glass_index: '' },
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
