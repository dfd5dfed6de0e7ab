import { test } from 'tap'
import { callCuts } from './recorded-calls.ts'

// The same under a file system of a real kernel takes minutes: `npm run faults -- --family power`.
test('a power cut at any write loses nothing that was acknowledged', { timeout: 120_000 }, async (t) => {
  const { fault, count, seen, violations, skipped } = await callCuts({ share: 0.1, seed: 1 })
  if (skipped !== undefined) t.pass(fault, { skip: skipped })
  t.strictSame(violations, [])
  t.comment(`${count} points: ${seen}`)
})

test('a disk that lies about the syncs of the log is found out', { timeout: 120_000 }, async (t) => {
  const { fault, violations, skipped } = await callCuts({ share: 0.02, seed: 1 }, true)
  if (skipped === undefined)
    t.match(
      violations[0],
      /\d+ acknowledged, \d+ found|frame \d+ is damaged, and commits lie behind it that were acknowledged/,
    )
  else t.pass(fault, { skip: skipped })
})
