import tap, { test } from 'tap'
import { missing } from '../../gateway/ingest/servers.ts'
import { stops } from './database.ts'

// Three servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)

const skip = missing('nats-server', 'postgresql')
test('a final store that stops under load: nothing lost, nothing twice', {
  skip: skip ?? false,
}, async (t) => {
  const { count, seen, violations, skipped } = await stops({ share: 0.05, seed: 1 })
  t.strictSame(violations, [])
  t.comment(skipped ?? `${count}: ${seen}`)
})
