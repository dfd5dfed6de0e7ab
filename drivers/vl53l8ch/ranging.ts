import { SensorError } from '../sensor.ts'
import {
  bigEndianWords,
  execute,
  type Link,
  littleEndianWords,
  poll,
  readBlock,
  readByte,
  readDci,
  SENSOR,
  selectPage,
  statusName,
  transfer,
  writeByte,
  writeDci,
} from './mailbox.ts'
import { LIST_WORDS, type OutputPlan } from './outputs.ts'
import * as reg from './registers.ts'
import { getResolution } from './settings.ts'

export const START_COMMAND = 0x00030000
/** Stands at 0x2FFC once the firmware has stopped by itself (auto-stop). */
export const STOPPED_BY_ITSELF = 0xff040000
const STOP_MS = 2000
const STOP_POLL_MS = 5

/**
 * Sends the output list and starts ranging.
 * @param zones what the plan was made for
 * @throws SensorError `corrupt` when the chip has other zones or plans frames of another length
 */
export async function startRanging(link: Link, zones: 16 | 64, plan: OutputPlan): Promise<void> {
  const there = await getResolution(link)
  if (there !== zones) {
    throw new SensorError(SENSOR, 'corrupt', `the chip ranges in ${there} zones, ${zones} expected`)
  }
  const list = new Array<number>(LIST_WORDS).fill(0)
  for (const [i, header] of plan.list.entries()) list[i] = header
  await writeDci(link, reg.DCI_OUTPUT_LIST, littleEndianWords(...list))
  await writeDci(link, reg.DCI_OUTPUT_SIZE, littleEndianWords(plan.frameBytes, LIST_WORDS + 1))
  await writeDci(link, reg.DCI_OUTPUT_ENABLES, littleEndianWords(plan.enables, 0, 0, 0))
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.POWER, reg.POWER_RANGING)
  await selectPage(link, reg.PAGE_UI)
  await execute(link, bigEndianWords(START_COMMAND), 'starting to range')
  const size = new DataView((await readDci(link, reg.DCI_FRAME_SIZE, 12)).buffer).getUint16(8, true)
  if (size !== plan.frameBytes) {
    throw new SensorError(
      SENSOR,
      'corrupt',
      `the chip plans ${size} bytes a frame, ${plan.frameBytes} expected`,
    )
  }
}

/**
 * Stops ranging and leaves page 2 selected.
 * @param options `autoStop`: do as ST's driver while auto-stop is on, and never ask the chip to stop, not even one that
 * met no threshold yet (facts §5); default: ask it unless it has stopped by itself
 * @throws SensorError `timeout` after 2 s, `failed` when the chip ends in an error state
 */
export async function stopRanging(link: Link, options: { readonly autoStop?: boolean } = {}): Promise<void> {
  const last = await readBlock(link, reg.MAILBOX_LAST_WORD, 4)
  const stopped = new DataView(last.buffer, last.byteOffset).getUint32(0) === STOPPED_BY_ITSELF
  if (!stopped && options.autoStop !== true) await requestStop(link)
  const detail =
    ((await readByte(link, reg.BOOT_STATUS)) & 0x80) !== 0 ? await readByte(link, reg.BOOT_DETAIL) : 0x84
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.STOP_REQUEST, 0x00)
  await writeByte(link, reg.STOP_KEY, 0x00)
  await writeByte(link, reg.POWER, reg.POWER_AWAKE)
  await selectPage(link, reg.PAGE_UI)
  if (detail !== 0x84 && detail !== 0x85) {
    throw new SensorError(SENSOR, 'failed', `stopping ended in state 0x${detail.toString(16)}`)
  }
}

async function requestStop(link: Link): Promise<void> {
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.STOP_KEY, 0x16)
  await writeByte(link, reg.STOP_REQUEST, 0x01)
  await poll(link, 'stopping', { withinMs: STOP_MS, everyMs: STOP_POLL_MS }, async () =>
    ((await readByte(link, reg.BOOT_STATUS)) & 0x80) !== 0 ? true : undefined,
  )
}

/** The first four bytes of the results. */
export type ReadyWord =
  /** A frame stands there; whether it is a new one, its stream count tells. */
  | { readonly kind: 'frame'; readonly streamCount: number }
  /** None since ranging started. */
  | { readonly kind: 'none' }
  /** The firmware stopped with an error. */
  | { readonly kind: 'failed'; readonly status: number }
  /** No ranging firmware writes this: the chip was reset, or something else answers. */
  | { readonly kind: 'impossible'; readonly word: number }

const NO_FRAME_YET = 0xff
const RANGING = 0x05

/** Reads the ready word of facts §5. Pure. @param word four bytes */
export function decodeReadyWord(word: Uint8Array): ReadyWord {
  const [streamCount = 0, state = 0, flags = 0, more = 0] = word
  const ready = state === RANGING && (flags & 0x05) === 0x05 && (more & 0x10) !== 0
  if (ready && streamCount !== NO_FRAME_YET) return { kind: 'frame', streamCount }
  if ((more & 0x80) !== 0) return { kind: 'failed', status: flags }
  if (state === RANGING) return { kind: 'none' }
  return { kind: 'impossible', word: new DataView(word.buffer, word.byteOffset).getUint32(0) }
}

// The one transfer that is made over and over: its address bytes are made once.
const FROM_READY_WORD = Uint8Array.of(0, 0)

/** Asks for the ready word. @throws SensorError `failed` with the firmware's status when it stopped */
export async function readReadyWord(link: Link): Promise<Exclude<ReadyWord, { kind: 'failed' }>> {
  const ready = decodeReadyWord(await transfer(link, FROM_READY_WORD, 4))
  if (ready.kind === 'failed') {
    throw new SensorError(SENSOR, 'failed', `the firmware reports ${statusName(ready.status)}`)
  }
  return ready
}

/** What Linux reads in one transfer. */
const MOST_BYTES = 8192

/**
 * Reads the frame that stands in the results, whatever its age: at once where one transfer can hold it, as only the
 * largest histograms with several targets do not.
 */
export async function readFrame(link: Link, frameBytes: number): Promise<Uint8Array> {
  if (frameBytes <= MOST_BYTES) return transfer(link, FROM_READY_WORD, frameBytes)
  const frame = new Uint8Array(frameBytes)
  for (let at = 0; at < frameBytes; at += MOST_BYTES) {
    frame.set(await readBlock(link, at, Math.min(MOST_BYTES, frameBytes - at)), at)
  }
  return frame
}

/**
 * Frames between two stream counts, 0…31. The count of frame `id` is 4·id + 3, folded into 128…255 once it has passed
 * 255, which itself is shown as 127 (facts §5); modulo 128 none of that matters. 255 is "before the first".
 * A count that moved by less than a frame still means a new frame.
 */
export function framesBetween(from: number, to: number): number {
  return from === to ? 0 : Math.max(1, ((to - from) & 0x7f) >> 2)
}
