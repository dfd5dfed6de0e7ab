import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { BackupError } from '../backup/error.ts'
import { type Restored, type RestoreOptions, restoreBackup } from '../backup/restore.ts'
import { VERIFIED_NEWEST } from '../backup/take.ts'
import { loadConfig } from '../config-file.ts'
import { exitCode, interruption, progressOn } from './backup.ts'

const USAGE = `poincon restore FILE [--data-dir DIR] [--force] [--quick] [--json]

Puts the log of a backup in place of the station's, after it was verified from its first inspection to its last, and the
catalogue of lenses where the backup has one. The station must not run. What was there is moved into a folder beside it, never deleted. --force replaces a log
that is newer than the backup, or that cannot be read; it also takes a backup without its manifest. The next start
begins a new epoch. --quick follows the chain of the newest inspections only: the rest is as the manifest's hash
says. --data-dir names another directory than the configuration (--config FILE).

Exit codes: 0 restored · 1 failed: nothing was replaced · 2 wrong usage
            3 refused: a station runs there, or its log is newer than the backup
            4 the backup is damaged, or of a newer release
`
const EXIT_REFUSED = 3

/** `poincon restore`. */
export async function restoreCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      'data-dir': { type: 'string' },
      force: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [backup, ...more] = positionals
  if (values.help || backup === undefined || more.length > 0) {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE)
    return values.help ? 0 : 2
  }
  const dataDir = values['data-dir'] ?? dataDirOf(values.config)
  const { force, quick, json } = values
  const what = { backup, dataDir, force, ...(quick ? { newest: VERIFIED_NEWEST } : {}) }
  return await exitCode(() => restore(what, json))
}

/** Read only where nobody says it: a station whose configuration is lost can be restored too. */
function dataDirOf(file: string | undefined): string {
  const { config } = loadConfig({
    ...(file === undefined ? {} : { file }),
    env: process.env,
    cwd: process.cwd(),
  })
  return config.data_dir
}

async function restore(
  what: Pick<RestoreOptions, 'backup' | 'dataDir' | 'force' | 'newest'>,
  json: boolean,
): Promise<number> {
  try {
    const restored = await restoreBackup({
      ...what,
      clock: systemClock,
      signal: interruption(),
      progress: progressOn('verified'),
    })
    process.stdout.write(json ? `${JSON.stringify(lineOf(what, restored))}\n` : textOf(what, restored))
    return 0
  } catch (error) {
    if (!(error instanceof BackupError && error.fault === 'refused')) throw error
    process.stderr.write(`poincon: ${error.message}\n`)
    return EXIT_REFUSED
  }
}

type What = Pick<RestoreOptions, 'backup' | 'dataDir'>

function lineOf(
  { backup, dataDir }: What,
  { found, bytes, catalogue, movedTo, copyMs, verifyMs }: Restored,
): object {
  return {
    ...{ backup, data_dir: dataDir, bytes, inspections: found.inspections, raw_records: found.rawRecords },
    ...{ verified: found.verified, epoch: found.epoch, sequence: found.sequence, device_id: found.deviceId },
    ...{ catalogue, copy_ms: Math.round(copyMs), verify_ms: Math.round(verifyMs) },
    ...(movedTo === undefined ? {} : { moved_to: movedTo }),
  }
}

function textOf({ backup, dataDir }: What, { found, bytes, catalogue, movedTo, manifest }: Restored): string {
  const unvouched =
    manifest === undefined ? '  there was no manifest: nobody vouches for what it should hold\n' : ''
  const moved = movedTo === undefined ? '' : `  the log that was there is in ${movedTo}\n`
  const lenses = catalogue ? '  with the catalogue of lenses\n' : ''
  return `${backup} is restored into ${dataDir}
  ${(bytes / 1e6).toFixed(1)} MB, ${found.inspections} inspections of ${found.deviceId}, up to sequence ${found.sequence} of epoch ${found.epoch}
${lenses}${moved}${unvouched}  the next start begins a new epoch; what was sent already may be sent again
`
}
