import { test } from 'tap'
import { diskFaults } from './faults.ts'

test('disks that refuse, files that are damaged or gone: nothing is lost in silence', {
  timeout: 120_000,
}, async (t) => {
  for await (const { fault, count, seen, violations, skipped } of diskFaults({ share: 0.1, seed: 1 })) {
    await t.test(`${fault}: ${count} times`, { skip: skipped ?? false }, (t) => {
      t.strictSame(violations, [])
      t.comment(seen)
      t.end()
    })
  }
})
