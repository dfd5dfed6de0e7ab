import { z } from 'zod'
import { CHANNELS, type Channel, GAINS, integrationMs } from '../../drivers/as7341/counts.ts'
import { type EmptyTray, parseCalibration } from '../calibration.ts'
import { type RawHead, type RawRecord, rawRecord } from '../raw.ts'

/** A recording that cannot be replayed: which file, which line, and what was expected there. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
}

/** A recording, read. */
export interface Recording {
  readonly records: readonly RawRecord[]
  /** Lines that hold something else than a measurement of a head, e.g. a lone histogram block. */
  readonly skipped: number
  /** Calibrations that the records were measured with, where the recording holds them. */
  readonly trays: readonly EmptyTray[]
}

/** A line of a recording that holds a calibration instead of a part. */
const calibrationLine = z.object({ schema: z.literal('poincon.calibration/1') }).loose()

/** Foreign recordings name no heads: these stand for the station's first of each kind. */
const RANGING = 'vl53l8ch'
const SPECTRAL = 'as7341'

/**
 * Reads a recording in any form we know: `poincon.raw/1` lines, captured frames (`frames_real.jsonl`), `.depzrec`
 * captures of a VL53L8 and AS7341 readings (tomoto's JSON, miniPar's and sparks-baird's CSV).
 * @param name for errors
 * @throws ReplayError
 */
export function readRecording(name: string, text: string): Recording {
  const head = text.slice(0, 4096).trimStart()
  if (head.startsWith('[')) return readTomoto(name, text)
  if (head.startsWith('{'))
    return head.includes('"depz.rec/1"') ? readDepz(name, text) : readLines(name, text)
  const columns = head.split(/\r?\n/, 1)[0]?.split(',') ?? []
  if (columns.includes('f1_415') || columns.includes('ch410')) return readTable(name, text)
  throw new ReplayError(`${name}:1: not a recording: ${JSON.stringify(head.slice(0, 40))}`)
}

function record(heads: RawRecord['heads'], tUs?: number, sampleId?: string): RawRecord {
  return {
    schema: 'poincon.raw/1',
    ...(tUs === undefined ? {} : { t_us: tUs }),
    ...(sampleId === undefined ? {} : { trigger: { sample_id: sampleId.slice(0, 128) } }),
    heads,
  }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, name: string, line: number): T {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path.map(String).join('.')
  throw new ReplayError(
    `${name}:${line}: ${path}: ${JSON.stringify(issue?.input)?.slice(0, 80)}: ${issue?.message}`,
  )
}

function json(text: string, name: string, line: number): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ReplayError(`${name}:${line}: not JSON: ${text.slice(0, 40)}`, { cause: error })
  }
}

const hex = z
  .string()
  .regex(/^([0-9a-f]{2})+$/i, 'expected bytes in hex')
  .transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'hex')))

const capturedFrame = z.object({
  id: z.string(),
  kind: z.literal('ranging'),
  zones: z.literal([16, 64]),
  targets_per_zone: z.literal([1, 2, 3, 4]),
  raw: hex,
})

function readLines(name: string, text: string): Recording {
  const records: RawRecord[] = []
  const trays: EmptyTray[] = []
  let skipped = 0
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const value = json(line, name, index + 1)
    if (calibrationLine.safeParse(value).success) {
      trays.push(calibrationOf(value, name, index + 1))
      continue
    }
    const kind = z.object({ schema: z.string().optional(), kind: z.string().optional() }).safeParse(value)
    if (kind.success && kind.data.schema === undefined && kind.data.kind !== undefined) {
      if (kind.data.kind !== 'ranging') {
        skipped += 1
        continue
      }
      const frame = parsed(capturedFrame, value, name, index + 1)
      const { zones, targets_per_zone, raw, id } = frame
      records.push(
        record({ [RANGING]: { kind: RANGING, zones, targets_per_zone, payload: raw } }, undefined, id),
      )
    } else {
      records.push(parsed(rawRecord, value, name, index + 1))
    }
  }
  return { records, skipped, trays }
}

function calibrationOf(value: unknown, name: string, line: number): EmptyTray {
  try {
    return parseCalibration(value)
  } catch (error) {
    throw new ReplayError(`${name}:${line}: not a calibration`, { cause: error })
  }
}

const depzLine = z.object({ t: z.number(), dir: z.enum(['rx', 'tx']), data: hex })
/** A packet: A5 C3, payload length u16, type, sequence, check byte, payload; little-endian. */
const DEPZ_HEADER = 7
const DEPZ_FRAME = 0x93
/** A frame's payload: time in µs u64, length u32, then the bytes that the chip sent. */
const DEPZ_FRAME_HEADER = 12
const DEPZ_PADDING = 8

