import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { catalogueCommand } from '../../../gateway/commands/catalogue.ts'
import { openCatalogue } from '../../../gateway/store/catalogue/catalogue.ts'
import { keepExamples } from '../../../gateway/store/catalogue/gallery.ts'
import { diffOf } from '../../../gateway/store/catalogue/staging.ts'
import { commandPlace } from '../../fakes/said.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

const LINES = `nom;fournisseur;indice;matiere;gravure
Clarté Duo;ATELIER;1,6;ORG;CD 6
Clarté Duo;ATELIER;1,67;ORG;CD 67
Panorama Trans®;ATELIER;ORG;1,5;PAN ou PN
`

async function place(t: Test) {
  const { dir, run } = await commandPlace(t, catalogueCommand)
  const table = join(dir, 'lenses.csv')
  await writeFile(table, LINES)
  return { dir, table, run }
}

test('a table goes into the catalogue, is found there, and comes again with what has changed', async (t) => {
  const { dir, table, run } = await place(t)
  const report = join(dir, 'report.ndjson')
  t.match(await run('import', table, '--dry-run'), { code: 0, stdout: /3 added.* — nothing of it is live/ })
  t.match(await run('search'), { code: 1, stdout: '0 found\n' })
  t.match(await run('import', table, '--report', report), { code: 0, stdout: /3 lines, 3 lenses.*\n3 added/ })
  t.match(await readFile(report, 'utf8'), /"line":4,"field":"glass_index","from":"ORG","to":"1.5"/)
  t.match(await run('search', 'panroama'), {
    stdout: /Panorama Trans®\n +1.5, organic, photochromic; engraved PAN \| PN/,
  })
  t.match(await run('search', '--text', 'cd67'), { stdout: /1.67, organic; engraved CD 67\n1 found/ })
  t.match(await run('search', 'clarte', '--index', '1.5-1.65', '--json'), {
    stdout: /^{.*"index":1.6,.*}\n$/,
  })

  await writeFile(table, LINES.replace('CD 67', 'CD 68'))
  t.match(await run('import', table), { code: 0, stdout: /0 added, 1 changed, 0 removed, 2 as before/ })
  await writeFile(table, LINES.split('\n').slice(0, 2).join('\n'))
  t.match(await run('import', table), { code: 1, stderr: /2 lenses of lenses.csv would go: with --remove/ })
  t.match(await run('search'), { stdout: /3 found/ })
  t.match(await run('import', table, '--remove'), { code: 0, stdout: /2 removed/ })
  t.match(await run('search'), { stdout: /1 found/ })
})

test('a list of which no line is a lens changes nothing, and says what is wrong with its lines', async (t) => {
  const { dir, table, run } = await place(t)
  t.match(await run('import', table), { code: 0 })
  await run('import', table, '--dry-run')
  await writeFile(table, `nom;fournisseur\n\n;ATELIER\nPanorama;${'A'.repeat(101)}\n`)
  t.match(await run('import', table, '--remove'), {
    code: 1,
    stdout:
      /nothing of it is live\nline 3 left out: glass_name \(nothing\).*\nline 4 left out: glass_supplier_name A/,
    stderr: /lenses\.csv: no line of it is a lens; the catalogue stays as it is\n$/,
  })
  const { code, stdout } = await run('import', join(dir, 'lenses.csv'), '--json')
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { lines: 2, lenses: 0, live: false, rejected: [{ line: 3 }, { line: 4 }] })
  t.match(await run('search'), { stdout: /3 found/ })
  const database = await openCatalogue(join(dir, 'catalogue.db'), 'write')
  t.teardown(() => database.close())
  t.match(await diffOf(database, 'lenses.csv'), { same: 3 }, 'what was staged before is there still')
})

test('a line that is too long for its table leaves the other lines in', async (t) => {
  const { table, run } = await place(t)
  await writeFile(table, `${LINES}Solo;${'A'.repeat(101)};1,5;ORG;S\n`)
  t.match(await run('import', table), {
    code: 0,
    stdout: /3 added.*\n(.*\n)*line 5 left out: glass_supplier_name/,
  })
})

