import tap, { test } from 'tap'
import { storageFaults } from './faults.ts'

// On a machine that does other things as well.
tap.setTimeout(200_000)

test('disks that refuse, files that are damaged or gone: nothing is lost in silence', async (t) => {
  for await (const { fault, count, seen, violations, skipped } of storageFaults({ share: 0.1, seed: 1 })) {
    await t.test(`${fault}: ${count} times`, { skip: skipped ?? false }, (t) => {
      t.strictSame(violations, [])
      t.comment(seen)
      t.end()
    })
  }
})
