import { test } from 'tap'
import { poincon } from '../fakes/station-process.ts'

test('a wrong configuration is told from a failure by the exit code', async (t) => {
  const wrong = await poincon(['check'], { env: { POINCON_RECIPE_: 'x' } })
  t.match(wrong, { code: 78, stderr: /^poincon: POINCON_RECIPE_: .*no such setting/ })
})
