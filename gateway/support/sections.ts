import { execFile } from 'node:child_process'
import { open, readdir } from 'node:fs/promises'
import { cpus, freemem, loadavg, release, totalmem, uptime } from 'node:os'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A collector that hangs must not keep the rest from whoever waits for it. */
const COMMAND_LIMIT_MS = 30_000
const REQUEST_LIMIT_MS = 10_000
/** Of each section; a log keeps its newest lines. */
export const SECTION_BYTES = 16 * 1024 * 1024

/** One file of a support bundle. */
export interface Section {
  /** Its name in the archive. */
  readonly file: string
  /** What it holds, for the list that whoever sends it reads first. */
  readonly about: string
  /** @throws what stands in the way: the bundle says so, and goes on without it */
  readonly collect: () => Promise<string>
}

export interface Sources {
  /** Of this gateway's API: `http://127.0.0.1:8080`. */
  readonly api: string
  /** The program that runs: a second one is asked what only a process of its own may find out. */
  readonly cli: { readonly node: string; readonly script: string; readonly args: readonly string[] }
  /** The configuration, without its secrets: as it is in force, or as far as a wrong one may be told. */
  readonly configuration: { readonly text: string; readonly about: string }
  /** Files as they are, by their name in the archive. */
  readonly files: ReadonlyMap<string, { readonly path: string; readonly about: string }>
  /** Newest inspections to bring. */
  readonly parts: number
  /** How far back the log goes. */
  readonly days: number
}

/** What of a station somebody needs who was not there. */
export function sectionsOf({ api, cli, configuration, files, parts, days }: Sources): readonly Section[] {
  const json = (file: string, path: string, about: string): Section => ({
    ...{ file, about },
    collect: () => fetched(`${api}${path}`),
  })
  const said = (file: string, about: string, command: string, ...args: readonly string[]): Section => ({
    ...{ file, about },
    collect: () => output(command, args),
  })
  const units = ['poincon*']
  return [
    {
      file: 'configuration.yaml',
      about: configuration.about,
      collect: () => Promise.resolve(configuration.text),
    },
    said('doctor.json', 'poincon doctor', cli.node, cli.script, 'doctor', '--json', '--brief', ...cli.args),
    { file: 'machine.json', about: 'processor, memory, system', collect: () => Promise.resolve(machine()) },
    { file: 'devices.txt', about: 'buses, cameras and lines in /dev', collect: devices },
    said('disks.txt', 'room', 'df', '-PT'),
    json('healthz.json', '/healthz', 'counters and units'),
    json('readyz.json', '/readyz', 'what parts wait for'),
    json('station.json', '/api/v1/station', 'recipe, lot, heads, sinks'),
    json('quality.json', '/api/v1/quality', 'alerts, charts, key figures'),
    json('storage.json', '/api/v1/storage', 'what is stored, and how long room lasts'),
    json('update.json', '/api/v1/update', 'the update in hand'),
    json('inspections.json', `/api/v1/inspections?limit=${parts}`, `the newest ${parts} inspections`),
    json('metrics.txt', '/metrics', 'as Prometheus reads them'),
    said(
      'units.txt',
      'systemd units',
      'systemctl',
      'status',
      '--no-pager',
      '--full',
      '--lines=0',
      '--all',
      ...units,
    ),
    said(
      ...(['log.txt', `the log of ${days} days`, 'journalctl', '--no-pager', '--output=short-iso'] as const),
      ...['--since', `-${days}d`, '--unit', 'poincon*'],
    ),
    said(
      'crashes.txt',
      'which processes crashed; no memory of theirs',
      'coredumpctl',
      'list',
      '--no-pager',
      '--all',
    ),
    ...[...files].map(([file, { path, about }]) => ({ file, about, collect: () => newest(path) })),
  ]
}

function machine(): string {
  const [processor] = cpus()
  const facts = {
    node: process.version,
    ...{ platform: process.platform, arch: process.arch, kernel: release() },
    processor: processor?.model,
    cores: cpus().length,
    ...{ memory_bytes: totalmem(), free_bytes: freemem(), load: loadavg() },
    up_s: Math.round(uptime()),
    at: new Date().toISOString(),
  }
  return `${JSON.stringify(facts, null, 2)}\n`
}

async function devices(): Promise<string> {
  const names = (await readdir('/dev')).filter((name) =>
    /^(i2c-|video|gpiochip|spidev|watchdog|rtc)/.test(name),
  )
  return names.length === 0 ? 'none\n' : `${names.sort().join('\n')}\n`
}

async function fetched(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_LIMIT_MS), redirect: 'error' })
  // /readyz says 503 with what it waits for; a page that is not there says nothing.
  if (response.status === 404) throw new Error(`${url}: 404`)
  return await response.text()
}

/** What a command prints, also when it finds something wrong: `systemctl status` of a dead unit ends with 3. */
async function output(command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(command, [...args], {
      timeout: COMMAND_LIMIT_MS,
      maxBuffer: 8 * SECTION_BYTES,
      env: { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0' },
    })
    return ending(stdout)
  } catch (error) {
    if (
      error instanceof Error &&
      'stdout' in error &&
      typeof error.stdout === 'string' &&
      error.stdout !== ''
    ) {
      return ending(error.stdout)
    }
    throw error
  }
}

/** The newest lines of a file that grows at its end. */
async function newest(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, SECTION_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

function ending(text: string): string {
  return text.length <= SECTION_BYTES ? text : text.slice(-SECTION_BYTES)
}
