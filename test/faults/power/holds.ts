import { sha256, verifyChain } from '../../../gateway/store/log/chain.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { append, reopen } from '../../gateway/store/opening.ts'

/** What a store must hold after a power cut. */
export interface Expected {
  /** The last sequence that was acknowledged before the cut. */
  readonly acknowledged: number
  /** What was stored in the recorded life, from the first one on. */
  readonly stored: readonly string[]
}

/** Opens the store that a power cut left, and closes it. @returns what is wrong with it */
export async function faultsIn(dir: string, expected: Expected): Promise<string[]> {
  try {
    const store = await reopen(dir)
    try {
      return await faultsOf(store, expected)
    } finally {
      await store.close()
    }
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

async function faultsOf(store: Store, { acknowledged, stored }: Expected): Promise<string[]> {
  const found = await store.from(1, 1_000_000)
  if (found.length < acknowledged) return [`${acknowledged} acknowledged, ${found.length} found`]
  if (found.length === 0) return []
  const faults: string[] = []
  const report = verifyChain(found)
  if (!report.valid) faults.push(`sequence ${report.sequence}: ${report.reason}`)
  // What was never acknowledged was still stored in the recorded life, or had no place in it.
  const other = found.find(({ payload }, place) => payload !== stored[place])
  if (other !== undefined) faults.push(`sequence ${other.sequence} is another inspection`)
  for (const { sequence, payload } of [found[0], found.at(-1)].filter((one) => one !== undefined)) {
    const raw = await store.raw(sequence)
    if (raw === undefined || !payload.includes(`"raw_sha256":"${sha256(raw)}"`)) {
      faults.push(`the raw record of ${sequence} is not its own`)
    }
  }
  const { sequence } = await append(store)
  if (sequence !== found.length + 1) faults.push(`it went on at ${sequence} after ${found.length}`)
  return faults
}
