import type { InspectionMessage } from '../../../gateway/message.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { CanonicalWriter } from '../../../gateway/store/log/canonical.ts'
import { type ChainTip, GENESIS, prepare, seal } from '../../../gateway/store/log/chain.ts'
import { inspection } from '../../fakes/inspections.ts'

/** Whose history it is. */
export interface Author {
  readonly device: string
  readonly epoch: string
  readonly station: string
  /** Tells the ids of two authors apart, and what they claim of their parts; two hex digits. */
  readonly salt: string
}

export const AUTHOR: Author = {
  device: 'gw-1',
  epoch: '01980000-0000-7000-8000-000000000001',
  station: 's1',
  salt: '01',
}

/**
 * One device's log: a valid chain, as a station's store would hold it.
 * @param alter what an inspection says instead
 */
export function history(
  author: Author,
  from: number,
  to: number,
  tip?: ChainTip,
  alter: (drafted: Draft, sequence: number) => Draft = (drafted) => drafted,
): OutboxEntry[] {
  const writer = new CanonicalWriter()
  let last: ChainTip = tip ?? { sequence: from - 1, hash: GENESIS }
  const entries: OutboxEntry[] = []
  for (let sequence = from; sequence <= to; sequence += 1) {
    const sealed = seal(
      prepare(writer, alter(draft(author, sequence), sequence), author.epoch, 'ab'.repeat(32)),
      last,
    )
    last = sealed.tip
    const id = idOf(author, sequence)
    entries.push({ epoch: author.epoch, sequence, id, payload: sealed.payload })
  }
  return entries
}

export function idOf({ salt }: Author, sequence: number): string {
  return `01980000-0000-7000-90${salt}-${sequence.toString(16).padStart(12, '0')}`
}

/** The topic that a station publishes on. */
export function topicOf({ station }: Author): string {
  return `poincon/lyon/l1/${station}/inspection`
}

type Draft = ReturnType<typeof draft>

function draft(author: Author, sequence: number) {
  const { epoch: _epoch, sequence: _sequence, provenance, ...rest }: InspectionMessage = inspection(sequence)
  const { raw_sha256: _raw, previous: _previous, hash: _hash, ...kept } = provenance
  const { device, station } = author
  return {
    ...rest,
    id: idOf(author, sequence),
    device_id: device,
    station,
    sample_id: author.salt,
    provenance: kept,
  }
}
