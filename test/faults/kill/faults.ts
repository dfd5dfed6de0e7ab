import type { Outcome, Scale } from '../outcome.ts'
import { killBroker } from './broker.ts'
import { killGateway } from './gateway.ts'
import { killIngest } from './ingest.ts'
import { killStation } from './station.ts'

/** SIGKILL at random instants under load: of the gateway, of a whole station, of the plant's broker, of an ingest worker. */
export async function* killFaults(scale: Scale): AsyncGenerator<Outcome> {
  for (const kill of [killGateway, killStation, killBroker, killIngest]) yield await kill(scale)
}
