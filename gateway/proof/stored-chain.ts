import { z } from 'zod'
import { GENESIS } from '../store/log/chain.ts'

/** Where the chain ends, and from which inspection on it is stored. */
export interface ChainEnd {
  readonly epoch: string
  /** 0: the epoch has none yet. */
  readonly sequence: number
  readonly hash: string
  /** Inspections of the log up to this one, over all epochs. */
  readonly count: number
  /** The first of them that is still stored. */
  readonly oldest: number
}

/** The log, as far as its end and its beginning are asked for. */
export interface ChainStore {
  readonly epoch: ChainEpoch
  /** Oldest first. */
  readonly epochs: readonly ChainEpoch[]
  latest(limit: number): Promise<readonly ChainEntry[]>
  from(sequence: number, limit: number, epoch: ChainEpoch): Promise<readonly ChainEntry[]>
}

interface ChainEpoch {
  readonly epoch: string
  readonly deviceId: string
  readonly base: number
  readonly begunAt: string
  readonly reason: string
}

interface ChainEntry {
  readonly sequence: number
  readonly payload: string
}

const linked = z.object({ provenance: z.object({ hash: z.string() }) })

/** @throws what the store throws, SyntaxError or ZodError where the newest inspection is none */
export async function chainEnd(store: ChainStore): Promise<ChainEnd> {
  const { epoch, epochs } = store
  const [newest] = await store.latest(1)
  const sequence = newest?.sequence ?? 0
  const hash = newest === undefined ? GENESIS : linked.parse(JSON.parse(newest.payload)).provenance.hash
  const count = epoch.base + sequence
  return { epoch: epoch.epoch, sequence, hash, count, oldest: await oldestOf(store, epochs, count) }
}

async function oldestOf(store: ChainStore, epochs: readonly ChainEpoch[], count: number): Promise<number> {
  for (const epoch of epochs) {
    const [oldest] = await store.from(1, 1, epoch)
    if (oldest !== undefined) return epoch.base + oldest.sequence
  }
  return count + 1
}
