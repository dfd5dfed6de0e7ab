/**
 * Every test file, the long ones first, so that at the end no processor waits for the last of them; each as
 * `node file.test.js` runs it. The runner by itself would load its bookkeeping for coverage, which is off, into each file
 * and into every process that a test starts: as much work again as all else of a short file, and a station under test
 * would not be the one that ships.
 */
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import t from 'tap'

/** Against hanging, on a machine that does other things as well; a file may set itself a longer one. */
const TIMEOUT_MS = 240_000

/** What takes longest, longest first; the rest as it is called. */
const LONG = [
  ...['guest/', 'station/', 'provisioning/', 'console/', 'gateway/support/', 'gateway/commands/'],
  ...['gateway/ingest/', 'gateway/proof/', 'faults/', 'drivers/', 'docs', 'flows/', 'gateway/store/'],
]

function rank(file: string): number {
  const at = LONG.findIndex((start) => file.startsWith(start))
  return at < 0 ? LONG.length : at
}

const folder = import.meta.dirname
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, 'en'))

t.setTimeout(0)
t.jobs = availableParallelism()
t.plan(files.length)
const started = files.map((file) => {
  const path = join(folder, file)
  // The runner gives NODE_OPTIONS to whatever is started; env(1) takes it away again.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', path]
  const name = relative(process.cwd(), path)
  return t.spawn('env', command, { name, buffered: true, timeout: TIMEOUT_MS }).subtest
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const file of started) file?.proc?.kill(signal)
    t.bailout(signal)
  })
}
