import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import tap, { type Test, test } from 'tap'
import { z } from 'zod'
import { Random } from '../../drivers/simulated/random.ts'
import { type InspectionMessage, inspectionMessage } from '../../gateway/message.ts'
import { verifyChain } from '../../gateway/store/log/chain.ts'
import { Mosquitto } from '../fakes/mosquitto.ts'
import { installed } from '../fakes/server-process.ts'
import { StationProcess, Watcher } from '../fakes/station-process.ts'
import { runsIn, storedIn } from '../fakes/stored.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const ROUNDS = Number(process.env.POINCON_CRASH_ROUNDS ?? 5)
const SEED = Number(process.env.POINCON_CRASH_SEED ?? 1)

/** Against hanging, on a machine that does other things as well. */
const TIMEOUT_MS = 30_000 + ROUNDS * 15_000
tap.setTimeout(TIMEOUT_MS)

/** A part every 5 ms: a few are measured, the others are turned away as busy, and every one is a record. */
const LOAD = {
  POINCON_TRIGGER_PERIOD_MS: '5',
  POINCON_BUSES: '{tof: {kind: simulated, hz: 1000000}, spectral: {kind: simulated, hz: 1000000}}',
}
/** A spectral head alone is open at once, so that more of a short life is work. */
const SPECTRAL_ONLY = { POINCON_HEADS: '{spectral: {kind: as7341, bus: spectral}}' }

const journal = z.object({ run: z.number(), noted: z.number() })
const health = z.looseObject({
  reconciled: z.boolean(),
  units: z.array(z.looseObject({ name: z.string(), facts: z.record(z.string(), z.unknown()).optional() })),
  sinks: z.array(z.looseObject({ name: z.string(), stored: z.number(), backlog: z.number() })),
})

/** One station that is killed again and again, and whoever listens to it. */
interface Victim {
  readonly dir: string
  readonly env: Readonly<Record<string, string>>
  readonly subscriber: Subscriber
  /** Inspections that `/ws/realtime` said to be on disk, by sequence. */
  readonly acknowledged: Map<number, InspectionMessage>
  /** Triggers that each run of the process noted. */
  readonly noted: Map<number, number>
}

interface Round {
  readonly killedAfterMs: number
  readonly wasReady: boolean
  readonly stored: number
  readonly acknowledged: number
}

test(`SIGKILL at ${ROUNDS} instants under load loses nothing`, {
  skip: installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed',
  timeout: TIMEOUT_MS,
}, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-crash-'))
  const mosquitto = await Mosquitto.start()
  const subscriber = await Subscriber.open(mosquitto.url, 'poincon/+/+/+/inspection')
  t.teardown(async () => {
    await subscriber.close()
    await mosquitto.close()
    await rm(dir, { recursive: true, force: true })
  })
  const env = { POINCON_DATA_DIR: dir, POINCON_MQTT_UPSTREAM_URL: mosquitto.url, ...LOAD }
  const victim: Victim = { dir, env, subscriber, acknowledged: new Map(), noted: new Map() }
  const random = new Random(SEED)
  const rounds: Round[] = []

  for (let round = 1; round <= ROUNDS; round += 1) {
    rounds.push(await crash(t, victim, random, round))
    await checkStored(t, victim)
  }
  const unrecorded = await settle(t, victim)
  const disordered = await checkDelivered(t, victim)
  await report(t, victim, rounds, { unrecorded, disordered })
})

/** One life: started, loaded, killed at a random instant; one in four before it was ready. */
async function crash(t: Test, victim: Victim, random: Random, round: number): Promise<Round> {
  const { env, dir, acknowledged, noted } = victim
  const early = round > 1 && random.chance(0.25)
  const station = StationProcess.launch([], { env: round % 4 === 1 ? env : { ...env, ...SPECTRAL_ONLY } })
  t.teardown(() => station.kill())
  const began = performance.now()
  let watcher: Watcher | undefined
  if (early) {
    await delay(random.uniform() * 1200)
  } else {
    await station.said('ready')
    watcher = await Watcher.open(station.url)
    // On a machine that does other things as well the first part may come later than the kill would.
    await watcher.seen(1)
    await delay(random.uniform() * 800)
  }
  await station.kill()
  const killedAfterMs = Math.round(performance.now() - began)
  for (const [sequence, message] of watcher?.inspections ?? []) acknowledged.set(sequence, message)
  watcher?.close()
  const left = await leftIn(dir)
  if (left !== undefined) noted.set(left.run, left.noted)
  return {
    killedAfterMs,
    wasReady: !early,
    stored: (await storedIn(dir)).length,
    acknowledged: watcher?.inspections.size ?? 0,
  }
}

/** What the process noted of its triggers; undefined where it died before it began to. */
async function leftIn(dir: string): Promise<z.infer<typeof journal> | undefined> {
  try {
    return journal.parse(JSON.parse(await readFile(join(dir, 'triggers.json'), 'utf8')))
  } catch {
    return undefined
  }
}

