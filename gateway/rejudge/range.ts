import type { Archive } from './archive.ts'

/** What a person asked for is not to be had in this form; the message says what is. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
}

/** One end of a stretch of the log. */
export type Bound = { readonly sequence: number } | { readonly timeMs: number }

/** Which part of the log is meant. */
export interface Stretch {
  readonly from?: Bound
  readonly to?: Bound
  /** That sequences are counted in; default: the newest. */
  readonly epoch?: string
}

/**
 * @param text a sequence (`1200`, `#1200`) or a time of RFC 3339 (a date alone is its beginning, UTC)
 * @param option names it in errors
 * @throws RequestError
 */
export function parseBound(option: string, text: string): Bound {
  const [, digits] = /^#?(\d{1,15})$/.exec(text) ?? []
  if (digits !== undefined && Number(digits) >= 1) return { sequence: Number(digits) }
  const timeMs = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(timeMs)) return { timeMs }
  throw new RequestError(`${option} ${text}: expected a sequence (1200) or a time (2026-03-01T08:00:00Z)`)
}

/** What a command line names a stretch by, for `parseArgs`. */
export const STRETCH_OPTIONS = {
  from: { type: 'string' },
  to: { type: 'string' },
  epoch: { type: 'string' },
} as const

/** The stretch that a command line names. @throws RequestError */
export function stretchOf(values: {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly epoch?: string | undefined
}): Stretch {
  return {
    ...(values.from === undefined ? {} : { from: parseBound('--from', values.from) }),
    ...(values.to === undefined ? {} : { to: parseBound('--to', values.to) }),
    ...(values.epoch === undefined ? {} : { epoch: values.epoch }),
  }
}

/** Positions to read, and which of them are meant. */
export interface Selection {
  readonly begin: number
  readonly end: number
  /** By the time that the inspection itself says: a station's clock may have been set meanwhile. */
  readonly includes: (payload: string) => boolean
}

/** @throws RequestError for a stretch that ends before it begins; Error for an epoch that is not there */
export function selectionOf(archive: Archive, { from, to, epoch }: Stretch): Selection {
  const named = epoch === undefined ? archive.epochs.at(-1) : archive.epochNamed(epoch)
  const base = named?.base ?? 0
  const next = archive.epochs.find((other) => other.base > base)?.base ?? archive.end
  const counted = (bound: Bound | undefined): number | undefined =>
    bound !== undefined && 'sequence' in bound ? base + bound.sequence : undefined
  const inEpoch = epoch !== undefined || counted(from) !== undefined || counted(to) !== undefined
  const begin = counted(from) ?? (inEpoch ? base + 1 : 1)
  const end = Math.min(counted(to) ?? Number.POSITIVE_INFINITY, inEpoch ? next : archive.end)
  const fromMs = from !== undefined && 'timeMs' in from ? from.timeMs : Number.NEGATIVE_INFINITY
  const toMs = to !== undefined && 'timeMs' in to ? to.timeMs : Number.POSITIVE_INFINITY
  if (begin > end && archive.end > 0 && from !== undefined) {
    throw new RequestError(
      `--from and --to: nothing is stored from sequence ${begin - base} to ${end - base}`,
    )
  }
  if (fromMs > toMs) throw new RequestError('--from and --to: expected the earlier time first')
  const timed = fromMs > Number.NEGATIVE_INFINITY || toMs < Number.POSITIVE_INFINITY
  const includes = (payload: string): boolean => {
    if (!timed) return true
    const time = timeOf(payload)
    return time >= fromMs && time <= toMs
  }
  return { begin, end, includes }
}

const KEY = '"timestamp":"'

/** Without parsing the whole message; no other member of it has this name. */
function timeOf(payload: string): number {
  const at = payload.lastIndexOf(KEY) + KEY.length
  return Date.parse(payload.slice(at, payload.indexOf('"', at)))
}
