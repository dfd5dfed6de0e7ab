import tap, { test } from 'tap'
import { missing } from '../../gateway/ingest/servers.ts'
import { behindLeaf } from './leaf.ts'

// Five servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)

const skip = missing('nats-server', 'postgresql')
test('a station behind the leaf node of its site, which is killed under load', {
  skip: skip ?? false,
}, async (t) => {
  // `npm run faults` kills the servers of the cluster, too: an election takes them up to nine seconds.
  const { count, seen, violations } = await behindLeaf({ share: 0.05, seed: 1 })
  t.equal(count, 1)
  t.strictSame(violations, [])
  t.comment(seen)
})
