import { test } from 'tap'
import { NEWEST_KEPT } from '../../../../gateway/store/retention/plan.ts'
import type { Store } from '../../../../gateway/store/store.ts'
import { randomFrom } from '../drafts.ts'
import { appendMany, reopen, storeDir } from '../opening.ts'
import { onDisk, retentionOf } from './limits.ts'

const forever = new AbortController().signal
const SINKS = ['plant', 'cloud', 'lots'] as const

/** One station over many runs: whatever happens in whatever order, nobody misses a part and the chain holds. */
async function live(
  dir: string,
  seed: number,
  turns: number,
): Promise<{ problems: string[]; removed: number }> {
  const random = randomFrom(seed)
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  const problems: string[] = []
  const got = new Map<string, number>()
  let store = await reopen(dir)
  let registered: string[] = []
  const register = async (name: string): Promise<void> => {
    await store.registerSink(name)
    registered.push(name)
    if (!got.has(name)) got.set(name, (await onDisk(dir)).oldest ?? 1)
  }
  const deliver = async (name: string): Promise<void> => {
    if (store.backlog(name) === 0) return
    const batch = await store.next(name, 1 + upTo(40), forever)
    const expected = got.get(name) ?? 1
    // A crash may repeat, it may never skip.
    if ((batch[0]?.sequence ?? 0) > expected) problems.push(`${name} misses ${expected}`)
    const last = batch.at(upTo(batch.length - 1))?.sequence ?? 0
    await store.advance(name, last)
    got.set(name, Math.max(expected, last + 1))
  }
  const restart = async (): Promise<void> => {
    await store.close()
    store = await reopen(dir)
    const back = registered
    registered = []
    for (const name of back) await register(name)
  }
  await register('plant')
  for (let turn = 0; turn < turns; turn += 1) {
    const sweeping = random() < 0.5 ? sweep(store, upTo(100), upTo(100)) : undefined
    const name = SINKS[upTo(2)] ?? 'plant'
    if (random() < 0.6) await appendMany(store, upTo(30))
    if (!registered.includes(name)) {
      if (random() < 0.2) await register(name)
    } else await deliver(name)
    await sweeping
    if (random() < 0.05) await restart()
    problems.push(...(await check(dir, store)))
  }
  for (const name of registered) while (store.backlog(name) > 0) await deliver(name)
  await appendMany(store, 1)
  await sweep(store, 0, 0)
  problems.push(...(await check(dir, store)))
  const { oldest } = await onDisk(dir)
  await store.close()
  return { problems, removed: (oldest ?? 1) - 1 }
}

async function sweep(store: Store, raw: number, inspections: number): Promise<void> {
  await retentionOf(store, { most: { raw, inspections }, rowsAtOnce: 16 }).sweep(forever)
}

/** What a crash at this instant would leave. */
async function check(dir: string, store: Store): Promise<string[]> {
  const { oldest, oldestRaw, inspections, raws, leastCursor, chain } = await onDisk(dir)
  const end = (store.status().facts?.sequence as number | undefined) ?? 0
  const problems = [...chain]
  if (oldest !== null && inspections !== end - oldest + 1) problems.push(`a hole behind ${oldest}`)
  if (oldestRaw !== null && raws !== end - oldestRaw + 1) problems.push(`a hole behind raw ${oldestRaw}`)
  if (oldest !== null && oldestRaw !== null && oldestRaw < oldest) problems.push('raw data of nothing')
  if (oldest !== null && leastCursor !== null && leastCursor < oldest - 1)
    problems.push(`${oldest} is the oldest, a cursor stands at ${leastCursor}`)
  if (inspections < Math.min(end, NEWEST_KEPT)) problems.push(`only ${inspections} are left`)
  return problems
}

for (const seed of [11, 12]) {
  test(`appends, deliveries, retention and restarts in any order, seed ${seed}`, async (t) => {
    const { problems, removed } = await live(await storeDir(t), seed, 30)
    t.same(problems, [])
    t.ok(removed > 10, `${removed} inspections went`)
  })
}
