import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { commandConfig } from '../config-file.ts'
import { onFoundation } from '../foundation.ts'
import { notifierOf } from '../health/notify.ts'
import { openLog } from '../log.ts'
import type { Recording } from '../replay/formats.ts'
import type { ReplayOptions } from '../replay/player.ts'
import { packageVersion } from '../version.ts'

const RETURN_WITHIN_S = 3600
const USAGE = `poincon run [--config FILE] [--dry-run]
poincon run [--config FILE] --replay FILE… [--pace]

  Runs the station until SIGTERM or Ctrl-C. It then ends the inspection in hand, makes the gate safe and delivers what it
  can; a second signal ends it at once.

  --dry-run  everything but the gate, which stays in its safe state
  --replay   inspects what files of raw data hold, as fast as it can; --pace: at the times they were taken

Exit codes: 0 ended as asked · 1 failed · 2 wrong usage · 78 the configuration is wrong
`

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      'dry-run': { type: 'boolean', default: false },
      replay: { type: 'string', multiple: true },
      pace: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/**
 * `poincon run`: the station, until SIGTERM or SIGINT. It then ends the current inspection, brings the gate to its
 * safe state and delivers what it can; a second signal ends it at once.
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config, file, delivered } = commandConfig(values.config)
  const log = openLog(config.log.level)
  const version = packageVersion()
  const under = delivered.map((one) => `${one.name} ${one.version}`)
  log.info({ version, configuration: file, under, node: process.version }, 'poincon')
  const files = [...(values.replay ?? []), ...positionals]
  const recordings = await readRecordings(files, (name, skipped) =>
    log.warn({ file: name, skipped }, 'lines that hold no measurement were left out'),
  )
  const manager = notifierOf({ env: process.env, clock: systemClock, log })
  const end = new AbortController()
  const signalled = (signal: NodeJS.Signals): void => {
    if (end.signal.aborted) process.exit(1)
    log.info({ signal }, 'stopping')
    void manager.tell({ STOPPING: '1', STATUS: 'ends the current inspection, delivers what it can' })
    end.abort()
  }
  process.on('SIGTERM', signalled).on('SIGINT', signalled)
  // A release that was taken back may have moved the store's schema.
  if (existsSync(join(config.update.dir, 'store-return.json'))) {
    // Copied, hashed and looked through: minutes, for a large one.
    await manager.tell({ EXTEND_TIMEOUT_USEC: String(RETURN_WITHIN_S * 1_000_000) })
    const { returnStore } = await import('./store-return.ts')
    await returnStore({ updateDir: config.update.dir, dataDir: config.data_dir, version, log })
  }
  const { signal } = end
  const replay = files.length === 0 ? {} : { replay: { ...recordings, paced: values.pace } }
  await onFoundation({ config, log, replayed: files.length > 0 }, async (foundation) => {
    const { runStation } = await import('../main.ts')
    await runStation({
      ...{ ...foundation, config, version, log, signal, ...replay },
      dryRun: values['dry-run'],
      env: process.env,
      onReload: (reload) => process.on('SIGHUP', reload),
      ready: ({ url, mqttPort }) => {
        log.info({ url, mqttPort, afterMs: Math.round(performance.now()) }, 'ready')
        void manager.tell({ READY: '1', STATUS: url === undefined ? 'inspects' : `inspects; page at ${url}` })
      },
    })
  })
  return 0
}

async function readRecordings(
  files: readonly string[],
  skipped: (name: string, lines: number) => void,
): Promise<Pick<ReplayOptions, 'records' | 'trays'>> {
  const recordings: Recording[] = []
  if (files.length === 0) return { records: [], trays: new Map() }
  const { readRecording } = await import('../replay/formats.ts')
  for (const file of files) {
    const recording = readRecording(file, await readFile(file, 'utf8'))
    if (recording.skipped > 0) skipped(file, recording.skipped)
    recordings.push(recording)
  }
  return {
    records: recordings.flatMap(({ records }) => records),
    trays: new Map(recordings.flatMap(({ trays }) => trays.map((tray) => [tray.id, tray] as const))),
  }
}
