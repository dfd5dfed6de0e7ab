import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../drivers/simulated/random.ts'
import { countOf, type Outcome, type Scale } from '../outcome.ts'
import { Plant } from './plant.ts'

const KILLS = 20
const PER_SECOND = 100

/** The server of the station's own site, a leaf node of the cluster: killed under load, or the server that it hangs on. */
export async function behindLeaf(scale: Scale): Promise<Outcome> {
  const count = countOf(scale, KILLS)
  const random = new Random(scale.seed, 4)
  const plant = await Plant.start({ behindLeaf: true })
  try {
    const { cluster, station } = plant
    const [holds = cluster.leaf] = cluster.nodes
    station.load(PER_SECOND)
    for (let round = 0; round < count; round += 1) {
      await delay(random.between(0, 1500))
      const victim = round % 2 === 0 ? cluster.leaf : holds
      await cluster.kill(victim)
      await delay(random.between(0, 2000))
      await cluster.restart(victim)
    }
    const { seen, violations } = await plant.settled()
    const fault = 'a site’s leaf node, or the server that it hangs on, SIGKILLed'
    return { family: 'cluster', fault, count, seen, violations }
  } finally {
    await plant.close()
  }
}