function readDepz(name: string, text: string): Recording {
  const received = text
    .split('\n')
    .slice(1)
    .flatMap((line, index) => {
      if (line.trim() === '') return []
      const { dir, data } = parsed(depzLine, json(line, name, index + 2), name, index + 2)
      return dir === 'rx' ? [data] : []
    })
  const stream = Buffer.concat(received)
  const records: RawRecord[] = []
  let at = 0
  while (at + DEPZ_HEADER <= stream.length) {
    if (stream.readUInt16BE(at) !== 0xa5c3) throw new ReplayError(`${name}: no packet at received byte ${at}`)
    const length = stream.readUInt16LE(at + 2)
    const payload = stream.subarray(at + DEPZ_HEADER, at + DEPZ_HEADER + length)
    if (stream[at + 4] === DEPZ_FRAME && payload.length === length) {
      records.push(depzFrame(payload))
    }
    at += DEPZ_HEADER + length
  }
  return { records, skipped: 0, trays: [] }
}

function depzFrame(payload: Buffer): RawRecord {
  const length = payload.readUInt32LE(8)
  const bytes = payload.subarray(DEPZ_FRAME_HEADER, DEPZ_FRAME_HEADER + length)
  // The CX 1.x driver has the chip append eight zero bytes after the frame's footer, which ends in its number.
  const padded = bytes.subarray(-DEPZ_PADDING).every((byte) => byte === 0)
  const frame = new Uint8Array(padded ? bytes.subarray(0, -DEPZ_PADDING) : bytes)
  return record(
    { [RANGING]: { kind: RANGING, zones: 64, targets_per_zone: 1, payload: frame } },
    Number(payload.readBigUInt64LE(0)),
  )
}

const tomoto = z.array(
  z.object({ name: z.string(), raw: z.array(z.number().min(0)).length(8), gain: z.string().optional() }),
)

/** tomoto's readings: F1…F8 only; gain as its display shows it, `H` for one half; no integration time. */
function readTomoto(name: string, text: string): Recording {
  const readings = parsed(tomoto, json(text, name, 1), name, 1)
  const records = readings.map((reading) => {
    const gain = reading.gain === 'H' ? 0.5 : Number(reading.gain)
    return record(
      {
        [SPECTRAL]: {
          kind: SPECTRAL,
          ...(GAINS.includes(gain) ? { gain } : {}),
          payload: countsOf(CHANNELS.slice(0, 8), reading.raw),
        },
      },
      undefined,
      reading.name,
    )
  })
  return { records, skipped: 0, trays: [] }
}

function countsOf(
  channels: readonly Channel[],
  values: readonly (number | undefined)[],
): Partial<Record<Channel, number>> {
  return Object.fromEntries(
    channels.flatMap((channel, index) => (values[index] === undefined ? [] : [[channel, values[index]]])),
  )
}

/** Column of each channel: miniPar's, then sparks-baird's, which has no Clear and no NIR. */
const COLUMNS: Readonly<Record<Channel, readonly string[]>> = {
  F1_415nm: ['f1_415', 'ch410'],
  F2_445nm: ['f2_445', 'ch440'],
  F3_480nm: ['f3_480', 'ch470'],
  F4_515nm: ['f4_515', 'ch510'],
  F5_555nm: ['f5_555', 'ch550'],
  F6_590nm: ['f6_590', 'ch583'],
  F7_630nm: ['f7_630', 'ch620'],
  F8_680nm: ['f8_680', 'ch670'],
  Clear: ['clear'],
  NIR: ['nir'],
}

function readTable(name: string, text: string): Recording {
  const [header = '', ...rows] = text.trimEnd().split(/\r?\n/)
  const columns = header.split(',')
  const records = rows.map((row, index) => {
    const cells = row.split(',')
    const number = (column: string): number | undefined => {
      const cell = cells[columns.indexOf(column)]
      if (cell === undefined || cell === '') return undefined
      const value = Number(cell)
      if (Number.isFinite(value)) return value
      throw new ReplayError(`${name}:${index + 2}: ${column}: ${JSON.stringify(cell)}: expected a number`)
    }
    return record({ [SPECTRAL]: tableSpectrum(number) }, timeOf(cells, columns))
  })
  return { records, skipped: 0, trays: [] }
}

function tableSpectrum(number: (column: string) => number | undefined): RawHead {
  const values = CHANNELS.map((channel) => COLUMNS[channel].map(number).find((value) => value !== undefined))
  const gain = number('gain')
  const atime = number('atime')
  const astep = number('astep')
  return {
    kind: SPECTRAL,
    ...(gain === undefined ? {} : { gain }),
    ...(atime === undefined || astep === undefined ? {} : { integration_ms: integrationMs(atime, astep) }),
    payload: countsOf(CHANNELS, values),
  }
}

function timeOf(cells: readonly string[], columns: readonly string[]): number | undefined {
  const cell = cells[columns.findIndex((column) => column.endsWith('timestamp'))]
  const [, y, mo, d, h, mi, s] = /^(\d+)-(\d+)-(\d+)[ T](\d+):(\d+):(\d+)/.exec(cell ?? '') ?? []
  if (y === undefined) return undefined
  return Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)) * 1000
}
