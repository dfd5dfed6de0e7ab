import { test } from 'tap'
import { poincon } from '../../fakes/station-process.ts'

// All else is tried with each command's own tests.
const VERBS = ['run', 'check', 'doctor', 'panel', 'record']

test('who asks a command how it is used is told, and nothing is done', async (t) => {
  const asked = VERBS.flatMap((verb) => [poincon([verb, '--help']), poincon([verb, '-h'])])
  for (const [index, { code, stdout, stderr }] of (await Promise.all(asked)).entries()) {
    const verb = VERBS[Math.floor(index / 2)] ?? ''
    t.equal(code, 0, verb)
    t.match(stdout, new RegExp(`^poincon ${verb} `))
    t.equal(stderr, '')
  }
})
