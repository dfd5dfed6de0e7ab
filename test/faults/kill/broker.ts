import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../drivers/simulated/random.ts'
import type { ChainTip } from '../../../gateway/store/log/chain.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'
import { Delivery, until } from '../broker/delivery.ts'
import { Ledger } from '../ledger.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { differences, EMPTY, lost, verifiedAfter } from '../stored.ts'
import { keptPort } from './port.ts'
import { Flow, Supply } from './supply.ts'

const FAMILY = 'SIGKILL'
const FAULT = 'the plant’s mosquitto, with persistence'
const INSTANTS = 500
const PER_SECOND = 500
/** One in so many is killed while everybody comes back to it. */
const EARLY = 5
const RETURNING_MS = 60
const WORKING_MS = 150
/** The newest was forgotten when it has not come by then. */
const NEWEST_MS = 2000
/** Changes after which mosquitto writes down what it knows: several times in every life. */
const SAVED_AFTER = 50
/** A subscriber that the broker keeps a queue for while it is away. */
const KEPT = {
  clientId: 'poincon-historian',
  clean: false,
  properties: { sessionExpiryInterval: 3600 },
} as const

/**
 * Kills a mosquitto that keeps its state on disk, while a gateway publishes and somebody listens. Even so it forgets what
 * it acknowledged since it wrote last; a subscriber sees that as a hole, and the log has it.
 */
export async function killBroker(scale: Scale): Promise<Outcome> {
  if (!installed('mosquitto')) return notHere(FAMILY, FAULT, 'mosquitto is not installed')
  const dir = await mkdtemp(join(tmpdir(), 'poincon-kill-'))
  const persistent = (folder: string) => [
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_on_changes true',
    `autosave_interval ${SAVED_AFTER}`,
  ]
  const broker = await Mosquitto.start(persistent, await keptPort())
  try {
    const ledger = await Ledger.open(broker.url, KEPT)
    const delivery = await Delivery.toBroker(join(dir, 'store'), broker.url)
    const victim = new Victim(join(dir, 'store'), { broker, ledger, delivery }, new Random(scale.seed, 1))
    const count = countOf(scale, INSTANTS)
    for (let round = 1; round <= count; round += 1) await victim.round()
    return await victim.settle(count)
  } finally {
    await broker.close()
    await rm(dir, { recursive: true, force: true })
  }
}

interface Parties {
  readonly broker: Mosquitto
  readonly ledger: Ledger
  readonly delivery: Delivery
}

/** A broker that is killed, between a gateway and a subscriber that live on. */
class Victim {
  readonly #dir: string
  readonly #parties: Parties
  readonly #random: Random
  readonly #flow: Flow
  readonly #beganAt = performance.now()
  readonly #violations: string[] = []
  #tip: ChainTip = EMPTY

  constructor(dir: string, parties: Parties, random: Random) {
    this.#dir = dir
    this.#parties = parties
    this.#random = random
    this.#flow = new Flow(parties.delivery.store, new Supply(1), PER_SECOND)
  }

  async round(): Promise<void> {
    const { broker, ledger } = this.#parties
    const { arrivals } = ledger
    const early = this.#random.chance(1 / EARLY)
    if (!early) await until(() => ledger.arrivals > arrivals, 'an arrival behind a restart')
    await delay(this.#random.uniform() * (early ? RETURNING_MS : WORKING_MS))
    await broker.kill()
    await this.#verify()
    await broker.restart()
  }

  async settle(count: number): Promise<Outcome> {
    const { ledger, delivery } = this.#parties
    await this.#flow.stop()
    const perSecond = this.#flow.acknowledged.size / ((performance.now() - this.#beganAt) / 1000)
    await delivery.delivered()
    const stored = delivery.store.end
    await this.#hearNewest()
    const repeats = ledger.arrivals - ledger.digests.size
    const forgotten = await ledger.fill(delivery.store.end, (from, limit) => delivery.store.from(from, limit))
    await delivery.close()
    await ledger.close()
    const { ids, faults } = await verifiedAfter(this.#dir, EMPTY)
    this.#violations.push(...faults, ...lost(this.#flow.acknowledged, ids))
    this.#violations.push(...(await differences(this.#dir, ledger, false)))
    const seen =
      `${figure(perSecond)} inspections/s; ${figure(stored)} stored and acknowledged by the broker, ` +
      `${figure(repeats)} repeats, ${figure(forgotten)} forgotten by it, seen as holes and fetched from the log` +
      `${this.#violations.length === 0 ? '; database = subscriber' : ''}`
    return { family: FAMILY, fault: FAULT, count, seen, violations: this.#violations }
  }

  /** The newest shows how far the log has got, and so the last hole; the broker may have forgotten it as well. */
  async #hearNewest(): Promise<void> {
    const { ledger, delivery } = this.#parties
    const isHeard = () => ledger.digests.has(delivery.store.end)
    while (!isHeard()) {
      await delivery.append(1)
      await Promise.race([ledger.until(isHeard), delay(NEWEST_MS, undefined, { ref: false })])
    }
  }

  /** The database behind what was looked at before. */
  async #verify(): Promise<void> {
    // Before it is read: what is acknowledged meanwhile may lie behind what was read.
    const acknowledged = new Map(this.#flow.acknowledged)
    const { tip, ids, faults } = await verifiedAfter(this.#dir, this.#tip)
    this.#violations.push(...faults, ...lost(acknowledged, ids, this.#tip.sequence))
    this.#tip = tip
  }
}
