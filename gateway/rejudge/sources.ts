import { decodeRaw, type RawRecord } from '../raw.ts'
import { type GivenVerdict, gapsOf } from './again.ts'
import type { Archive } from './archive.ts'
import { readMessage, type StoredMessage } from './message.ts'
import { type Stretch, selectionOf } from './range.ts'
import { recordedParts } from './recordings.ts'

/** One part as it was kept: raw data, and the inspection where there was one. */
export interface KeptPart {
  readonly sequence: number
  readonly epoch?: string
  readonly record: RawRecord
  readonly message?: StoredMessage
}

/** What could not be read of a log, by reason. */
export type Missing = (reason: string) => void

/** The parts of a stretch of the log whose raw data are there. @param missing told of the others */
export async function* storedParts(
  archive: Archive,
  stretch: Stretch,
  missing: Missing,
): AsyncGenerator<KeptPart> {
  const selection = selectionOf(archive, stretch)
  for await (const entry of archive.entries(selection.begin)) {
    if (entry.position > selection.end) return
    if (!selection.includes(entry.payload)) continue
    const message = readMessage(entry.payload)
    if (typeof message === 'string') {
      missing('the inspection cannot be read')
      continue
    }
    const raw = await archive.raw(entry)
    if (raw === undefined) missing('its raw data are gone')
    else {
      const record = recordIn(raw)
      if (record === undefined) missing('its raw data cannot be read')
      else yield { sequence: entry.sequence, epoch: entry.epoch, record, message }
    }
  }
}

/** The parts of recordings, counted from 1 over all files. */
export async function* partsOfFiles(files: readonly string[]): AsyncGenerator<KeptPart> {
  let sequence = 0
  for await (const record of recordedParts(files)) {
    sequence += 1
    yield { sequence, record }
  }
}

/** Which of a part's heads were measured and not judged, and which gave nothing. */
export function circumstancesOf({ record, message }: Pick<KeptPart, 'record' | 'message'>): {
  readonly further: readonly string[]
  readonly gaps: ReturnType<typeof gapsOf>
} {
  const given: GivenVerdict | undefined = message?.verdict
  return {
    further: Object.keys(message?.heads ?? {}),
    gaps: given === undefined ? [] : gapsOf(given, record),
  }
}

/** @returns undefined for bytes that are no raw record */
export function recordIn(raw: Uint8Array): RawRecord | undefined {
  try {
    return decodeRaw(raw)
  } catch {
    return undefined
  }
}
