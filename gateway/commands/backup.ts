import { basename, dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { drill } from '../backup/drill.ts'
import { BackupError } from '../backup/error.ts'
import { backupDir } from '../backup/place.ts'
import { backupsIn, type ShelvedBackup, sweep } from '../backup/shelf.ts'
import { type Taken, takeBackup } from '../backup/take.ts'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon backup [--out FILE] [--json]
poincon backup list [--json]
poincon backup drill [FILE] [--in DIR] [--json]

Takes a backup of the station's log and its catalogue of lenses, whether the station runs or not, and verifies it; without --out it goes to
backup.dir. list shows the backups there. drill restores one (default: the newest) into a temporary directory (in
DIR), opens it as a station would, verifies it from its first inspection to its last, and clears it away.
--config FILE names the configuration.

Exit codes: 0 done, and verified · 1 failed: no backup, no room, no log · 2 wrong usage
            4 a log or a backup was read, and is damaged or of a newer release
`
/** What was read is not what was written. */
export const EXIT_DAMAGED = 4

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      out: { type: 'string', short: 'o' },
      in: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** `poincon backup …`. */
export async function backupCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb = 'take', file, ...more] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const known = verb === 'drill' || (file === undefined && (verb === 'take' || verb === 'list'))
  const misplaced =
    (values.out !== undefined && verb !== 'take') || (values.in !== undefined && verb !== 'drill')
  if (!known || misplaced || more.length > 0) {
    process.stderr.write(USAGE)
    return 2
  }
  const { config } = commandConfig(values.config)
  return await exitCode(() => {
    if (verb === 'list') return list(config, values)
    return verb === 'drill' ? drillOf(config, file, values) : take(config, values)
  })
}

/** Runs it, and says what went wrong. */
export async function exitCode(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BackupError)) throw error
    process.stderr.write(`poincon: ${error.message}\n`)
    return error.fault === 'damaged' || error.fault === 'newer' ? EXIT_DAMAGED : 1
  }
}

/** Aborts when somebody wants to end this; the process then clears up behind itself. */
export function interruption(): AbortSignal {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new BackupError('failed', `ended by ${signal}`)))
  }
  return interrupted.signal
}

async function take(config: Config, { out, json }: Values): Promise<number> {
  const dir = out === undefined ? backupDir(config) : dirname(resolve(out))
  await sweep(dir)
  const taken = await takeBackup({
    dataDir: config.data_dir,
    dir,
    ...(out === undefined ? {} : { name: basename(out) }),
    software: packageVersion(),
    clock: systemClock,
    signal: interruption(),
    progress: progressOn('copied'),
  })
  process.stdout.write(json ? `${JSON.stringify(takenLine(taken))}\n` : takenText(taken))
  return 0
}

/** At most every two seconds a line, for work that lasts. */
export function progressOn(what: string): (done: number, total: number) => void {
  let saidAt = performance.now()
  return (done, total) => {
    if (performance.now() - saidAt < 2000) return
    saidAt = performance.now()
    process.stderr.write(`${what} ${Math.floor((100 * done) / Math.max(1, total))} %\n`)
  }
}

function takenLine({ file, manifest, copyMs, verifyMs, logBytes }: Taken): object {
  return {
    ...manifest,
    file,
    copy_ms: Math.round(copyMs),
    verify_ms: Math.round(verifyMs),
    log_grew_bytes: logBytes,
  }
}

function takenText({ file, manifest, copyMs, verifyMs }: Taken): string {
  const { inspections, sequence, epoch, catalogue } = manifest
  return `${file}
  ${megabytes(manifest.bytes)}, ${inspections} inspections, up to sequence ${sequence} of epoch ${epoch}
${catalogue === undefined ? '' : `  ${megabytes(catalogue.bytes)} of catalogue: ${catalogue.lenses} lenses, ${catalogue.symbols} symbols\n`}  copied in ${seconds(copyMs)}, verified in ${seconds(verifyMs)}
`
}

async function list(config: Config, { json }: Values): Promise<number> {
  const dir = backupDir(config)
  const backups = await backupsIn(dir)
  for (const backup of backups) {
    process.stdout.write(
      json ? `${JSON.stringify({ ...backup.manifest, file: backup.file })}\n` : listed(backup),
    )
  }
  if (backups.length === 0 && !json) process.stdout.write(`no backups in ${dir}\n`)
  return 0
}

function listed({ file, manifest }: ShelvedBackup): string {
  const { taken_at: at, bytes, inspections, sequence, copied } = manifest
  const away = copied === undefined ? '' : `  copied to ${copied.to}`
  return `${at}  ${megabytes(bytes)}  ${inspections} inspections, sequence ${sequence}  ${file}${away}\n`
}

async function drillOf(config: Config, named: string | undefined, values: Values): Promise<number> {
  const backup = named ?? (await newestIn(backupDir(config)))
  const report = await drill({
    backup,
    ...(values.in === undefined ? {} : { within: values.in }),
    clock: systemClock,
    signal: interruption(),
    progress: progressOn('verified'),
  })
  const { found, bytes, copyMs, verifyMs } = report.restored
  const { openMs, totalMs } = report
  const figures = {
    ...{ file: backup, bytes, inspections: found.inspections, raw_records: found.rawRecords },
    ...{ verified: found.verified, epoch: found.epoch, sequence: found.sequence, hash: found.hash },
    ...{ copy_ms: Math.round(copyMs), verify_ms: Math.round(verifyMs), open_ms: Math.round(openMs) },
    ...{ total_ms: Math.round(totalMs), new_epoch_reason: report.newEpochReason },
  }
  const text = `${backup}
  restored: ${megabytes(bytes)}, ${found.inspections} inspections, ${found.rawRecords} raw records
  verified: the chain of ${found.verified} inspections up to sequence ${found.sequence} of epoch ${found.epoch}
  a station would be without its log for ${seconds(totalMs)}: copying ${seconds(copyMs)}, verifying ${seconds(verifyMs)}, opening ${seconds(openMs)}
`
  process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : text)
  return 0
}

async function newestIn(dir: string): Promise<string> {
  const [newest] = await backupsIn(dir)
  if (newest === undefined) throw new BackupError('failed', `${dir}: no backup to restore`)
  return newest.file
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
