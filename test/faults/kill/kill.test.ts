import { test } from 'tap'
import { installed } from '../../fakes/server-process.ts'
import { killPipeline } from './faults.ts'

test('SIGKILL under load: nothing acknowledged is lost, everything arrives', {
  skip: installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed',
  timeout: 120_000,
}, async (t) => {
  // A start takes most of a second: `npm run faults` has more. The whole station dies in test/station/crash.test.ts.
  const { seen, count, violations } = await killPipeline({ share: 0.02, seed: 1 })
  t.strictSame(violations, [])
  t.comment(`${count} kills: ${seen}`)
})
