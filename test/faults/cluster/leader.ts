import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../drivers/simulated/random.ts'
import { countOf, type Outcome, type Scale } from '../outcome.ts'
import { Plant, STREAM } from './plant.ts'

const LEADERS = 20
const PER_SECOND = 100

/** Kills the server that leads the stream, under load; it comes back at a random instant, whoever leads by then. */
export async function leaderKilled(scale: Scale): Promise<Outcome> {
  const count = countOf(scale, LEADERS)
  const random = new Random(scale.seed, 1)
  const plant = await Plant.start()
  try {
    const { cluster, station } = plant
    station.load(PER_SECOND)
    for (let round = 0; round < count; round += 1) {
      await delay(random.between(0, 1500))
      const leader = await cluster.leaderOf(STREAM)
      await cluster.kill(leader)
      await delay(random.between(0, 6000))
      await cluster.restart(leader)
    }
    await cluster.whole(STREAM)
    const { seen, violations } = await plant.settled()
    const fault = `the stream’s leader SIGKILLed under ${PER_SECOND}/s, started again`
    return { family: 'cluster', fault, count, seen, violations }
  } finally {
    await plant.close()
  }
}
