import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Random } from '../../../drivers/simulated/random.ts'
import type { ChainTip } from '../../../gateway/store/log/chain.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'
import { reopen } from '../../gateway/store/opening.ts'
import { Ledger } from '../ledger.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { differences, EMPTY, lost, verifiedAfter } from '../stored.ts'
import { Lives } from './life.ts'
import { keptPort } from './port.ts'

const VICTIM = fileURLToPath(new URL('victim.js', import.meta.url))
const FAMILY = 'SIGKILL'
const FAULT = 'gateway: store, embedded broker, both sinks'
const INSTANTS = 500
/** Kills of one store: after a crash a start looks its database through, and a large one costs a second each time. */
const SERIES = 50
/** One in so many is killed while it opens what the one before left. */
const EARLY = 5
const OPENING_MS = 250
const WORKING_MS = 150

/** Kills a gateway again and again while it appends and delivers to its own broker and to the plant's. */
export async function killGateway(scale: Scale): Promise<Outcome> {
  if (!installed('mosquitto')) return notHere(FAMILY, FAULT, 'mosquitto is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'poincon-kill-'))
  const plant = await Mosquitto.start()
  const port = await keptPort()
  const count = countOf(scale, INSTANTS)
  // Of every series one lives on, to its end.
  const lives = new Lives(VICTIM, [plant.url, String(port)], count + Math.ceil(count / SERIES))
  const gateway = new Gateway(lives, new Random(scale.seed))
  try {
    for (let kills = 0; kills < count; kills += SERIES) {
      const ledger = await Ledger.open(plant.url)
      // Its broker is there while it lives: who listens there comes back by himself, and misses what came meanwhile.
      const own = Ledger.follow(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 })
      await gateway.series(join(folder, String(kills)), Math.min(SERIES, count - kills), {
        plant: ledger,
        own,
      })
      await Promise.all([ledger.close(), own.close()])
    }
    return { family: FAMILY, fault: FAULT, count, seen: gateway.seen, violations: gateway.violations }
  } finally {
    await lives.close()
    await plant.close()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Listeners {
  /** At the plant's broker, which lives on. */
  readonly plant: Ledger
  /** At the gateway's own, which dies with it. */
  readonly own: Ledger
}

/** A gateway that is killed, and what it said before. */
class Gateway {
  readonly violations: string[] = []
  readonly #lives: Lives
  readonly #random: Random
  readonly #counts = { stored: 0, acknowledged: 0, early: 0, arrivals: 0, repeats: 0, missed: 0, workedMs: 0 }

  constructor(lives: Lives, random: Random) {
    this.#lives = lives
    this.#random = random
  }

  get seen(): string {
    const { stored, acknowledged, early, arrivals, repeats, missed, workedMs } = this.#counts
    return (
      `${figure(acknowledged / (workedMs / 1000))} inspections/s; ${early} while it opened; ${figure(stored)} stored, ` +
      `${figure(acknowledged)} acknowledged; at the plant ${figure(arrivals)} arrivals (${figure(repeats)} repeats); ` +
      `at its own broker ${figure(missed)} missed, seen as holes and fetched from the log` +
      `${this.violations.length === 0 ? '; database = both subscribers' : ''}`
    )
  }

  /** Kills it so many times over one store, and lets the last start deliver what is left. */
  async series(dir: string, kills: number, listeners: Listeners): Promise<void> {
    // The first one makes what the others open.
    let tip = await this.#round(dir, EMPTY, false)
    for (let kill = 2; kill <= kills; kill += 1) {
      tip = await this.#round(dir, tip, this.#random.chance(1 / EARLY))
    }
    await this.#settle(dir, listeners)
    await rm(dir, { recursive: true })
  }

  /** @param tip what was verified already @returns what is now */
  async #round(dir: string, tip: ChainTip, early: boolean): Promise<ChainTip> {
    const acknowledged = await this.#liveAndDie(dir, early)
    this.#counts.acknowledged += acknowledged.size
    try {
      const stored = await verifiedAfter(dir, tip)
      this.violations.push(...stored.faults, ...lost(acknowledged, stored.ids))
      return stored.tip
    } catch (error) {
      this.violations.push(`behind ${tip.sequence}: ${error instanceof Error ? error.message : error}`)
      return tip
    }
  }

  /** @returns what it acknowledged: ids by sequence */
  async #liveAndDie(dir: string, early: boolean): Promise<ReadonlyMap<number, string>> {
    const acknowledged = new Map<number, string>()
    const life = this.#lives.next()
    let [first, last] = [0, 0]
    const works = new Promise<void>((resolve) => {
      life.hear = (line) => {
        const [, sequence, id] = /^ack (\d+) (\S+)$/.exec(line) ?? []
        if (sequence === undefined || id === undefined) return
        acknowledged.set(Number(sequence), id)
        last = performance.now()
        if (first === 0) first = last
        resolve()
      }
    })
    await life.begin(`append ${dir}`)
    if (early) this.#counts.early += 1
    else await Promise.race([works, life.ended])
    await delay(this.#random.uniform() * (early ? OPENING_MS : WORKING_MS))
    const wrong = await life.kill()
    if (wrong !== undefined) this.violations.push(wrong)
    this.#counts.workedMs += last - first
    return acknowledged
  }

  async #settle(dir: string, { plant, own }: Listeners): Promise<void> {
    const life = this.#lives.next()
    await life.begin(`settle ${dir}`)
    await life.ended
    if (life.exitCode !== 0) this.violations.push(`the last start ended with ${life.exitCode}: ${life.last}`)
    const { tip, faults } = await verifiedAfter(dir, EMPTY)
    await plant.whole(tip.sequence)
    const store = await reopen(dir)
    const missed = await own.fill(tip.sequence, (sequence, limit) => store.from(sequence, limit))
    await store.close()
    this.violations.push(
      ...faults,
      ...(await differences(dir, plant)),
      ...(await differences(dir, own, false)),
    )
    const counts = this.#counts
    counts.stored += tip.sequence
    counts.arrivals += plant.arrivals
    counts.repeats += plant.arrivals - plant.digests.size
    counts.missed += missed
  }
}
