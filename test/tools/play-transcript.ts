import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { I2cBus } from '../../drivers/bus.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import type { FirmwareImage } from '../../drivers/vl53l8ch/firmware.ts'
import { KNOWN_REVISIONS } from '../../drivers/vl53l8ch/firmware-revisions.ts'
import { ADDRESS } from '../../drivers/vl53l8ch/registers.ts'
import { PlaybackBus, type RecordedTransfer } from '../fakes/playback-bus.ts'
import { StillScene } from '../fakes/still-scene.ts'
import { UldSession, UnsupportedCall } from './uld-session.ts'

const scenario = z.object({
  file: z.string(),
  name: z.string(),
  targets_per_zone: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  prelude: z.string(),
  recorded: z.string(),
  calls: z.array(z.record(z.string(), z.unknown())),
})
export type Scenario = z.infer<typeof scenario>

const operation = z.union([
  z.object({
    op: z.enum(['w', 'r']),
    reg: z.string().regex(/^0x[0-9a-f]{4}$/),
    len: z.int().positive(),
    data: z.string().optional(),
    sha256: z.string().optional(),
    blob: z.string().optional(),
  }),
  z.object({ op: z.enum(['wait', 'mark']) }),
])

/** How one scenario went. */
export interface Played {
  readonly name: string
  readonly equal: boolean
  /** The first thing that differs, where something does. */
  readonly difference?: string
  /** `unsupported`: our driver does not have one of the calls. */
  readonly reason?: 'unsupported'
  /** Recorded writes whose content is not at hand: compared by place and length only. */
  readonly unverified?: readonly string[]
}

/** ST's table that no recording holds: it comes with vl53lmz_plugin_xtalk.h. */
const XTALK_CALIBRATION = KNOWN_REVISIONS[0]?.sha256.xtalkCalibration

/** Polls and their number are the host's affair. */
const NOT_COMPARED = new Set(['cmd', 'polls', 'header', 'module_type'])
/** Bytes that Linux reads in one transfer. */
const MOST_READ = 8192
const NVM_ANSWER = { register: 0x2c04, length: 492 }

/** The scenarios of an index file. */
export function scenariosOf(indexPath: string): Scenario[] {
  return z.array(scenario).parse(JSON.parse(readFileSync(indexPath, 'utf8')))
}

/** The transfers of one recording, without waits and marks. */
export function transfersOf(path: string): RecordedTransfer[] {
  const transfers: RecordedTransfer[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line.trim() === '') continue
    const entry = operation.parse(JSON.parse(line))
    if (entry.op !== 'w' && entry.op !== 'r') continue
    const { data, blob, sha256 } = entry
    const bytes =
      data !== undefined
        ? Uint8Array.from(Buffer.from(data, 'hex'))
        : blob === undefined
          ? undefined
          : Uint8Array.from(readFileSync(join(dirname(path), blob)))
    transfers.push({
      kind: entry.op === 'w' ? 'write' : 'read',
      register: Number(entry.reg),
      length: entry.len,
      bytes,
      sha256,
    })
  }
  return transfers
}

/** A read as our driver does it: what is longer than Linux allows comes in pieces. */
function inPieces(transfer: RecordedTransfer): RecordedTransfer[] {
  const { kind, register, length, bytes } = transfer
  if (kind === 'write' || bytes === undefined || length <= MOST_READ) return [transfer]
  const rest = { kind, register: register + MOST_READ, length: length - MOST_READ }
  return [
    { kind, register, length: MOST_READ, bytes: bytes.subarray(0, MOST_READ) },
    ...inPieces({ ...rest, bytes: bytes.subarray(MOST_READ) }),
  ]
}

/** What the recorded chip's calibration memory answered, where some recording of the index holds it. */
export function recordedNvm(indexPath: string): Uint8Array | undefined {
  for (const { file } of scenariosOf(indexPath)) {
    for (const { kind, register, length, bytes } of transfersOf(join(dirname(indexPath), file))) {
      if (kind === 'read' && register === NVM_ANSWER.register && length === NVM_ANSWER.length && bytes) {
        return bytes
      }
    }
  }
  return undefined
}

/**
 * Plays a scenario through our driver: its prelude against the simulated chip, its recorded calls against the
 * recording; writes and results must be the recorded ones.
 */
export async function play(
  indexPath: string,
  entry: Scenario,
  firmware: FirmwareImage,
  nvm: Uint8Array | undefined,
): Promise<Played> {
  const clock = new VirtualClock()
  const far = new SimulatedBus(clock, 1_000_000)
  const moved = (to: number, from: number): void => {
    far.detach(from)
    far.attach(to, chip)
  }
  const scene = new StillScene()
  const chip = new SimulatedVl53l8ch({ clock, scene, moved, ...(nvm === undefined ? {} : { nvm }) })
  far.attach(ADDRESS, chip)
  const image = { ...generateFirmware(1), ...firmware }
  const recorded = transfersOf(join(dirname(indexPath), entry.file))
    .flatMap(inPieces)
    .map((transfer) =>
      firmware.xtalkCalibration === undefined && transfer.sha256 === XTALK_CALIBRATION
        ? { ...transfer, unknown: true }
        : transfer,
    )
  const playback = new PlaybackBus(recorded, far)
  let bus: I2cBus = far
  const switched: I2cBus = { transfer: (address, out, length) => bus.transfer(address, out, length) }
  const session = new UldSession({ bus: switched, clock, address: ADDRESS }, image, entry.targets_per_zone)
  try {
    for (const call of callsOf(entry.prelude)) await session.call(call)
    bus = playback
    for (const [i, call] of callsOf(entry.recorded).entries()) {
      const difference = differenceOf(call, await session.call(call), entry.calls[i] ?? {})
      if (difference !== undefined) return { name: entry.name, equal: false, difference }
    }
    playback.done()
    const unverified = recorded.flatMap(({ unknown, register, length }) =>
      unknown === true ? [`${length} bytes at 0x${register.toString(16)}`] : [],
    )
    return { name: entry.name, equal: true, ...(unverified.length === 0 ? {} : { unverified }) }
  } catch (error) {
    const difference = error instanceof Error ? error.message : String(error)
    if (error instanceof UnsupportedCall)
      return { name: entry.name, equal: false, reason: 'unsupported', difference }
    return { name: entry.name, equal: false, difference }
  }
}

function callsOf(list: string): string[] {
  return list
    .split(';')
    .map((call) => call.trim())
    .filter((call) => call !== '')
}

function differenceOf(
  call: string,
  ours: Record<string, unknown>,
  expected: Record<string, unknown>,
): string | undefined {
  for (const [key, value] of Object.entries(expected)) {
    if (NOT_COMPARED.has(key)) continue
    if (!matches(ours[key], value)) {
      return `${call}: ${key} is ${JSON.stringify(ours[key])}, ${JSON.stringify(value)} expected`
    }
  }
  return undefined
}

/** Equal, or an object that has all that is expected. */
function matches(ours: unknown, expected: unknown): boolean {
  const parts = z.record(z.string(), z.unknown()).safeParse(expected)
  const mine = z.record(z.string(), z.unknown()).safeParse(ours)
  if (!parts.success || !mine.success) return isDeepStrictEqual(ours, expected)
  return Object.entries(parts.data).every(([key, value]) => isDeepStrictEqual(mine.data[key], value))
}
