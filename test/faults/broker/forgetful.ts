import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../drivers/simulated/random.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { Ledger } from '../ledger.ts'
import { countOf, figure, type Outcome, type Scale } from '../outcome.ts'
import { differences } from '../stored.ts'
import { Delivery, until } from './delivery.ts'

const FAMILY = 'broker'
const QUEUE = 100
const SLOW = 10_000
const CRASHES = 50
/** A subscriber that the broker is to keep a queue for while it is away. */
const KEPT = {
  clientId: 'poincon-historian',
  clean: false,
  properties: { sessionExpiryInterval: 3600 },
} as const

/**
 * A subscriber that sees holes in the sequence fetches what lies in them from the log.
 * @returns how many it had missed
 */
async function fill(ledger: Ledger, delivery: Delivery): Promise<number> {
  const missing = ledger.missing(delivery.store.sinks()[0]?.stored ?? 0)
  for (const sequence of missing) {
    for (const { payload } of await delivery.store.from(sequence, 1)) ledger.note(payload)
  }
  return missing.length
}

/** A subscriber away, behind a broker that keeps only so many for it: what it acknowledged is not what arrives. */
export async function slowSubscriber(scale: Scale, folder: string): Promise<Outcome> {
  const count = Math.max(5 * QUEUE, countOf(scale, SLOW))
  // The last word counts where one is said twice.
  const broker = await Mosquitto.start(() => [`max_queued_messages ${QUEUE}`, 'max_inflight_messages 20'])
  const dir = join(folder, 'store')
  try {
    await (await Ledger.open(broker.url, KEPT)).close()
    const delivery = await Delivery.toBroker(dir, broker.url)
    await delivery.append(count)
    await delivery.delivered()
    const ledger = await Ledger.open(broker.url, KEPT)
    await delivery.append(1)
    await until(() => ledger.digests.has(count + 1), 'the newest')
    const dropped = await fill(ledger, delivery)
    await delivery.close()
    await ledger.close()
    const violations = await differences(dir, ledger, false)
    if (dropped === 0) violations.push('the broker dropped nothing: nothing was shown')
    const seen = `${figure(dropped)} acknowledged and dropped by the broker, all seen as holes, all fetched from the log`
    return { family: FAMILY, fault: `slow subscriber, a queue of ${QUEUE}`, count, seen, violations }
  } finally {
    await broker.close()
  }
}

/** A broker that is killed while it delivers, and knows nothing afterwards. */
export async function forgets(scale: Scale, folder: string): Promise<Outcome> {
  const count = countOf(scale, CRASHES)
  const random = new Random(scale.seed, 3)
  const broker = await Mosquitto.start()
  const dir = join(folder, 'store')
  try {
    const ledger = await Ledger.open(broker.url, KEPT)
    const delivery = await Delivery.toBroker(dir, broker.url)
    const over = new AbortController()
    const appending = delivery.appendUntil(over.signal)
    for (let crash = 0; crash < count; crash += 1) {
      await delay(random.between(20, 200))
      await broker.kill()
      await delay(random.between(0, 50))
      await broker.restart()
    }
    over.abort()
    const appended = await appending
    await delivery.delivered()
    // The subscriber comes back by itself; what it hears then shows how far the log has got.
    while (!ledger.digests.has(delivery.store.sinks()[0]?.stored ?? 0)) {
      await delivery.append(1)
      await delay(50)
    }
    const lost = await fill(ledger, delivery)
    await delivery.close()
    await ledger.close()
    const violations = await differences(dir, ledger, false)
    const seen =
      `${figure(appended)} inspections, ${figure(lost)} acknowledged and forgotten by the broker, ` +
      'all seen as holes, all fetched from the log'
    return { family: FAMILY, fault: 'SIGKILL of a broker without persistence', count, seen, violations }
  } finally {
    await broker.close()
  }
}
