import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { catalogueCommand } from '../../../gateway/commands/catalogue.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

const LINES = `nom;fournisseur;indice;matiere;gravure
Clarté Duo;ATELIER;1,6;ORG;CD 6
Clarté Duo;ATELIER;1,67;ORG;CD 67
Panorama Trans®;ATELIER;ORG;1,5;PAN ou PN
`

async function place(t: Test) {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-catalogue-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const table = join(dir, 'lenses.csv')
  await writeFile(table, LINES)
  const config = join(dir, 'poincon.yaml')
  await writeFile(config, `data_dir: ${dir}\n`)
  const run = async (...args: string[]) => {
    const said = { stdout: '', stderr: '' }
    const into = (stream: keyof typeof said) => ({
      write(text: string | Uint8Array): boolean {
        said[stream] += String(text)
        return true
      },
    })
    const streams = { output: into('stdout'), errors: into('stderr') }
    return { code: await catalogueCommand([...args, '--config', config], streams), ...said }
  }
  return { dir, table, run }
}

test('a table goes into the catalogue, is found there, and comes again with what has changed', async (t) => {
  const { dir, table, run } = await place(t)
  const report = join(dir, 'report.ndjson')
  t.match(await run('import', table, '--dry-run'), { code: 0, stdout: /3 added.* — nothing of it is live/ })
  t.match(await run('search'), { code: 1, stdout: '0 found\n' })
  t.match(await run('import', table, '--report', report), { code: 0, stdout: /3 lines, 3 lenses.*\n3 added/ })
  t.match(await readFile(report, 'utf8'), /"row":3,"field":"glass_index","from":"ORG","to":"1.5"/)
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
})
