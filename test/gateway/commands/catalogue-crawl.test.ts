import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { mediaTypeOf } from '../../../gateway/catalogue/crawl/picture-type.ts'
import { catalogueCommand } from '../../../gateway/commands/catalogue.ts'
import { HastyClock } from '../../fakes/hasty-clock.ts'
import { commandPlace } from '../../fakes/said.ts'
import { openSites, PAGES } from '../../fakes/supplier-pages.ts'
import { SupplierSites } from '../../fakes/supplier-site.ts'

const CONTACT = ['--contact', 'crawl@plant.example']

async function place(t: Test) {
  const sites = await SupplierSites.listen()
  t.teardown(() => sites.close())
  openSites(sites)
  const ended = new AbortController()
  const surroundings = { clock: new HastyClock(), signal: ended.signal }
  const { dir, run } = await commandPlace(t, (args, streams) => catalogueCommand(args, streams, surroundings))
  const start = sites.url('127.0.0.2/gravures/')
  return { sites, ended, dir, run, start, crawl: () => run('crawl', start, '--follow', start, ...CONTACT) }
}

test('crawl, look at it, accept it, find its lenses', async (t) => {
  const { dir, sites, run, start, crawl } = await place(t)
  t.match(await crawl(), {
    code: 0,
    stdout:
      /gravures\/: 0 rows, 0 lenses.*\n.*atelier\.html: 4 rows, 4 lenses, 1 rows left out\n(.*\n)*.*cd\.png: image\/png, \d+ bytes/,
    stderr: /4 pages, 0 of them not read; 2 pictures; nothing of it is live: poincon catalogue review\n$/,
  })
  t.ok(sites.asked.every(({ agent }) => /^poincon\/\d+\.\d+\.\d+ \(\+crawl@plant\.example\)$/.test(agent)))
  t.match(await run('search'), { stdout: '0 found\n' })
  const report = join(dir, 'report.ndjson')
  t.match(await run('review', '--limit', '2', '--report', report), {
    code: 0,
    stdout:
      /11 added, 0 changed, 0 removed, 0 as before — nothing of it is live\n {2}added ATELIER DU VERRE: Clarté Duo Poly, 1\.59, polycarbonate\n.*\n {2}… and 9 more added/,
  })
  t.match(
    await readFile(report, 'utf8'),
    /"url":"http.*prisme\.html","line":4,"field":"row","value":"Progressifs"/,
  )
  t.match(await run('accept'), { code: 2, stderr: /catalogue accept --by WHO/ })
  t.match(await run('accept', '--by', 'marie', '--json'), {
    code: 0,
    stdout: /^{"begun_at":.*"pictures":{"kept":2/,
  })
  t.match(await run('search', 'lueur elevee'), {
    stdout: /LUMIÈRE D'OPTIQUE: Lueur élevée\n.*engraved LU 67/,
  })
  t.match(await run('review'), { code: 1, stderr: /no crawl is open/ })

  const out = join(dir, 'marks')
  t.match(await run('pictures', '--out', out), {
    code: 0,
    stdout: /\.png: 2 lenses, http.*cd\.png\n.*1 lenses/,
  })
  const [first = ''] = await readdir(out)
  t.equal(mediaTypeOf(await readFile(join(out, first))), 'image/png')

  sites.paths.set('127.0.0.2/gravures/lumen.html', '<h1>Maintenance</h1>')
  t.match(await crawl(), { code: 0, stdout: /atelier\.html: as before\n/ })
  t.match(await run('review'), {
    stdout:
      /0 added, 0 changed, 0 removed.*\n {2}page .*lumen\.html: 0 rows; 3 lenses that it does not name stay, --gone http.*lumen\.html lets them go/,
  })
  t.match(await run('accept', '--by', 'marie', '--gone', sites.url('127.0.0.2/gravures/lumen.html')), {
    stdout: /0 added, 0 changed, 3 removed, 8 as before\n {2}removed/,
  })
  t.match(await run('crawl', start, ...CONTACT, '--no-pictures', '--json'), {
    stdout: /^{"url":"http.*","outcome":"page","rows":0/,
  })
  t.match(await run('discard'), { code: 0 })
  t.match(await run('search'), { stdout: /8 found/ })
})

test('a crawl that was cut off goes on; another one waits for it', async (t) => {
  const { sites, ended, run, start, crawl } = await place(t)
  t.match(await run('crawl'), { code: 1, stderr: /there is no crawl to go on with/ })
  sites.paths.set('127.0.0.2/gravures/', (_request, response) => {
    ended.abort(new Error('ended'))
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGES.index)
  })
  t.match(await crawl(), { code: 1, stderr: /cut off: poincon catalogue crawl goes on with it/ })
  t.match(await run('accept', '--by', 'marie'), { code: 1, stderr: /1 addresses are to be fetched still/ })
  t.match(await run('review'), { code: 0, stdout: /; 1 addresses are to be fetched still/ })
  t.match(await run('crawl', start, '--no-pictures', ...CONTACT), {
    code: 1,
    stderr:
      /another crawl, of .* has 1 addresses to fetch still: poincon catalogue crawl goes on with it, poincon catalogue discard/,
  })
  t.match(await run('discard'), { code: 0 })
  t.match(await run('discard'), { code: 1, stderr: /no crawl is open/ })
})

test('what is asked wrongly is said', async (t) => {
  const { run, start } = await place(t)
  for (const [args, stderr] of [
    [['crawl', 'lenses.csv', ...CONTACT], /lenses\.csv: expected an address/],
    [['crawl', 'https://a:b@a.example/', ...CONTACT], /expected an address/],
    [['crawl', start], /--contact : expected a mail address/],
    [['crawl', start, '--contact', 'me'], /--contact me: expected a mail address/],
    [['crawl', start, ...CONTACT, '--pages', '0'], /--pages 0: expected a number from 1 to 10000/],
    [['crawl', start, ...CONTACT, '--follow', '/x'], /\/x: expected an address/],
    [['review', 'all'], /poincon catalogue review/],
    [['pictures'], /poincon catalogue pictures --out DIR/],
  ] as const) {
    t.match(await run(...args), { code: 2, stderr }, args.join(' '))
  }
})

const CLI = fileURLToPath(new URL('../../../gateway/cli.js', import.meta.url))

function command(
  config: string,
  ...args: readonly string[]
): { child: ChildProcess; ended: Promise<unknown>; text: () => string } {
  const child = spawn(process.execPath, [CLI, 'catalogue', ...args, '--config', config], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
  return { child, ended: once(child, 'close'), text: () => text }
}

test('the command itself, killed in the middle of a page, and again', { timeout: 120_000 }, async (t) => {
  const { dir, sites, start } = await place(t)
  const config = join(dir, 'poincon.yaml')
  await writeFile(config, `data_dir: ${dir}\n`)
  const atelier = '127.0.0.2/gravures/atelier.html'
  sites.paths.set('127.0.0.2/gravures/', '<a href="atelier.html">')
  let killed = false
  const first = command(config, 'crawl', start, '--follow', start, '--no-pictures', ...CONTACT)
  t.teardown(() => first.child.kill('SIGKILL'))
  sites.paths.set(atelier, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).write(PAGES.atelier.slice(0, 300))
    killed = first.child.kill('SIGKILL')
  })
  await first.ended
  t.ok(killed, first.text())
  sites.paths.set(atelier, PAGES.atelier)
  const second = command(config, 'crawl')
  t.teardown(() => second.child.kill('SIGKILL'))
  await second.ended
  t.equal(second.child.exitCode, 0, second.text())
  t.strictSame(sites.fetched, ['127.0.0.2/gravures/', atelier], 'each once')
  const times = sites.asked.map(({ atMs }) => atMs)
  t.ok(
    times.every((atMs, index) => index === 0 || atMs - (times[index - 1] ?? 0) >= 2900),
    `three seconds apart: ${times.join(', ')}`,
  )
  const accepted = command(config, 'accept', '--by', 'marie')
  await accepted.ended
  t.match(accepted.text(), /4 added, 0 changed, 0 removed/)
})
