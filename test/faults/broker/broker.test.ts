import { test } from 'tap'
import { brokerFaults } from './faults.ts'

test('brokers that are away, slow or forgetful: everything arrives, or is seen to lack', {
  timeout: 120_000,
}, async (t) => {
  // An hundredth: `npm run faults` has a tenth of an hour's inspections.
  for await (const { fault, count, seen, violations, skipped } of brokerFaults({ share: 0.01, seed: 1 })) {
    await t.test(`${fault}: ${count}`, { skip: skipped ?? false }, (t) => {
      t.strictSame(violations, [])
      t.comment(seen)
      t.end()
    })
  }
})
