import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from 'nats'
import { stringify } from 'yaml'
import { Random } from '../../../drivers/simulated/random.ts'
import { until } from '../../gateway/ingest/fleet.ts'
import { natsConfig } from '../../gateway/ingest/proof.ts'
import { missing, Nats, Postgres } from '../../gateway/ingest/servers.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { Fleet } from './fleet.ts'
import { Auditor, unlike } from './held.ts'
import { type Life, Lives } from './life.ts'

const VICTIM = fileURLToPath(new URL('ingest-victim.js', import.meta.url))
const FAMILY = 'SIGKILL'
const FAULT = 'ingest worker, one of two, NATS JetStream to PostgreSQL'
const INSTANTS = 500
const PER_SECOND = 500
const STATIONS = 3
/** One in so many is killed while it connects. */
const EARLY = 5
const CONNECTING_MS = 200
const WORKING_MS = 150
/** What a dead worker had comes to the other after this: longer than a batch takes on a machine that does much else. */
const ACK_WAIT_S = 2
/** Nothing more is confirmed for so long: nothing will be. */
const SILENCE_MS = 60_000

/** Kills one of two workers again and again, in turn, while a fleet inspects. */
export async function killIngest(scale: Scale): Promise<Outcome> {
  const absent = missing('nats-server', 'postgresql')
  if (absent !== undefined) return notHere(FAMILY, FAULT, absent)
  const [nats, postgres] = await Promise.all([Nats.start(), Postgres.start()])
  const config = join(postgres.folder, 'ingest.yaml')
  const source = {
    kind: 'nats',
    servers: [nats.url],
    replicas: 1,
    ack_wait_s: ACK_WAIT_S,
    max_ack_pending: 4000,
  }
  await writeFile(config, stringify(natsConfig(nats, postgres.database, { source })))
  const instants = countOf(scale, INSTANTS)
  // Two live on, to the end.
  const lives = new Lives(VICTIM, [config], instants + 2)
  const workers = new Workers(lives, new Random(scale.seed, 2))
  const fleet = new Fleet(STATIONS, nats.mqttUrl)
  const auditor = await Auditor.open(nats.mqttUrl, postgres)
  try {
    await workers.start()
    const beganAt = performance.now()
    await fleet.start(PER_SECOND)
    const { count, wrong } = await killInTurn(instants, { workers, fleet, auditor })
    await fleet.hold()
    const perSecond = fleet.made / ((performance.now() - beganAt) / 1000)
    await confirmed(fleet)
    return await settle({ fleet, postgres, nats, workers, auditor, wrong, perSecond, count })
  } finally {
    await fleet.stop()
    await auditor.close()
    await workers.close()
    await lives.close()
    await Promise.all([nats.close(), postgres.close()])
  }
}

type Parties = Pick<Settled, 'workers' | 'fleet' | 'auditor'>

/** @returns how many were killed, and what was confirmed and not stored then */
async function killInTurn(
  instants: number,
  { workers, fleet, auditor }: Parties,
): Promise<Pick<Settled, 'count' | 'wrong'>> {
  const wrong: string[] = []
  let count = 0
  while (count < instants) {
    count += await workers.round()
    for (const [place, author] of fleet.authors.entries()) {
      const { log } = fleet.stations[place] ?? {}
      if (log !== undefined) wrong.push(...(await auditor.audit(author, log)))
    }
  }
  return { count, wrong }
}

/** Resolves when everything is confirmed, or when nothing has been for a while. */
async function confirmed(fleet: Fleet): Promise<void> {
  let before = fleet.unconfirmed
  for (let over = performance.now() + SILENCE_MS; before > 0 && performance.now() < over; ) {
    await delay(25)
    if (fleet.unconfirmed < before) over = performance.now() + SILENCE_MS
    before = fleet.unconfirmed
  }
}

interface Settled {
  readonly fleet: Fleet
  readonly postgres: Postgres
  readonly nats: Nats
  readonly workers: Workers
  readonly auditor: Auditor
  readonly wrong: readonly string[]
  readonly perSecond: number
  readonly count: number
}

async function settle(parts: Settled): Promise<Outcome> {
  const { fleet, postgres, nats, workers, auditor, wrong, perSecond, count } = parts
  const violations = [...wrong, ...workers.violations]
  if (fleet.unconfirmed > 0) violations.push(`${fleet.unconfirmed} were never confirmed`)
  for (const [place, author] of fleet.authors.entries()) {
    violations.push(...(await unlike(postgres, author, fleet.stations[place]?.log.entries ?? [])))
  }
  const aside = await postgres.query('SELECT reason FROM poincon.quarantine')
  if (aside.length > 0) violations.push(`${aside.length} set aside`)
  const seen =
    `${figure(perSecond)} inspections/s of ${STATIONS} stations; ${workers.early} while it connected; ` +
    `${figure(fleet.made)} published, ${figure(await redelivered(nats))} given to another worker, ` +
    `${figure(auditor.heard)} confirmations, none above what PostgreSQL held` +
    `${violations.length === 0 ? '; PostgreSQL = the logs, each row once' : ''}`
  return { family: FAMILY, fault: FAULT, count, seen, violations }
}

/** What the consumer handed out more than once: what a worker had when it was killed. */
async function redelivered({ url }: Nats): Promise<number> {
  const connection = await connect({ servers: [url] })
  const manager = await connection.jetstreamManager()
  const { delivered } = await manager.consumers.info('POINCON', 'ingest')
  await connection.close()
  return delivered.consumer_seq - delivered.stream_seq
}

/** Two workers, of which one after the other is killed and another comes in its place. */
class Workers {
  readonly violations: string[] = []
  /** How many were killed while they connected. */
  early = 0
  readonly #lives: Lives
  readonly #random: Random
  readonly #pair: [Life, string][] = []

  constructor(lives: Lives, random: Random) {
    this.#lives = lives
    this.#random = random
  }

  async start(): Promise<void> {
    for (const name of ['one', 'two']) {
      const life = this.#lives.next()
      this.#pair.push([life, name])
      await ready(life, name)
    }
  }

  /** Kills the one that has lived longer, and lets another of its name begin. @returns how many were killed */
  async round(): Promise<number> {
    const [old, name = ''] = this.#pair.shift() ?? []
    await delay(this.#random.uniform() * WORKING_MS)
    await this.#kill(old)
    const early = this.#random.chance(1 / EARLY)
    if (early) {
      this.early += 1
      const life = this.#lives.next()
      await life.begin(name)
      await delay(this.#random.uniform() * CONNECTING_MS)
      await this.#kill(life)
    }
    const fresh = this.#lives.next()
    this.#pair.push([fresh, name])
    await ready(fresh, name)
    return early ? 2 : 1
  }

  async close(): Promise<void> {
    await Promise.all(this.#pair.map(([life]) => life.kill()))
  }

  async #kill(life: Life | undefined): Promise<void> {
    const wrong = await life?.kill()
    if (wrong !== undefined) this.violations.push(wrong)
  }
}

/** Resolves when it takes what comes. @throws where it ended instead, or does not come to it */
async function ready(life: Life, name: string): Promise<void> {
  let isReady = false
  life.hear = (line) => {
    isReady ||= line.includes('"ready"')
  }
  await life.begin(name)
  await until(() => isReady || life.hasEnded)
  if (!isReady) throw new Error(`the worker ended: ${life.last}`)
}
