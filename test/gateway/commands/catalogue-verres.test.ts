import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { catalogueCommand } from '../../../gateway/commands/catalogue.ts'
import { openCatalogue } from '../../../gateway/store/catalogue/catalogue.ts'
import { type OldLensRow, type OldLinkRow, writeOldCatalogue } from '../../fakes/old-catalogue.ts'
import { commandPlace } from '../../fakes/said.ts'

async function place(t: Test) {
  const { dir, run } = await commandPlace(t, catalogueCommand)
  // Called as nothing: what it is stands in it.
  const old = join(dir, 'copy of the old one')
  const lenses = async () => {
    const { stdout } = await run('search', '--json', '--limit', '1000')
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
  const bring = async (...more: string[]) => {
    const { stdout } = await run('import', old, '--json', ...more)
    return JSON.parse(stdout)
  }
  return { dir, old, run, lenses, bring }
}

/** As the old cleaner left them: one word, one material, one height, every treatment. */
const DAMAGED: readonly OldLensRow[] = [
  { nom: 'Clarté', fournisseur: 'Fournisseur : ATELIER DU V ...', indice: 1.6, url_gravure: 'CD 6' },
  {
    nom: 'Clarté',
    fournisseur: 'Fournisseur : ATELIER DU V ...',
    indice: 1.67,
    url_gravure: 'https://a.example/c.png',
  },
  {
    nom: 'Lueur',
    fournisseur: 'OPTOVISION GmbH',
    indice: 1.5,
    url_gravure: 'LU',
    variante: 'COURT',
    hauteur: [11, 11],
  },
  { nom: 'Prisme', fournisseur: 'ZEISS VISION CARE FRANCE', indice: 1.74, gamme: 'UNIFOCAL', serie: 'XR' },
]

test('what the old cleaner wrote everywhere does not come in', async (t) => {
  const { old, lenses, bring } = await place(t)
  await writeOldCatalogue(old, { lenses: DAMAGED })
  const { lines, repairs, rejected, diff, live } = await bring()
  t.match(
    { lines, rejected, live, added: diff.added.length },
    { lines: 4, rejected: [], live: true, added: 4 },
  )
  const url = 'https://a.example/gravures/'
  const common = { treatments: [], symbols: [], sourceUrl: url }
  t.strictSame(
    (await lenses()).map(({ id, ...lens }) => lens),
    [
      {
        ...common,
        supplier: 'ATELIER DU V',
        name: 'Clarté',
        index: 1.6,
        marks: [{ kind: 'text', text: 'CD 6' }],
      },
      {
        ...common,
        supplier: 'ATELIER DU V',
        name: 'Clarté',
        index: 1.67,
        marks: [{ kind: 'image', url: 'https://a.example/c.png' }],
      },
      { ...common, supplier: 'OPTOVISION GmbH', name: 'Lueur', marks: [{ kind: 'text', text: 'LU' }] },
      {
        ...common,
        supplier: 'ZEISS VISION CARE FRANCE',
        name: 'Prisme',
        index: 1.74,
        range: 'UNIFOCAL',
        series: 'XR',
        marks: [],
      },
    ],
  )
  const told = (rule: RegExp) => repairs.filter((repair: { rule: string }) => rule.test(repair.rule)).length
  t.strictSame(
    [
      /first word/,
      /every material so/,
      /every treatment/,
      /same height/,
      /wrote 1\.5/,
      /word for none/,
      /heading/,
    ].map(told),
    [4, 4, 4, 4, 1, 6, 2],
  )
})

test('what somebody entered by hand comes in', async (t) => {
  const { old, lenses, bring } = await place(t)
  await writeOldCatalogue(old, {
    lenses: [
      {
        nom: 'Clarté Duo',
        fournisseur: 'ATELIER',
        materiau: 'POLYCARBONATE',
        traitements: ['Photochromique'],
        hauteur: [14, 18],
      },
      { nom: 'Clarté Solo', fournisseur: 'ATELIER', materiau: 'TRIVEX', traitements: [], hauteur: [11, 16] },
      { nom: 'Clarté Max', fournisseur: 'ATELIER', materiau: 'Bois', traitements: ['Protection UV'] },
    ],
  })
  const { repairs } = await bring()
  t.match(await lenses(), [
    {
      name: 'Clarté Duo',
      material: 'polycarbonate',
      treatments: ['photochromic'],
      heightMm: { min: 14, max: 18 },
    },
    { name: 'Clarté Max', treatments: ['uv'], heightMm: undefined },
    { name: 'Clarté Solo', material: 'trivex', treatments: [], heightMm: { min: 11, max: 16 } },
  ])
  t.match(
    repairs.filter(({ field }: { field: string }) => field === 'materiau'),
    [{ line: 3, from: 'Bois', rule: 'no material known by this name' }],
  )
})

const LINKS: readonly OldLinkRow[] = [
  {
    verre: 1,
    symbole: 'fleur',
    score_confiance: 0.83,
    est_valide: 1,
    valide_par: 'marie',
    updated_at: '2025-04-02 08:30:00',
  },
  { verre: 2, symbole: 'fleur', score_confiance: 0.4 },
  { verre: 2, symbole: 'lune', est_valide: 1 },
  { verre: 3, symbole: 'lune', score_confiance: 0.7, valide_par: 'jean' },
  { verre: 3, symbole: 'fleur', score_confiance: 7 },
  { verre: 99, symbole: 'fleur' },
]
const SYMBOLS = [{ nom: 'fleur', description: 'five petals' }, { nom: 'lune' }]

test('symbols and their links come with confidence, validation and dates', async (t) => {
  const { dir, old, run, lenses, bring } = await place(t)
  await writeOldCatalogue(old, { lenses: DAMAGED, symbols: SYMBOLS, links: LINKS })
  t.match(await run('import', old, '--dry-run'), {
    stdout: /4 added.*nothing of it is live\n2 symbols, 4 links of symbols/,
  })
  const { repairs, rejected } = await bring()
  const linked = (await lenses()).map(({ symbols }) => symbols)
  t.strictSame(linked, [
    [{ symbol: 'fleur', confidence: 0.83, validatedBy: 'marie', validatedAt: '2025-04-02T08:30:00.000Z' }],
    [
      { symbol: 'lune', confidence: 1 },
      { symbol: 'fleur', confidence: 0.4 },
    ],
    [{ symbol: 'lune', confidence: 0.7 }],
    [],
  ])
  t.match(
    repairs.filter(({ field }: { field: string }) => field === 'verres_symboles.est_valide'),
    [
      { line: 3, rule: 'validated, and not said by whom or when: not validated' },
      { line: 4, from: 'false, jean', rule: 'not found valid: not validated' },
    ],
  )
  t.match(rejected, [
    { line: 5, field: 'verres_symboles.score_confiance', value: '7', expected: 'a number from 0 to 1' },
    { line: 6, field: 'verres_symboles.verre', value: '99' },
  ])
  const database = await openCatalogue(join(dir, 'catalogue.db'))
  t.strictSame(await database.all('SELECT name, description FROM symbols ORDER BY name'), [
    { name: 'fleur', description: 'five petals' },
    { name: 'lune', description: '' },
  ])
  t.match(await database.get('SELECT linked_at FROM lens_symbols'), { linked_at: '2025-03-01T10:00:00.000Z' })
  await database.close()

  await run('link', '1', 'fleur', '--confidence', '0.9')
  await run('unlink', '3', 'lune')
  await bring()
  t.match(
    (await lenses())[0].symbols,
    [{ confidence: 0.9, validatedBy: 'marie' }],
    'what was said since then stays',
  )
})

test('lenses that a list names in full are not brought in again under their first word', async (t) => {
  const { dir, old, run, lenses, bring } = await place(t)
  const list = join(dir, 'lenses.csv')
  await writeFile(
    list,
    `nom;fournisseur;indice;matiere;gravure
Clarté Duo;ATELIER DU V;1,6;ORG;CD6 ou CDX
Clarté Duo Poly;ATELIER DU V;1,6;POLY;CD 6
Clarté Solo;ATELIER DU V;1,6;ORG;CS
Clarté Large;ATELIER DU VERRE;1,6;ORG;CD 6
Prisme (long);ZEISS VISION CARE FRANCE;1,74;ORG;PL
`,
  )
  await run('import', list)
  await writeOldCatalogue(old, { lenses: DAMAGED, symbols: SYMBOLS, links: LINKS })
  const { diff, repairs } = await bring()
  t.strictSame(
    diff.added.map(({ name, index }: { name: string; index?: number }) => [name, index]),
    [
      ['Clarté', 1.67],
      ['Lueur', undefined],
    ],
  )
  t.match(
    repairs.filter(({ rule }: { rule: string }) => /whole name/.test(rule)),
    [
      { line: 1, from: 'Clarté', to: 'Clarté Duo / Clarté Duo Poly / Clarté Large' },
      { line: 4, to: 'Prisme (long)' },
    ],
  )
  t.match(
    (await lenses()).map(({ name, symbols }) => [
      name,
      symbols.map(({ symbol }: { symbol: string }) => symbol),
    ]),
    [
      ['Clarté', ['lune', 'fleur']],
      ['Clarté Duo', ['fleur']],
      ['Clarté Duo Poly', ['fleur']],
      ['Clarté Solo', []],
      ['Clarté Large', ['fleur']],
      ['Lueur', ['lune']],
      ['Prisme (long)', []],
    ],
    'a mark that is the same is the same symbol',
  )
})

test('a database of something else says what is missing', async (t) => {
  const { dir, old, run } = await place(t)
  await run('search')
  await t.rejects(run('import', join(dir, 'catalogue.db')), {
    message: /no table verres: expected the old system's verres\.db/,
  })
  await writeFile(old, 'SQLite format 3\0 and no more')
  await t.rejects(run('import', old), { message: /not a database/ })
})