/** The database as the crash left it, before anything repairs it. */
async function checkStored(t: Test, { dir, subscriber, acknowledged }: Victim): Promise<void> {
  const entries = await storedIn(dir)
  t.equal(new Set(entries.map(({ epoch }) => epoch)).size, 1, 'one log, never begun anew')
  const chain = verifyChain(entries)
  t.match(chain, { valid: true, count: entries.length }, 'from 1, without a gap, every link holds')
  const ids = new Map(entries.map(({ sequence, id }) => [sequence, id]))
  const lost = [...acknowledged].filter(([sequence, { id }]) => ids.get(sequence) !== id)
  t.strictSame(lost, [], 'what was said to be on disk is')
  t.strictSame(
    delivered(subscriber).filter(({ sequence, id }) => ids.get(sequence) !== id),
    [],
    'nobody was told of what is not stored',
  )
}

interface Delivered {
  readonly sequence: number
  readonly id: string
}

const place = z.object({ sequence: z.number(), id: z.string() })

function delivered({ packets }: Subscriber): readonly Delivered[] {
  return packets.map(({ payload }) => place.parse(JSON.parse(payload.toString())))
}

/** The last start: everything is delivered, and what was never recorded is said. @returns how many parts */
async function settle(t: Test, { dir, env, subscriber, noted }: Victim): Promise<number> {
  const expected = await unrecordedIn(dir, noted)
  const station = await StationProcess.start([], {
    env: { ...env, ...SPECTRAL_ONLY, POINCON_TRIGGER_KIND: 'command' },
  })
  t.teardown(() => station.kill())
  const stored = (await storedIn(dir)).length
  await subscriber.until(() => subscriber.sequences.includes(stored))
  const report = health.parse(JSON.parse((await station.get('/healthz')).text))
  t.equal(report.reconciled, true)
  const store = report.units.find(({ name }) => name === 'store')
  t.equal(store?.facts?.unrecorded, expected, 'what was decided and not recorded is said')
  t.ok(
    report.sinks.every((sink) => sink.stored === stored),
    'every sink counts from the first',
  )
  t.equal(await station.stop(), 0, station.output)
  t.match(verifyChain(await storedIn(dir)), { valid: true, count: stored })
  return expected
}

/** Parts that were noted and never recorded, by the journals that the kills left behind. */
async function unrecordedIn(dir: string, noted: ReadonlyMap<number, number>): Promise<number> {
  const recorded = new Map((await runsIn(dir)).map((run) => [run.run, run.recorded]))
  return [...noted].reduce((parts, [run, count]) => parts + count - (recorded.get(run) ?? 0), 0)
}

/**
 * Every stored inspection came at least once; the first time each came, it came in order.
 * @returns how many did not
 */
async function checkDelivered(t: Test, { dir, subscriber }: Victim): Promise<number> {
  const entries = await storedIn(dir)
  const ids = new Map(entries.map(({ sequence, id }) => [sequence, id]))
  let newest = 0
  const wrong: Delivered[] = []
  for (const arrival of delivered(subscriber)) {
    if (ids.get(arrival.sequence) !== arrival.id || arrival.sequence > newest + 1) wrong.push(arrival)
    newest = Math.max(newest, arrival.sequence)
  }
  t.strictSame(wrong, [], 'in order, each under its own id')
  t.equal(newest, entries.length, 'up to the last')
  for (const { payload } of subscriber.packets.slice(-200)) {
    inspectionMessage.parse(JSON.parse(payload.toString()))
  }
  return wrong.length
}

async function report(
  t: Test,
  { dir, subscriber, acknowledged }: Victim,
  rounds: readonly Round[],
  { unrecorded, disordered }: { readonly unrecorded: number; readonly disordered: number },
): Promise<void> {
  const entries = await storedIn(dir)
  const ids = new Set(entries.map(({ id }) => id))
  const lost = [...acknowledged.values()].filter(({ id }) => !ids.has(id)).length
  const busy = entries.filter(({ payload }) => payload.includes('"reasons":["busy"]')).length
  const arrivals = subscriber.packets.length
  t.comment('round  killed after  ready  stored so far  acknowledged to a watcher')
  for (const [index, { killedAfterMs, wasReady, stored, acknowledged: heard }] of rounds.entries()) {
    const cells = [index + 1, `${killedAfterMs} ms`, wasReady ? 'yes' : 'no', stored, heard]
    t.comment(cells.map((cell, column) => String(cell).padStart([5, 12, 6, 14, 26][column] ?? 0)).join(' '))
  }
  t.comment(
    `${rounds.length} kills (seed ${SEED}): ${entries.length} stored (${busy} busy), ${acknowledged.size} seen on ` +
      `/ws/realtime, ${arrivals} arrivals at the plant's broker (${arrivals - entries.length} repeats), ` +
      `${unrecorded} parts unrecorded and reported; ${lost} lost, ${disordered} out of order`,
  )
}
