/**
 * Whether a log slows down as it grows: durable appends and deliveries per second at 10 thousand rows and at millions,
 * in turns, so that both run on the same machine; and the room that a row takes.
 *   node dist/bench/growth.bench.js [DIR] [ROWS…]     default: the directory for temporary files, 1000000 5000000 (31 GB)
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Mosquitto } from '../test/fakes/mosquitto.ts'
import { appendRate } from './appends.ts'
import { fillLog, openLog } from './backlog.ts'
import { load, percentile } from './figures.ts'
import { HeldStation } from './turnstile.ts'

const SMALL = 10_000
const ROUNDS = 7
const APPENDS = 4000
const DELIVERED = SMALL
const GOAL = 0.2

const [parent = tmpdir(), ...sizes] = process.argv.slice(2)
const LARGE = sizes.length === 0 ? [1_000_000, 5_000_000] : sizes.map(Number)

interface Rates {
  readonly append: number
  readonly drain: number
  /** CPU time of the main thread an inspection delivered. */
  readonly cpuUs: number
}

/** One log, open. @param place which part of it is delivered, in [0, 1): one that nobody has just read */
async function measure(dir: string, url: string, place: number): Promise<Rates> {
  const store = await openLog(dir)
  const station = await HeldStation.start(store, url)
  store.advanceTo('upstream', store.end)
  await station.rewind(Math.floor((store.end - DELIVERED) * place))
  const { perSecond, cpuUs } = await station.deliver(DELIVERED)
  const append = await appendRate(store, APPENDS)
  await station.stop()
  await store.close()
  return { append, drain: perSecond, cpuUs }
}

async function smallOne(parentDir: string, url: string): Promise<Rates> {
  const dir = await mkdtemp(join(parentDir, 'small-'))
  await fillLog(dir, SMALL)
  const rates = await measure(dir, url, 0)
  await rm(dir, { recursive: true })
  return rates
}

function tell(rows: number, bytes: number, small: readonly Rates[], large: readonly Rates[]): void {
  const median = (rates: readonly Rates[], of: keyof Rates): number =>
    percentile(
      rates.map((one) => one[of]),
      0.5,
    )
  const compared = (of: 'append' | 'drain'): string => {
    const ratios = large.map((one, round) => one[of] / (small[round]?.[of] ?? Number.NaN))
    const ratio = percentile(ratios, 0.5)
    const verdict = ratio >= 1 - GOAL ? 'within' : 'NOT within'
    return (
      `${of} ${median(large, of).toFixed(0)}/s, at ${SMALL} rows ${median(small, of).toFixed(0)}/s: ` +
      `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), ${verdict} ${100 * GOAL} %`
    )
  }
  console.log(
    `${rows} rows, ${(bytes / 1e9).toFixed(2)} GB, ${(bytes / rows).toFixed(0)} bytes a row; ${load()}\n` +
      `  ${compared('append')}\n  ${compared('drain')}\n  main thread ${median(large, 'cpuUs').toFixed(0)} µs ` +
      `an inspection delivered, at ${SMALL} rows ${median(small, 'cpuUs').toFixed(0)} µs`,
  )
}

const dir = await mkdtemp(join(parent, 'poincon-growth-'))
const mosquitto = await Mosquitto.start(() => ['max_inflight_messages 200'])
try {
  const big = await mkdtemp(join(dir, 'big-'))
  for (const rows of LARGE) {
    const beganAt = performance.now()
    await fillLog(big, rows)
    console.log(`filled in ${((performance.now() - beganAt) / 1000).toFixed(0)} s; ${load()}`)
    const { size } = await stat(join(big, 'poincon.db'))
    const small: Rates[] = []
    const large: Rates[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      small.push(await smallOne(dir, mosquitto.url))
      large.push(await measure(big, mosquitto.url, round / ROUNDS))
    }
    tell(rows, size, small, large)
  }
} finally {
  await mosquitto.close()
  await rm(dir, { recursive: true, force: true })
}
