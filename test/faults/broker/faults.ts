import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installed } from '../../fakes/server-process.ts'
import { notHere, type Outcome, type Scale } from '../outcome.ts'
import { forgets, slowSubscriber } from './forgetful.ts'
import { moodyInflux } from './influx.ts'
import { away, expiredCertificate, flapping, halfOpen } from './links.ts'
import { slowBroker } from './slow.ts'

type Fault = (scale: Scale, folder: string) => Promise<Outcome>

const NEED_MOSQUITTO: readonly Fault[] = [
  away,
  flapping,
  halfOpen,
  expiredCertificate,
  slowSubscriber,
  forgets,
]
const NEED_NOTHING: readonly Fault[] = [slowBroker, moodyInflux]

/** Brokers and databases that are away, slow, forgetful, or refuse. */
export async function* brokerFaults(scale: Scale): AsyncGenerator<Outcome> {
  const faults = installed('mosquitto') ? [...NEED_MOSQUITTO, ...NEED_NOTHING] : NEED_NOTHING
  if (faults === NEED_NOTHING) yield notHere('broker', 'all of mosquitto', 'mosquitto is not installed')
  for (const fault of faults) {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-broker-'))
    try {
      yield await fault(scale, folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
