import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { checkpointId, signatureProblem } from '../../../gateway/proof/checkpoint.ts'
import {
  checkpointPage,
  checkpointPageSchema,
  type KeptCheckpoints,
} from '../../../gateway/proof/checkpoint-page.ts'
import { trustedKeys } from '../../../gateway/proof/device-key.ts'
import { proofOptions } from '../../../gateway/proof/options.ts'
import { proofOf } from '../../../gateway/proof/proof.ts'
import { GENESIS } from '../../../gateway/store/log/chain.ts'
import { append, storeDir, storeIn } from '../store/opening.ts'

test('what was signed can be fetched page by page, and checked with the key beside it', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  const told: number[] = []
  const proof = await proofOf({
    config: { data_dir: dir, proof: proofOptions.parse({ checkpoint_inspections: 1 }) },
    identity: { deviceId: 'poincon-test', site: 's', line: 'l', station: 's' },
    store,
    taken: ({ number }) => told.push(number),
    clock: { ...systemClock, after: () => () => {} },
    log: silentLog,
  })
  t.same(await proof.signed({ limit: 5 }), { checkpoints: [] }, 'nothing yet, and no key')
  for (let run = 0; run < 3; run += 1) {
    await proof.checkpoints.start()
    await append(store)
  }
  await proof.checkpoints.stop()
  const all = checkpointPageSchema.parse(await proof.signed({ limit: 100 }))
  const numbers = all.checkpoints.map(({ number }) => number)
  t.same(numbers, told.toReversed(), 'each was told when it was on disk; newest first')
  t.notHas(all, 'next_before')
  const keys = trustedKeys(all.key?.public_key ?? '', 'the answer')
  for (const one of all.checkpoints) t.equal(signatureProblem(one, keys), undefined)

  const [newest = 0] = numbers
  const first = await proof.signed({ limit: 2 })
  t.equal(first.next_before, newest - 1)
  const rest = await proof.signed({ limit: 100, before: newest - 1 })
  t.same([...first.checkpoints, ...rest.checkpoints], all.checkpoints)
  t.same((await proof.signed({ limit: 1, before: 10 ** 9 })).checkpoints, all.checkpoints.slice(0, 1))
  t.same((await proof.signed({ limit: 1, before: 1 })).checkpoints, [])
})

/** Signed places of this chain; their signatures are not looked at. */
function keptOf(numbers: readonly number[]): KeptCheckpoints {
  const kept = numbers.map((number) => ({
    id: checkpointId(number),
    value: {
      ...{ schema: 'poincon.checkpoint/1', number, previous: GENESIS, device_id: 'poincon-test', epoch: 'e' },
      ...{ sequence: number, hash: GENESIS, count: number, oldest: 1, reason: 'interval' },
      ...{ at: '2026-03-01T08:00:00.000Z', key_id: '0'.repeat(16), signature: 'A'.repeat(86) },
    },
  }))
  return {
    lastById: (_kind, limit) => Promise.resolve(kept.slice(-limit).toReversed()),
    get: (_kind, id) => Promise.resolve(kept.find((one) => one.id === id)),
  }
}

test('one that is missing leaves the others to be told', async (t) => {
  const documents = {
    lastById: () => Promise.resolve([]),
    get: () => Promise.resolve(undefined),
  }
  t.same(await checkpointPage(documents, { limit: 3, before: 3 }, undefined), { checkpoints: [] })
})

test('a page of which all are missing is followed by those behind it', async (t) => {
  const documents = keptOf([1, 2, 3, 8, 9])
  const pages: number[][] = []
  let before: number | undefined
  do {
    const { checkpoints, next_before: next } = await checkpointPage(
      documents,
      { limit: 2, before },
      undefined,
    )
    pages.push(checkpoints.map(({ number }) => number))
    before = next
  } while (before !== undefined)
  t.same(pages, [[9, 8], [], [], [3, 2], [1]])
})
