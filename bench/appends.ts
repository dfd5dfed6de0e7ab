/** Durable appends, many at once: what group commit is for. */
import { v7 as uuidv7 } from 'uuid'
import type { Store } from '../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../test/gateway/store/drafts.ts'

/** Appends that wait for the disk at once. */
export const OUTSTANDING = 512

const random = randomFrom(1)
const bodies = Array.from({ length: 1000 }, () => inspectionDraft(random))
const raw = rawRecord(random)

/** @returns appends per second, each on disk */
export async function appendRate(store: Store, count: number): Promise<number> {
  let next = 0
  const appender = async (): Promise<void> => {
    while (next < count) {
      const body = bodies[next % bodies.length]
      next += 1
      if (body !== undefined) await store.append({ ...body, id: uuidv7() }, raw)
    }
  }
  const beganAt = performance.now()
  await Promise.all(Array.from({ length: OUTSTANDING }, appender))
  return (count * 1000) / (performance.now() - beganAt)
}
