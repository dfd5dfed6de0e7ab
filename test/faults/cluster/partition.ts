import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../drivers/simulated/random.ts'
import { countOf, notHere, type Outcome, type Scale } from '../outcome.ts'
import { Network } from './network.ts'
import { Plant, STREAM } from './plant.ts'

const PARTITIONS = 20
const PER_SECOND = 100
const FAULT = 'one of three cut off by the network, then there again'

/**
 * One server is cut off: from everybody, or from the other two while station and workers still reach it and it goes on
 * answering them. Nothing is reset: what is sent vanishes.
 */
export async function partitioned(scale: Scale): Promise<Outcome> {
  const count = countOf(scale, PARTITIONS)
  const random = new Random(scale.seed, 3)
  let network: Network
  try {
    network = Network.make(3)
  } catch (error) {
    const reason = `no network namespaces: ${error instanceof Error ? error.message : error}`
    return notHere('cluster', FAULT, reason)
  }
  const told = { leader: 0, outside: 0 }
  try {
    const plant = await Plant.start({ network })
    try {
      const { cluster, station } = plant
      station.load(PER_SECOND)
      for (let round = 0; round < count; round += 1) {
        await delay(random.between(0, 1500))
        const leader = await cluster.leaderOf(STREAM)
        const place = random.chance(0.5) ? leader.place : Math.floor(random.between(0, cluster.nodes.length))
        const whom = random.chance(0.5) ? 'outside' : 'none'
        if (place === leader.place) told.leader += 1
        if (whom === 'outside') told.outside += 1
        network.reach(place, whom)
        await delay(random.between(1000, 12_000))
        network.reach(place, 'all')
      }
      await cluster.whole(STREAM)
      const { seen, violations } = await plant.settled()
      const parted = `${told.leader} times the stream’s leader, ${told.outside} times it still answered station and workers`
      return { family: 'cluster', fault: FAULT, count, seen: `${parted}; ${seen}`, violations }
    } finally {
      await plant.close()
    }
  } finally {
    network.remove()
  }
}
