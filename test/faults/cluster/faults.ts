import { missing } from '../../gateway/ingest/servers.ts'
import { notHere, type Outcome, type Scale } from '../outcome.ts'
import { leaderKilled } from './leader.ts'
import { behindLeaf } from './leaf.ts'
import { partitioned } from './partition.ts'
import { emptied, tailsLost } from './tails.ts'

/** Three nats-servers between the station and the final store: killed, emptied, cut off. */
export async function* clusterFaults(scale: Scale): AsyncGenerator<Outcome> {
  const absent = missing('nats-server', 'postgresql')
  if (absent !== undefined) {
    yield notHere('cluster', 'all of it', absent)
    return
  }
  for (const fault of [leaderKilled, tailsLost, emptied, partitioned, behindLeaf]) yield await fault(scale)
}
