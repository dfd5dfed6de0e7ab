import { hash } from 'node:crypto'
import { z } from 'zod'
import type { InspectionDraft, InspectionMessage } from '../../message.ts'
import type { OutboxEntry } from '../../outbox.ts'
import { CanonicalWriter, HOLE } from './canonical.ts'

/** `previous` of the first inspection of an epoch. */
export const GENESIS = '0'.repeat(64)

/** The newest link of one epoch's chain. */
export interface ChainTip {
  /** 0 before the first inspection. */
  readonly sequence: number
  /** SHA-256 in hex; `GENESIS` before the first inspection. */
  readonly hash: string
}

/** SHA-256 of UTF-8 text or of bytes, lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content)
}

/**
 * A message whose every byte is known but its place in the chain. Texts in canonical JSON order; between them stand
 * `hash`, `previous` and `sequence`.
 */
export interface Unsealed {
  readonly beforeHash: string
  readonly beforePrevious: string
  readonly beforeSequence: string
  readonly end: string
  /** What the texts say; `seal` fills its holes. */
  readonly message: Unplaced
}

type Provenance = InspectionMessage['provenance']

/** A message with holes where its place in the chain will stand. */
interface Unplaced extends Omit<InspectionMessage, 'sequence' | 'provenance'> {
  sequence: number | typeof HOLE
  readonly provenance: Omit<Provenance, 'previous' | 'hash'> & {
    previous: string | typeof HOLE
    hash: string | typeof HOLE
  }
}

/**
 * Does all the work on a message that can be done before its place is known.
 * @param writer kept from one message to the next
 * @param rawSha256 SHA-256 of the raw record, hex
 * @throws TypeError when the draft holds what JSON cannot say (NaN, infinities, lone surrogates)
 */
export function prepare(
  writer: CanonicalWriter,
  draft: InspectionDraft,
  epoch: string,
  rawSha256: string,
): Unsealed {
  const holes: Pick<Unplaced['provenance'], 'previous' | 'hash'> = { previous: HOLE, hash: HOLE }
  const provenance = Object.assign({ raw_sha256: rawSha256 }, draft.provenance, holes)
  const place: Pick<Unplaced, 'sequence'> = { sequence: HOLE }
  // A spread of so many members takes five times as long.
  const message: Unplaced = Object.assign({}, draft, { epoch, provenance }, place)
  const [beforeHash = '', beforePrevious = '', beforeSequence = '', end = ''] = writer.pieces(message)
  return { beforeHash, beforePrevious, beforeSequence, end, message }
}

const HASH_KEY = '"hash":'

/** The text around the value of `hash`, less the member: behind it comes at least `previous`, so its comma goes too. */
function withoutHash(before: string, after: string): string {
  return before.slice(0, -HASH_KEY.length) + after.slice(1)
}

/** A message in its place. */
export interface Sealed {
  /** The new end of the chain. */
  readonly tip: ChainTip
  /** The canonical JSON of the whole message. */
  readonly payload: string
  /** The same as an object. */
  readonly message: InspectionMessage | undefined
}

/** Gives a message its place behind `tip`; where a commit failed it is given another one later. */
export function seal(unsealed: Unsealed, tip: ChainTip): Sealed {
  const sequence = tip.sequence + 1
  const { beforeHash, beforePrevious, beforeSequence, end, message } = unsealed
  const rest = `${beforePrevious}"${tip.hash}"${beforeSequence}${sequence}${end}`
  const link = sha256(withoutHash(beforeHash, rest))
  message.sequence = sequence
  message.provenance.previous = tip.hash
  message.provenance.hash = link
  const payload = `${beforeHash}"${link}"${rest}`
  return { tip: { sequence, hash: link }, payload, message: isPlaced(message) ? message : undefined }
}

function isPlaced(message: Unplaced): message is Unplaced & InspectionMessage {
  const { sequence, provenance } = message
  return sequence !== HOLE && provenance.previous !== HOLE && provenance.hash !== HOLE
}

const chained = z.looseObject({
  id: z.string(),
  epoch: z.string(),
  sequence: z.number(),
  provenance: z.looseObject({ previous: z.string(), hash: z.string() }),
})

/** What a chain of stored inspections turned out to be. */
export type ChainReport =
  | {
      readonly valid: true
      /** Entries that were verified. */
      readonly count: number
      /** The newest link, to go on from with the next page. */
      readonly tip: ChainTip
    }
  | {
      readonly valid: false
      readonly count: number
      /** Sequence of the first entry that is wrong. */
      readonly sequence: number
      readonly reason: string
    }

/**
 * Verifies entries of one epoch in the order given: no gap, no repeat, every hash right, every link to the one before.
 * Finds a row that was changed, removed, inserted or re-ordered; what was cut off at the end only a signed or a
 * remote tip can tell.
 * @param from the link before the first entry; without it the first entry must be the first of its epoch
 */
export function verifyChain(
  entries: Iterable<OutboxEntry>,
  from: ChainTip = { sequence: 0, hash: GENESIS },
): ChainReport {
  let tip = from
  let count = 0
  let epoch: string | undefined
  for (const entry of entries) {
    const link = readLink(entry)
    const reason = typeof link === 'string' ? link : wrongOf(link, entry, tip, epoch ?? entry.epoch)
    if (typeof link === 'string' || reason !== undefined) {
      return { valid: false, count, sequence: entry.sequence, reason: reason ?? '' }
    }
    epoch = entry.epoch
    tip = { sequence: entry.sequence, hash: link.hash }
    count += 1
  }
  return { valid: true, count, tip }
}

/** What one stored message says of its place in the chain. */
interface Link {
  readonly id: string
  readonly epoch: string
  readonly sequence: number
  readonly previous: string
  readonly hash: string
  /** SHA-256 over the canonical JSON of the message without `hash`. */
  readonly computed: string
  /** The payload is the canonical JSON of the message. */
  readonly canonical: boolean
}

/** Reads a stored message's place in the chain and computes its hash anew. @returns the reason when it has none */
export function readLink({ payload }: Pick<OutboxEntry, 'payload'>): Link | string {
  let message: unknown
  try {
    message = JSON.parse(payload)
  } catch (error) {
    return `the payload is not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  const parsed = chained.safeParse(message)
  if (!parsed.success) return 'the payload lacks id, epoch, sequence, previous or hash'
  const { id, epoch, sequence, provenance } = parsed.data
  const { previous, hash: claimed } = provenance
  const [before = '', after = ''] = new CanonicalWriter().pieces({
    ...parsed.data,
    provenance: { ...provenance, hash: HOLE },
  })
  const computed = sha256(withoutHash(before, after))
  return {
    id,
    epoch,
    sequence,
    previous,
    hash: claimed,
    computed,
    canonical: payload === `${before}"${claimed}"${after}`,
  }
}

function wrongOf(link: Link, entry: OutboxEntry, tip: ChainTip, epoch: string): string | undefined {
  if (entry.sequence !== tip.sequence + 1) return `expected sequence ${tip.sequence + 1}`
  if (link.sequence !== entry.sequence) return `the payload says sequence ${link.sequence}`
  if (link.id !== entry.id) return `the payload says id ${link.id}`
  if (entry.epoch !== epoch) return `epoch ${entry.epoch} follows ${epoch}`
  if (link.epoch !== entry.epoch) return `the payload says epoch ${link.epoch}`
  if (link.previous !== tip.hash) return `previous is ${link.previous}, expected ${tip.hash}`
  if (link.computed !== link.hash) return `hash is ${link.hash}, expected ${link.computed}`
  if (!link.canonical) return 'the payload is not canonical JSON'
  return undefined
}
