import { test } from 'tap'
import { likeness } from '../../../gateway/catalogue/fuzzy.ts'
import { indexInName, indicesOf } from '../../../gateway/catalogue/refractive-index.ts'
import { readRow, type ScrapedRow } from '../../../gateway/catalogue/scraped-row.ts'

function row(cells: Partial<ScrapedRow>): ScrapedRow {
  return {
    glass_name: 'Clarté Duo',
    glass_supplier_name: 'ATELIER',
    nasal_engraving: '',
    glass_index: '1,67',
    material: 'ORG',
    range: '',
    series: '',
    source_url: '',
    ...cells,
  }
}

test('a line that is in order is one lens, and nothing is repaired', (t) => {
  t.strictSame(readRow(row({ nasal_engraving: 'CD 67' }), 1), {
    lenses: [
      {
        supplier: 'ATELIER',
        name: 'Clarté Duo',
        index: 1.67,
        material: 'organic',
        treatments: [],
        marks: [{ kind: 'text', text: 'CD 67' }],
      },
    ],
    repairs: [],
  })
  t.end()
})

test('index and material that stand in each other’s place are put back', (t) => {
  const { lenses, repairs } = readRow(row({ glass_index: 'TVX', material: '1,53' }), 7)
  t.match(lenses, [{ index: 1.53, material: 'trivex' }])
  t.strictSame(
    repairs.map(({ line, field, from, to }) => [line, field, from, to]),
    [
      [7, 'glass_index', 'TVX', '1.53'],
      [7, 'material', '1,53', 'TVX'],
    ],
  )
  t.end()
})

test('several indices in a cell are as many lenses; none is none, never 1.5', (t) => {
  const several = readRow(row({ glass_index: '1.5 - 1.56 / 1.60' }), 1)
  t.strictSame(
    several.lenses.map(({ index }) => index),
    [1.5, 1.56, 1.6],
  )
  const [open] = readRow(row({ glass_index: "pas d'indice" }), 1).lenses
  t.notHas(open, { index: Number })
  const named = readRow(row({ glass_index: 'Tbc', glass_name: 'Clarté Duo 1.6' }), 1)
  t.match(named, { lenses: [{ index: 1.6 }], repairs: [{ rule: 'index taken from the name' }] })
  t.end()
})

test('a cell of HTML gives its marks, and a material that stands on every line gives none', (t) => {
  const picture = '<img src="https://a.example/m_7.tif.jpg" alt="Clarté  Duo:nasal">'
  const { lenses } = readRow(
    row({ nasal_engraving: picture, material: '<p>ORG</p>', glass_index: '1.59' }),
    1,
  )
  t.match(lenses, [
    { material: 'polycarbonate', marks: [{ kind: 'image', url: /m_7/, alt: 'Clarté Duo:nasal' }] },
  ])
  const [open] = readRow(row({ material: '<p>ORG</p>' }), 1).lenses
  t.notHas(open, { material: String })
  t.match(readRow(row({ nasal_engraving: 'E3 ou E3S<br/>XS' }), 1).lenses, [
    { marks: [{ text: 'E3' }, { text: 'E3S XS' }] },
  ])
  t.end()
})

test('what a cell says twice is one mark', (t) => {
  const marks = (cell: string) => readRow(row({ nasal_engraving: cell }), 1).lenses[0]?.marks
  t.strictSame(marks('E3 ou E3 ou e3'), [
    { kind: 'text', text: 'E3' },
    { kind: 'text', text: 'e3' },
  ])
  const url = 'https://a.example/m.png'
  t.strictSame(marks(`<img src="${url}" alt="left"><img src="${url}" alt="right"> ou ${url}`), [
    { kind: 'image', url, alt: 'left' },
  ])
  t.end()
})

test('what a supplier groups a lens under is kept', (t) => {
  const [lens, ...more] = readRow(row({ range: ' Clarté  pro ', series: 'S2' }), 1).lenses
  t.match(lens, { range: 'Clarté pro', series: 'S2' })
  t.strictSame(more, [])
  const [bare] = readRow(row({}), 1).lenses
  t.notHas(bare, { range: String })
  t.notHas(bare, { series: String })
  t.end()
})

