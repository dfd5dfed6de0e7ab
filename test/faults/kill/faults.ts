import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Random } from '../../../drivers/simulated/random.ts'
import type { ChainTip } from '../../../gateway/store/log/chain.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'
import { Ledger } from '../ledger.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { differences, EMPTY, verifiedAfter } from '../stored.ts'

const VICTIM = fileURLToPath(new URL('victim.js', import.meta.url))
const STATION_CRASH = fileURLToPath(new URL('../../station/crash.test.js', import.meta.url))

const FAMILY = 'SIGKILL'
const PIPELINE = 'store and sink under load, at random instants'
const INSTANTS = 500
/** A running station takes seconds to start, and is not asked for so many. */
const STATIONS = 50
/** Appends under way at a time. */
const WIDTH = 64
/** One in so many is killed while it starts. */
const EARLY = 5
const STARTING_MS = 400
const WORKING_MS = 150

/** SIGKILL of the store with its sink, and of a whole station. */
export async function* killFaults(scale: Scale): AsyncGenerator<Outcome> {
  if (!installed('mosquitto')) {
    yield notHere(FAMILY, PIPELINE, 'mosquitto is not installed')
    return
  }
  yield await killPipeline(scale)
  yield await killStation(scale)
}

/** Kills one store again and again while it appends and delivers. */
export async function killPipeline(scale: Scale): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-kill-'))
  const broker = await Mosquitto.start()
  const ledger = await Ledger.open(broker.url)
  try {
    const rounds = countOf(scale, INSTANTS)
    const pipeline = new Pipeline(join(dir, 'store'), broker.url, new Random(scale.seed))
    for (let round = 1; round <= rounds; round += 1) await pipeline.round(round)
    return await pipeline.settle(ledger, rounds)
  } finally {
    await ledger.close()
    await broker.close()
    await rm(dir, { recursive: true, force: true })
  }
}

/** A store that is killed, and what it said before. */
class Pipeline {
  readonly #dir: string
  readonly #url: string
  readonly #random: Random
  readonly #violations: string[] = []
  #tip: ChainTip = EMPTY
  #acknowledged = 0
  #workedMs = 0
  #early = 0

  constructor(dir: string, url: string, random: Random) {
    this.#dir = dir
    this.#url = url
    this.#random = random
  }

  async round(round: number): Promise<void> {
    const acknowledged = await this.#kill(round > 1 && this.#random.chance(1 / EARLY))
    this.#acknowledged += acknowledged.size
    try {
      const { tip, ids, faults } = await verifiedAfter(this.#dir, this.#tip)
      const lost = [...acknowledged].filter(([sequence, id]) => ids.get(sequence) !== id)
      this.#violations.push(...faults, ...lost.map(([sequence]) => `sequence ${sequence} was lost`))
      this.#tip = tip
    } catch (error) {
      this.#violations.push(`kill ${round}: ${error instanceof Error ? error.message : error}`)
    }
  }

  /** The last start delivers what is left. */
  async settle(ledger: Ledger, count: number): Promise<Outcome> {
    const child = this.#start(0)
    await once(child, 'close')
    if (child.exitCode !== 0) this.#violations.push(`the last start ended with ${child.exitCode}`)
    const { tip } = await verifiedAfter(this.#dir, EMPTY)
    await Promise.race([ledger.until(() => ledger.digests.size >= tip.sequence), delay(10_000)])
    this.#violations.push(...(await differences(this.#dir, ledger)))
    const perSecond = this.#acknowledged / (this.#workedMs / 1000)
    const seen =
      `${figure(perSecond)} inspections/s; ${this.#early} while it started; ${figure(tip.sequence)} stored, ` +
      `${figure(this.#acknowledged)} acknowledged, ${figure(ledger.arrivals)} arrivals ` +
      `(${figure(ledger.arrivals - ledger.digests.size)} repeats)${this.#violations.length === 0 ? '; database = subscriber' : ''}`
    return { family: FAMILY, fault: PIPELINE, count, seen, violations: this.#violations }
  }

  /** One life. @returns what it acknowledged */
  async #kill(early: boolean): Promise<ReadonlyMap<number, string>> {
    const acknowledged = new Map<number, string>()
    const child = this.#start(WIDTH)
    const lines = createInterface({ input: child.stdout })
    let first = 0
    let last = 0
    lines.on('line', (line) => {
      const [, sequence = '', id = ''] = line.split(' ')
      acknowledged.set(Number(sequence), id)
      last = performance.now()
      if (first === 0) first = last
    })
    const ended = Promise.all([once(child, 'close'), once(lines, 'close')])
    if (early) {
      this.#early += 1
      await delay(this.#random.uniform() * STARTING_MS)
    } else {
      await Promise.race([once(lines, 'line'), ended])
      await delay(this.#random.uniform() * WORKING_MS)
    }
    if (child.exitCode !== null) this.#violations.push(`it ended by itself, with ${child.exitCode}`)
    child.kill('SIGKILL')
    await ended
    this.#workedMs += last - first
    return acknowledged
  }

  #start(width: number): ChildProcessByStdio<null, Readable, null> {
    return spawn(process.execPath, [VICTIM, this.#dir, this.#url, String(width)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }
}

/** The whole gateway, with simulated heads and its own sinks: the test of it, with more rounds. */
async function killStation(scale: Scale): Promise<Outcome> {
  const rounds = countOf(scale, STATIONS)
  const rounded = { POINCON_CRASH_ROUNDS: String(rounds), POINCON_CRASH_SEED: String(scale.seed) }
  // The runner's own limit for a file is half a minute.
  const env = { ...process.env, ...rounded, TAP_TIMEOUT: '900' }
  const { code, text } = await new Promise<{ code: unknown; text: string }>((resolve) => {
    execFile(process.execPath, [STATION_CRASH], { env, maxBuffer: 2 ** 26 }, (error, stdout) =>
      resolve({ code: error?.code ?? (error === null ? 0 : 'killed'), text: stdout }),
    )
  })
  const said = /# \d+ kills \(seed \d+\): (.*)/.exec(text)?.[1] ?? 'no figures'
  const failures = text.split('\n').filter((line) => /^\s+not ok/.test(line))
  const violations = code === 0 ? [] : [`exit status ${code}`, ...failures]
  return { family: FAMILY, fault: 'the whole station, 200 parts/s', count: rounds, seen: said, violations }
}
