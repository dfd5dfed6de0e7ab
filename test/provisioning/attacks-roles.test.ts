import t, { test } from 'tap'
import { withstand } from '../fakes/hostile-repository-course.ts'
import { ROLE_ATTACKS } from '../fakes/hostile-repository-roles.ts'

t.setTimeout(120_000)

test('lies about root, timestamp, snapshot and targets', (t) => withstand(t, ROLE_ATTACKS))
