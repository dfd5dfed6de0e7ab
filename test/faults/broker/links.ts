import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Random } from '../../../drivers/simulated/random.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { Relay } from '../../fakes/relay.ts'
import { installed } from '../../fakes/server-process.ts'
import { Ledger } from '../ledger.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { differences } from '../stored.ts'
import { DeafRelay } from './deaf-relay.ts'
import { Delivery, until } from './delivery.ts'

const FAMILY = 'broker'
/** One hour at 200 inspections a second. */
const HOUR = 720_000
const FLAPS = 200
const HOLES = 20
const MB = 1024 * 1024

/** What is the same for every fault of a link: a broker, whoever listens, and the comparison at the end. */
async function heldAgainst(
  folder: string,
  broker: Mosquitto,
  act: (dir: string, ledger: Ledger) => Promise<Delivery>,
): Promise<{ readonly ledger: Ledger; readonly violations: readonly string[] }> {
  const dir = join(folder, 'store')
  const ledger = await Ledger.open(broker.url)
  try {
    const delivery = await act(dir, ledger)
    await delivery.delivered()
    const stored = delivery.store.sinks()[0]?.stored ?? 0
    const arrived = until(
      () => ledger.digests.size >= stored,
      'every inspection at the subscriber',
      () => ledger.digests.size,
    )
    // What never comes is told by the comparison.
    await arrived.catch(() => {})
    await delivery.close()
    return { ledger, violations: await differences(dir, ledger) }
  } finally {
    await ledger.close()
  }
}

/** Nobody there for an hour's worth of inspections; then everything goes out. */
export async function away(scale: Scale, folder: string): Promise<Outcome> {
  const count = countOf(scale, HOUR)
  const broker = await Mosquitto.start()
  const relay = await Relay.open(broker.port)
  let grown = 0
  let drainedPerSecond = 0
  try {
    const { violations } = await heldAgainst(folder, broker, async (dir) => {
      relay.closed = true
      const delivery = await Delivery.toBroker(dir, `mqtt://127.0.0.1:${relay.port}`, { deadlineMs: 5000 })
      await delivery.append(count)
      await delivery.troubled()
      if (delivery.backlog !== count) throw new Error(`${delivery.backlog} behind the cursor`)
      const before = process.memoryUsage().rss
      const began = performance.now()
      relay.closed = false
      await delivery.delivered()
      drainedPerSecond = count / ((performance.now() - began) / 1000)
      grown = (process.memoryUsage().rss - before) / MB
      return delivery
    })
    const seen = `all delivered in order, ${figure(drainedPerSecond)}/s; memory ${figure(grown)} MB more after it`
    return { family: FAMILY, fault: 'down for 1 h at 200/s', count, seen, violations }
  } finally {
    await relay.close()
    await broker.close()
  }
}

/** A link that breaks at random instants, a few times a second. */
export async function flapping(scale: Scale, folder: string): Promise<Outcome> {
  const count = countOf(scale, FLAPS)
  const random = new Random(scale.seed, 1)
  const broker = await Mosquitto.start()
  const relay = await Relay.open(broker.port)
  try {
    const { ledger, violations } = await heldAgainst(folder, broker, async (dir) => {
      const delivery = await Delivery.toBroker(dir, `mqtt://127.0.0.1:${relay.port}`)
      const over = new AbortController()
      const appending = delivery.appendUntil(over.signal)
      for (let flap = 0; flap < count; flap += 1) {
        await Promise.race([relay.passed(random.between(0, 300_000)), delay(500)])
        relay.closed = true
        await delay(random.between(0, 40))
        relay.closed = false
      }
      over.abort()
      await appending
      return delivery
    })
    const repeats = ledger.arrivals - ledger.digests.size
    const seen = `${figure(ledger.digests.size)} inspections, in order, ${figure(repeats)} repeats`
    return { family: FAMILY, fault: 'flapping link', count, seen, violations }
  } finally {
    await relay.close()
    await broker.close()
  }
}

/** A connection that both ends believe in and that carries nothing. */
export async function halfOpen(scale: Scale, folder: string): Promise<Outcome> {
  const count = countOf(scale, HOLES)
  const random = new Random(scale.seed, 2)
  const broker = await Mosquitto.start()
  const relay = await DeafRelay.open(broker.port)
  const told = new Set<string>()
  try {
    const { ledger, violations } = await heldAgainst(folder, broker, async (dir) => {
      const delivery = await Delivery.toBroker(dir, `mqtt://127.0.0.1:${relay.port}`, { deadlineMs: 200 })
      for (let hole = 0; hole < count; hole += 1) {
        await delivery.append(20)
        await delay(random.between(0, 20))
        const before = delivery.troubles.length
        relay.deafen()
        await delivery.append(20)
        told.add(await delivery.troubled(before))
        await delivery.delivered()
      }
      return delivery
    })
    const odd = [...told].filter((said) => !/no acknowledgement within 200 ms|connect/.test(said))
    const seen = `noticed within its deadline, connected anew; ${figure(ledger.digests.size)} inspections in order`
    return { family: FAMILY, fault: 'half-open TCP', count, seen, violations: [...violations, ...odd] }
  } finally {
    await relay.close()
    await broker.close()
  }
}

/** A broker whose certificate has run out, and is then renewed. */
export async function expiredCertificate(scale: Scale, folder: string): Promise<Outcome> {
  const fault = 'TLS certificate expired, then renewed'
  if (!installed('openssl')) return notHere(FAMILY, fault, 'openssl is not installed')
  const broker = await Mosquitto.start(
    (place) => [`certfile ${place}/server.crt`, `keyfile ${place}/server.key`],
    undefined,
    (place) => certificate(place, -1),
  )
  const caFile = join(broker.folder, 'server.crt')
  const url = `mqtts://localhost:${broker.port}`
  const count = countOf(scale, 100)
  try {
    const dir = join(folder, 'store')
    const delivery = await Delivery.toBroker(dir, url, { endpoint: { caFile } })
    await delivery.append(count)
    await until(() => /expired/.test(delivery.pump.status().detail ?? ''), 'it says what is wrong')
    const told = delivery.pump.status().detail ?? ''
    const kept = delivery.backlog
    await certificate(broker.folder, 1)
    await broker.kill()
    await broker.restart()
    await delivery.delivered()
    await delivery.close()
    const violations = kept === count ? [] : [`${count - kept} went to a broker that nobody vouches for`]
    const seen = `kept, and said (${told.replace(/ \(\d.*/, '').replace(/localhost:\d+/, '…')}); all delivered once renewed`
    return { family: FAMILY, fault, count, seen, violations }
  } finally {
    await broker.close()
  }
}

/** A certificate for localhost that vouches for itself. @param days negative: it has run out */
async function certificate(folder: string, days: number): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'server.key']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  await openssl('req', '-new', ...key, ...name, '-out', 'request')
  // `req -x509` takes no day in the past.
  const signed = ['-signkey', 'server.key', '-copy_extensions', 'copy', '-out', 'server.crt']
  await openssl('x509', '-req', '-in', 'request', '-days', String(days), ...signed)
}