test('treatments come from whole words of name and material', (t) => {
  const of = (name: string, material = 'ORG') =>
    readRow(row({ glass_name: name, material }), 1).lenses[0]?.treatments
  t.strictSame(of('Clarté'), [])
  t.strictSame(of('Clarté Blue UV Transitions® GEN8'), ['uv', 'blue', 'photochromic'])
  t.strictSame(of('Clarté Drivewear'), ['photochromic', 'polarised'])
  t.strictSame(of('Clarté Dégradé brun'), ['tinted'])
  t.strictSame(of('CLARTÉ DÉGRADÉ'), ['tinted'])
  t.strictSame(of('Clarté Dégradéo'), [], 'a word that goes on')
  t.strictSame(of('Clarté', 'POLY TRANS POLA'), ['photochromic', 'polarised'])
  t.strictSame(of('Transfer Bluette'), ['blue'], 'a word that begins like Blue is taken for it')
  t.end()
})

test('fitting heights and suppliers are read out of what stands around them', (t) => {
  const { lenses, repairs } = readRow(
    row({ glass_name: 'Duo (11 à 16mm)', glass_supplier_name: 'Fournisseur : ATELIER DU V ...' }),
    1,
  )
  t.match(lenses, [{ supplier: 'ATELIER DU V', heightMm: { min: 11, max: 16 } }])
  t.match(repairs, [{ field: 'glass_supplier_name', rule: 'page heading that was cut' }])
  t.end()
})

test('a line that cannot be a lens is left out, and says why', (t) => {
  t.match(readRow(row({ glass_name: '  ' }), 3), {
    lenses: [],
    rejection: { line: 3, field: 'glass_name', expected: '1 to 300 characters' },
  })
  t.match(readRow(row({ nasal_engraving: 'x'.repeat(201) }), 3).rejection, { field: 'nasal_engraving' })
  for (const name of ['Fournisseur : ', 'A'.repeat(101)]) {
    t.strictSame(readRow(row({ glass_supplier_name: name }), 3), {
      lenses: [],
      repairs: [],
      rejection: {
        line: 3,
        field: 'glass_supplier_name',
        value: name,
        expected: 'the name of a supplier, 1 to 100 characters',
      },
    })
  }
  t.equal(readRow(row({ glass_supplier_name: 'A'.repeat(100) }), 3).rejection, undefined)
  for (const field of ['range', 'series'] as const) {
    t.match(readRow(row({ [field]: 'x'.repeat(101) }), 3).rejection, {
      field,
      expected: 'at most 100 characters',
    })
  }
  t.end()
})

test('indices in cells and names', (t) => {
  for (const [cell, indices] of [
    ['1.6è', [1.6]],
    ["1.7'", [1.7]],
    ['1,5', [1.5]],
    ['1.50 / 1.60 / 1.67 / 1.74', [1.5, 1.6, 1.67, 1.74]],
    ['Tbc', undefined],
    ['0.9', undefined],
    ['2.1', undefined],
    ['', undefined],
  ] as const) {
    t.strictSame(indicesOf(cell), indices, cell)
  }
  for (const [name, index] of [
    ['Duo 1.67', 1.67],
    ['Duo OR15', 1.5],
    ['Kinetic 160 UV', 1.6],
    ['Duo 1,5 & Duo IP 1,5', 1.5],
    ['Duo 1.5 & 1.6', undefined],
    ['Serie 2000', undefined],
    ['Relax +0,80', undefined],
  ] as const) {
    t.equal(indexInName(name), index, name)
  }
  t.end()
})

test('a name is found by what somebody remembers of it', (t) => {
  const best = (question: string): string | undefined =>
    ['Clarté Duo Max', 'Clarté Solo', 'Panorama'].toSorted(
      (a, b) => likeness(question, b) - likeness(question, a),
    )[0]
  t.equal(best('clarte max'), 'Clarté Duo Max')
  t.equal(best('panroama'), 'Panorama')
  t.equal(best('solo clarté'), 'Clarté Solo')
  t.equal(likeness('xyz', 'Panorama'), 0)
  t.end()
})
