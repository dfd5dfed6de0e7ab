import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../drivers/simulated/random.ts'
import { countOf, figure, type Outcome, type Scale } from '../outcome.ts'
import { storeOf } from './nats-cluster.ts'
import { Plant, STREAM } from './plant.ts'
import { blocksOf, cutTails } from './power-failure.ts'

const FAILURES = 10
const EMPTIED = 10
const PER_SECOND = 100

/**
 * A power failure of the whole cluster: all three are killed at once, and what they wrote since their last sync is gone,
 * on each down to another byte. The workers stand still meanwhile, so that what is lost had been stored by nobody.
 */
export async function tailsLost(scale: Scale): Promise<Outcome> {
  const count = countOf(scale, FAILURES)
  const random = new Random(scale.seed, 2)
  const plant = await Plant.start()
  let bytes = 0
  let unstored = 0
  try {
    const { cluster, station, workers } = plant
    station.load(PER_SECOND)
    for (let round = 0; round < count; round += 1) {
      await delay(random.between(500, 1500))
      for (const worker of workers) worker.freeze()
      const synced = await blocksOf(cluster.folder)
      await delay(random.between(500, 2500))
      await Promise.all(cluster.nodes.map((node) => cluster.kill(node)))
      unstored += station.delivery.store.position('upstream') - (await plant.stored())
      for (const node of cluster.nodes) bytes += await cutTails(storeOf(cluster.folder, node), synced, random)
      await cluster.restartAll()
      for (const worker of workers) worker.thaw()
      await cluster.leaderOf(STREAM)
    }
    const settled = await plant.settled()
    const violations = [...settled.violations]
    if (station.resent === 0) violations.push('nothing had to be sent again: nothing was shown')
    const seen =
      `${figure(bytes / 1e6)} MB of message blocks cut off, with ${figure(unstored)} inspections that were ` +
      `acknowledged and stood in no database; ` +
      `${plant.emptied} times the stream took nothing any more afterwards and was begun anew; ${settled.seen}`
    const fault = 'all three SIGKILLed, what they had not synced is gone'
    return { family: 'cluster', fault, count, seen, violations }
  } finally {
    await plant.close()
  }
}

/** All three lose everything: the servers between station and final store are nobody's memory. */
export async function emptied(scale: Scale): Promise<Outcome> {
  const count = countOf(scale, EMPTIED)
  const random = new Random(scale.seed, 5)
  const plant = await Plant.start()
  try {
    plant.station.load(PER_SECOND)
    for (let round = 0; round < count; round += 1) {
      await delay(random.between(500, 1500))
      for (const worker of plant.workers) worker.freeze()
      await delay(random.between(200, 1000))
      await plant.beginAnew()
    }
    const { seen, violations } = await plant.settled()
    const fault = 'the stores of all three removed under load, workers started again'
    return { family: 'cluster', fault, count, seen, violations }
  } finally {
    await plant.close()
  }
}