test('lenses are found by the symbols linked to them, and by the symbols’ tags', async (t) => {
  const { dir, table, run } = await place(t)
  await writeFile(table, 'nom;fournisseur;gamme;série\nA;X;Pro;S2\nB;X;;\n')
  await run('import', table)
  const database = await openCatalogue(join(dir, 'catalogue.db'), 'write')
  t.teardown(() => database.close())
  for (const symbol of ['fleur', 'lune']) {
    await keepExamples(database, symbol, [], { by: 'marie', at: '2026-01-01T00:00:00Z' })
  }

  t.match(await run('link', '1', 'fleur', '--confidence', '0.8'), {
    code: 0,
    stdout: / 1 {2}X: A\n +Pro, S2, .* engraved fleur\?/,
  })
  t.match(await run('link', '1', 'fleur', '--validated-by', 'marie', '--json'), {
    code: 0,
    stdout: /"symbol":"fleur","confidence":0.8,"validatedBy":"marie"/,
  })
  t.match(await run('link', '2', 'lune'), { stdout: /engraved lune\?/ })
  t.match(await run('tag', 'fleur', 'rond', 'ancien'), { code: 0, stdout: 'fleur: ancien, rond\n' })
  t.match(await run('tag', 'lune', 'rond', 'rond'), { code: 0, stdout: 'lune: rond\n' })

  t.match(await run('search', '--symbol', 'fleur'), { stdout: /X: A\n.*\n1 found/ })
  t.match(await run('search', '--symbol', 'fleur', '--symbol', 'lune'), { code: 1 })
  t.match(await run('search', '--tag', 'rond'), { stdout: /2 found/ })
  t.match(await run('search', '--tag', 'rond', '--tag', 'ancien'), { stdout: /X: A\n.*\n1 found/ })
  t.match(await run('search', '--tag', 'rond', '--tag', 'ancien', '--any'), { stdout: /2 found/ })

  t.match(await run('untag', 'fleur', 'rond'), { code: 0, stdout: 'fleur: ancien\n' })
  t.match(await run('search', '--tag', 'rond'), { stdout: /X: B\n.*\n1 found/ })
  await t.rejects(run('untag', 'fleur', 'ancien', 'rond'), {
    message: 'symbol fleur: tag "rond": expected one of ancien',
  })
  t.match(await run('untag', 'fleur', 'ancien'), { stdout: 'fleur: no tags\n' }, 'none went before')
  await t.rejects(run('untag', 'fleur', 'ancien'), { message: /it has no tags/ })
  t.match(await run('untag', 'fleur'), { code: 2, stderr: /untag SYMBOL TAG/ })
  t.match(await run('unlink', '1', 'fleur'), { code: 0 })
  t.match(await run('unlink', '1', 'fleur'), { code: 1, stderr: /lens 1: symbol fleur was not linked to it/ })
  t.match(await run('search', '--symbol', 'fleur'), { code: 1, stdout: '0 found\n' })
})

test('a link to what is not there is refused, and says what was expected', async (t) => {
  const { table, run } = await place(t)
  await run('import', table)
  t.match(await run('link', 'one', 'fleur'), { code: 2, stderr: /lens one: expected a number/ })
  t.match(await run('link', '1', 'fleur', '--confidence', '80'), {
    code: 2,
    stderr: /--confidence 80: expected a number from 0 to 1/,
  })
  t.match(await run('link', '1'), { code: 2, stderr: /catalogue link LENS_ID SYMBOL/ })
  await t.rejects(run('link', '99', 'fleur'), { fault: 'invalid', message: /^lens 99: .* expected a number/ })
  await t.rejects(run('unlink', '1', 'fleur'), { message: /^symbol fleur: .* expected one that pictures/ })
  await t.rejects(run('tag', 'fleur', 'rond'), { message: /^symbol fleur: / })
  await t.rejects(run('tag', 'fleur', 'x'.repeat(65)), { message: /^tag "x+": expected 1 to 64 characters/ })
  await t.rejects(run('link', '1', 'fleur', '--validated-by', ' '), {
    message: /^validated by " ": expected a name/,
  })
})

test('what is asked wrongly is said', async (t) => {
  const { run } = await place(t)
  t.match(await run('search', '--index', 'thin'), { code: 2, stderr: /--index thin: expected N or N-N/ })
  await t.rejects(run('import', '/nowhere.csv'), { message: /nowhere/ })
  t.match(await run('grow'), { code: 2, stderr: /poincon catalogue import FILE/ })
})

const STAGING = 'catalogue/staging_raw.csv'
const source = sharedData(STAGING) ?? ''
const skip = source === '' ? missing(STAGING) : false

test('the scraped catalogue is rebuilt without the damage of its old cleaner', { skip }, async (t) => {
  const { run } = await place(t)
  const { code, stdout } = await run('import', source, '--json')
  t.equal(code, 0)
  const outcome = JSON.parse(stdout)
  const repaired = (rule: string) =>
    outcome.repairs.filter((repair: { rule: string }) => repair.rule === rule).length
  t.match(outcome, { lines: 3863, rejected: [] })
  t.equal(repaired('index and material swapped'), 2 * 222)
  t.equal(repaired('no index: left open'), 78)
  t.equal(repaired('HTML in the cell'), 521)
  t.equal(repaired('the same HTML cell on every line: material from name or index'), 482)
  const names = new Set(outcome.diff.added.map((lens: { name: string }) => lens.name))
  t.ok(names.size > 3380, `${names.size} names, uncut`)
  const again = JSON.parse((await run('import', source, '--json')).stdout)
  t.strictSame(again.diff, { added: [], changed: [], removed: [], same: outcome.lenses })
})

test('nothing is changed while an update has the line: going back would take it away', async (t) => {
  const { dir, table, run } = await place(t)
  await writeFile(join(dir, 'poincon.yaml'), `data_dir: ${dir}\nupdate:\n  dir: ${dir}\n`)
  const says = (state: string) =>
    writeFile(
      join(dir, 'status.json'),
      JSON.stringify({
        ...{ schema: 'poincon.update/1', state, kind: 'release', to: '0.2.0' },
        since: new Date().toISOString(),
      }),
    )
  await says('trial')
  t.match(await run('import', table), {
    code: 1,
    stderr: 'poincon catalogue: an update to 0.2.0 has the line: try again when it is over\n',
  })
  t.match(await run('search'), { code: 1, stdout: '0 found\n' }, 'to look is no change')
  await says('committed')
  t.match(await run('import', table), { code: 0 })
})
