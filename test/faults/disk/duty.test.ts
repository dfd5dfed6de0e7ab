import tap, { test } from 'tap'
import { dutyFaults } from './faults.ts'

// On a machine that does other things as well.
tap.setTimeout(200_000)

test('reading, retention and backups on disks that refuse: told, nothing lost, and on it goes', async (t) => {
  for await (const { fault, count, seen, violations, skipped } of dutyFaults({ share: 0.06, seed: 1 })) {
    await t.test(`${fault}: ${count} times`, { skip: skipped ?? false }, (t) => {
      t.strictSame(violations, [])
      t.comment(seen)
      t.end()
    })
  }
})
