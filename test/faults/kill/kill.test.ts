import tap, { test } from 'tap'
import type { Outcome, Scale } from '../outcome.ts'
import { killBroker } from './broker.ts'
import { killGateway } from './gateway.ts'
import { killIngest } from './ingest.ts'

// Servers, and processes that are killed, on a machine that does other things as well: against hanging, no measure.
tap.setTimeout(240_000)
// A start costs what a start costs: `npm run faults` has more of them. The whole station dies in test/station/crash.test.ts.
const FEW: Scale = { share: 0.006, seed: 1 }

const PROMISES: readonly [string, (scale: Scale) => Promise<Outcome>][] = [
  ['a gateway that is killed under load loses nothing it acknowledged', killGateway],
  ['what a killed broker forgets is seen, and in the log', killBroker],
  ['a killed ingest worker leaves what it had to the other, and says nothing that is not stored', killIngest],
]
for (const [promise, kill] of PROMISES) {
  test(promise, async (t) => {
    const { seen, count, violations, skipped } = await kill(FEW)
    t.strictSame(violations, [], skipped === undefined ? {} : { skip: skipped })
    t.comment(`${count} kills: ${seen}`)
  })
}
