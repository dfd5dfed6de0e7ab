import tap, { test } from 'tap'
import { chosenCases, runAll } from './kills/main.ts'

// Whole devices come and go; `node dist/test/provisioning/kills/main.js --full` runs every case.
const TIMEOUT_MS = 230_000
tap.setTimeout(TIMEOUT_MS)

test('updates that are cut at any step leave one release that starts, and a store it reads', {
  timeout: TIMEOUT_MS,
}, async (t) => {
  const cases = await chosenCases(Number(process.env.POINCON_KILLS_SHARE ?? 40), 7)
  t.ok(cases.length > 0)
  const outcomes = await runAll(cases, 2)
  for (const { problems, scenario, cut, step } of outcomes)
    t.same(problems, [], `${scenario.name}: ${cut.what} ${cut.when} ${cut.at} (${step})`)
})
