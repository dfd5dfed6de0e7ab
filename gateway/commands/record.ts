import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { I2cBus } from '../../drivers/bus.ts'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { type IndexEntry, transcriptFile, writeTranscript } from '../../drivers/transcript/files.ts'
import { RecordingBus } from '../../drivers/transcript/recording-bus.ts'
import { type Config, ConfigError } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { gatewayRuns } from '../doctor/machine.ts'
import { type HeadPlan, wire } from '../hardware.ts'
import type { HeadOptions } from '../head-options.ts'
import { wiresOf } from '../ranging-plan.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon record --head ID --out DIR [--frames N] [--name NAME] [--config FILE]

Opens one head, takes N measurements (default 10), closes it, and writes everything that was said on its
bus to DIR/NAME.jsonl (default: the head's id), with an entry in DIR/index.json. Not while the station runs.
`
const MOST_FRAMES = 10_000

/** `poincon record`: a transcript of one head. Exit 1 when a call failed: what was said until then is written all the same. */
export async function recordCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      head: { type: 'string' },
      out: { type: 'string', short: 'o' },
      frames: { type: 'string', default: '10' },
      name: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const { head, out, name = head, help } = values
  const frames = Number(values.frames)
  const countable = Number.isInteger(frames) && frames >= 1 && frames <= MOST_FRAMES
  if (help || head === undefined || out === undefined || name === undefined || !countable) {
    if (!help && !countable)
      process.stderr.write(`--frames ${values.frames}: expected 1 to ${MOST_FRAMES}\n\n`)
    process[help ? 'stdout' : 'stderr'].write(USAGE)
    return help ? 0 : 2
  }
  const { config } = commandConfig(values.config)
  if (await gatewayRuns(config)) {
    process.stderr.write(`a gateway runs with ${config.data_dir}, and has the heads: stop it first\n`)
    return 1
  }
  const end = new AbortController()
  const interrupted = (): void => end.abort(new Error('interrupted'))
  process.once('SIGINT', interrupted)
  try {
    return told(
      head,
      await recordHead({ config, head, out, name, frames, clock: systemClock, signal: end.signal }),
    )
  } finally {
    process.off('SIGINT', interrupted)
  }
}

function told(head: string, { path, entry, failure }: Recorded): number {
  const { recorded, transactions, tx_bytes: out, rx_bytes: back, wait_ms: waited } = entry
  process.stdout.write(
    `${path}: ${recorded}\n${transactions} transfers, ${out} bytes out, ${back} in, ${waited} ms of waiting\n`,
  )
  if (failure === undefined) return 0
  process.stderr.write(`${head}: ${failure instanceof Error ? failure.message : String(failure)}\n`)
  return 1
}

/** What to record. */
export interface RecordingOrder {
  readonly config: Config
  /** One of the configured heads. */
  readonly head: string
  /** Folder of transcripts. */
  readonly out: string
  readonly name: string
  /** How many measurements. */
  readonly frames: number
  readonly clock: Clock
  /** Ends it early: what was said until then is written. */
  readonly signal: AbortSignal
}

export interface Recorded {
  readonly path: string
  readonly entry: IndexEntry
  /** What a call threw, where one did. */
  readonly failure: unknown
}

/**
 * Opens one head as the station would, measures, closes it, and writes what was said on its bus.
 * @throws ConfigError for a head that is not configured, RangeError for a name that no file can have; BusError for a bus that cannot be opened
 */
export async function recordHead(order: RecordingOrder): Promise<Recorded> {
  const { config, head, out, name, clock } = order
  const options = config.heads[head]
  if (options === undefined) {
    throw new ConfigError(
      `--head ${head}: no such head: expected one of ${Object.keys(config.heads).join(', ')}`,
    )
  }
  const path = join(out, transcriptFile(name))
  const wires = wiresOf(options.bus, config.buses)
  const registerBytes = options.kind === 'vl53l8ch' ? 2 : 1
  let recorder: RecordingBus | undefined
  const observed = (bus: I2cBus, busName: string): I2cBus => {
    if (busName !== wires) return bus
    recorder = new RecordingBus(bus, clock, { address: options.address, registerBytes })
    return recorder
  }
  const hardware = wire({ config, clock, profile: config.recipe, observed })
  try {
    await hardware.bus(options.bus)
    const plan = hardware.heads.find(({ id }) => id === head)
    if (plan === undefined || recorder === undefined) throw new Error(`head ${head} has no wires`)
    const failure = await session(plan, recorder, order)
    const entry = await writeTranscript(out, recorder.recording(name), factsOf(head, options, config))
    return { path, entry, failure }
  } finally {
    await hardware.close()
  }
}

/** @returns what a call threw: the transcript of a fault is the one that is wanted most */
async function session(
  plan: HeadPlan,
  recorder: RecordingBus,
  { frames, clock, signal }: RecordingOrder,
): Promise<unknown> {
  try {
    const instrument = await recorder.call('open', () => plan.open(signal))
    try {
      for (let taken = 0; taken < frames; taken += 1) {
        // The first is surely of now; those behind it follow without a gap, where the chip measures on its own.
        const next = taken > 0 && instrument.next !== undefined
        await recorder.call(
          next ? 'next' : 'measure',
          () => (next ? instrument.next?.(signal) : undefined) ?? instrument.measure(clock.now(), signal),
          (measurement) => ({ [measurement.kind]: shown(measurement) }),
        )
      }
    } finally {
      await recorder.call('close', () => instrument.close())
    }
    return undefined
  } catch (error) {
    return error
  }
}

/** A measurement as JSON has it; its raw bytes stand in the transcript itself. */
function shown(measurement: object): Record<string, unknown> {
  const fields = Object.entries(measurement).filter(([key]) => key !== 'raw')
  return Object.fromEntries(
    fields.map(([key, value]) => [key, value instanceof Float64Array ? [...value] : value]),
  )
}

/** Where the transcript is from. */
function factsOf(id: string, head: HeadOptions, { buses }: Config): Record<string, unknown> {
  const bus = buses[wiresOf(head.bus, buses) ?? '']
  return {
    ...(head.kind === 'vl53l8ch' ? { targets_per_zone: head.targets_per_zone } : {}),
    head: id,
    kind: head.kind,
    address: `0x${head.address.toString(16)}`,
    source: bus?.kind === 'linux' ? bus.path : 'simulated',
    recorded_at: new Date(systemClock.wall()).toISOString(),
    software: packageVersion(),
  }
}
