/**
 * What eight ranging heads cost a gateway: CPU of the thread their driver runs in, and the delay of its event loop, on
 * the real clock, with four simulated buses in threads of their own. Beside it, what the messages to those
 * threads cost alone, which stand in for the kernel's calls.
 *   node dist/bench/heads.bench.js [SECONDS]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../drivers/clock.ts'
import { SensorError } from '../drivers/sensor.ts'
import { generateFirmware } from '../drivers/simulated/firmware.ts'
import { busTimeMs } from '../drivers/vl53l8ch/bus-time.ts'
import { planRanging, type RangingSettings } from '../drivers/vl53l8ch/configuration.ts'
import { Vl53l8ch } from '../drivers/vl53l8ch/vl53l8ch.ts'
import { ThreadBus, threadCpuMs, threadWaitMs } from './heads-wires.ts'

const RATE_HZ = 15
const BUSES = 4
const ADDRESSES = [0x29, 0x2a]
const SETTLE_MS = 2000
const CPU_GOAL_PERCENT = 10
const DELAY_GOAL_MS = 5
const RATE_TOLERANCE_HZ = 0.2
/** How long the load of each configuration is measured. */
const MEASURE_MS = 1000 * Number(process.argv[2] ?? 20)
const firmware = generateFirmware(1)

/** One head that sends every frame it has, for as long as it is let. */
class Streaming {
  readonly #head: Vl53l8ch
  readonly #ended = new AbortController()
  readonly #loop: Promise<void>
  frames = 0
  /** Frames that were replaced while they crossed the wires. */
  torn = 0

  constructor(head: Vl53l8ch) {
    this.#head = head
    this.#loop = this.#stream()
  }

  get missed(): number {
    return this.#head.missedFrames
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#loop
    await this.#head.close()
  }

  async #stream(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      try {
        await this.#head.next(signal)
        this.frames += 1
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof SensorError) || error.fault !== 'corrupt') throw error
        this.torn += 1
      }
    }
  }
}

/** CPU between two moments, as a share of the time, %. */
class Load {
  readonly #threads: readonly number[]
  readonly #from = performance.now()
  readonly #driver = threadCpuMs(process.pid)
  readonly #waited: number
  readonly #process = process.cpuUsage()
  readonly #buses: number

  /** @param threads those of the buses */
  constructor(threads: readonly number[]) {
    this.#threads = threads
    this.#buses = this.#sum(threadCpuMs)
    this.#waited = this.#sum(threadWaitMs) + threadWaitMs(process.pid)
  }

  percent(): { readonly driver: number; readonly helpers: number; readonly waited: number } {
    const ms = performance.now() - this.#from
    const { user, system } = process.cpuUsage(this.#process)
    const driver = threadCpuMs(process.pid) - this.#driver
    const helpers = (user + system) / 1000 - driver - (this.#sum(threadCpuMs) - this.#buses)
    const waited = this.#sum(threadWaitMs) + threadWaitMs(process.pid) - this.#waited
    return {
      driver: (100 * driver) / ms,
      helpers: (100 * Math.max(0, helpers)) / ms,
      waited: (100 * waited) / ms / (this.#threads.length + 1),
    }
  }

  /** Over the threads of the buses. */
  #sum(msOf: (thread: number) => number): number {
    return this.#threads.reduce((sum, thread) => sum + msOf(thread), 0)
  }
}

interface Buses {
  readonly buses: readonly ThreadBus[]
  readonly threads: readonly number[]
}

async function openBuses(hz: number): Promise<Buses> {
  const buses = Array.from({ length: BUSES }, () => new ThreadBus({ hz, addresses: ADDRESSES }))
  return { buses, threads: await Promise.all(buses.map(({ thread }) => thread)) }
}

function messagesOf(buses: readonly ThreadBus[]): number {
  return buses.reduce((sum, { messages }) => sum + messages, 0)
}

async function loopDelay(ms: number): Promise<string> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await systemClock.sleep(ms)
  histogram.disable()
  const [p50, p99, max] = [histogram.percentile(50), histogram.percentile(99), histogram.max].map((ns) =>
    (ns / 1e6).toFixed(2),
  )
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`
}

/** The same number of messages in the same time, without driver and without content. */
async function messaging(perSecond: number): Promise<number> {
  const { buses, threads } = await openBuses(1_000_000)
  const lastsMs = (1000 * BUSES) / perSecond
  const until = performance.now() + MEASURE_MS / 2
  const load = new Load(threads)
  const exchange = async (bus: ThreadBus): Promise<void> => {
    while (performance.now() < until) await bus.empty(lastsMs)
  }
  await Promise.all(buses.map(exchange))
  const { driver } = load.percent()
  await Promise.all(buses.map((bus) => bus.close()))
  return driver
}

interface Run {
  readonly seconds: number
  readonly driverPercent: number
  readonly helpersPercent: number
  /** Of the time, that a thread was ready and others had the cores. */
  readonly waitedPercent: number
  readonly messagesPerSecond: number
  /** Of each head, in that time. */
  readonly frames: readonly number[]
  readonly missed: readonly number[]
  readonly torn: readonly number[]
}

async function measured(streams: readonly Streaming[], { buses, threads }: Buses): Promise<Run> {
  const before = streams.map(({ frames, missed, torn }) => ({ frames, missed, torn }))
  const messagesBefore = messagesOf(buses)
  const from = performance.now()
  const load = new Load(threads)
  await systemClock.sleep(MEASURE_MS)
  const { driver, helpers, waited } = load.percent()
  const seconds = (performance.now() - from) / 1000
  const since = (what: 'frames' | 'missed' | 'torn'): readonly number[] =>
    streams.map((stream, i) => stream[what] - (before[i]?.[what] ?? 0))
  return {
    seconds,
    driverPercent: driver,
    helpersPercent: helpers,
    waitedPercent: waited,
    messagesPerSecond: (messagesOf(buses) - messagesBefore) / seconds,
    frames: since('frames'),
    missed: since('missed'),
    torn: since('torn'),
  }
}

function report(run: Run, delay: string, messagesPercent: number): void {
  const { seconds, driverPercent, helpersPercent, waitedPercent, messagesPerSecond } = run
  const { frames, missed, torn } = run
  const rates = frames.map((count) => count / seconds)
  const good = rates.every((rate) => Math.abs(rate - RATE_HZ) <= RATE_TOLERANCE_HZ)
  console.log(
    `  frames/s of each head: ${rates.map((rate) => rate.toFixed(2)).join(' ')}: ` +
      `${good ? 'all' : 'NOT all'} ${RATE_HZ} ± ${RATE_TOLERANCE_HZ}`,
  )
  console.log(
    `  frames missed: ${missed.join(' ')}; replaced while they were read: ${torn.join(' ')}; in ${seconds.toFixed(0)} s`,
  )
  console.log(
    `  driver's thread ${driverPercent.toFixed(1)} % of a core, ${(driverPercent / CPU_GOAL_PERCENT).toFixed(2)} of the goal of ${CPU_GOAL_PERCENT}; ` +
      `of that ${messagesPercent.toFixed(1)} % for ${messagesPerSecond.toFixed(0)} messages a second, measured empty; ` +
      `Node's helper threads, those of the buses' included, ${helpersPercent.toFixed(1)} %; ` +
      `a thread waited ${waitedPercent.toFixed(1)} % of the time for a core that others used`,
  )
  console.log(
    `  event loop delay meanwhile, with the 1 ms of its timer: ${delay}; goal p99 ${DELAY_GOAL_MS} ms`,
  )
}

async function run(name: string, settings: RangingSettings, hz: number): Promise<void> {
  const { frameBytes } = planRanging(settings)
  const occupied = (ADDRESSES.length * RATE_HZ * busTimeMs({ frameBytes }, hz)) / 10
  console.log(
    `${name}, ${hz / 1000} kHz: ${frameBytes} bytes a frame, at least ${occupied.toFixed(1)} % of each bus`,
  )
  const wires = await openBuses(hz)
  const heads = await Promise.all(
    wires.buses.flatMap((bus) =>
      ADDRESSES.map((address) => Vl53l8ch.open(bus, systemClock, { ...settings, firmware, address })),
    ),
  )
  const streams = heads.map((head) => new Streaming(head))
  await systemClock.sleep(SETTLE_MS)
  const figures = await measured(streams, wires)
  const delay = await loopDelay(MEASURE_MS / 2)
  await Promise.all(streams.map((stream) => stream.stop()))
  await Promise.all(wires.buses.map((bus) => bus.close()))
  report(figures, delay, await messaging(figures.messagesPerSecond))
}

console.log(
  `${BUSES * ADDRESSES.length} heads at ${RATE_HZ} Hz, two on each of ${BUSES} buses, Node ${process.version}`,
)
console.log(`event loop delay of this machine when nothing happens: ${await loopDelay(2000)}`)
const eight: RangingSettings = { zones: 64, rateHz: RATE_HZ }
await run('8×8, all outputs', eight, 400_000)
const judged: RangingSettings = {
  ...eight,
  outputs: ['targets', 'sigma', 'range', 'reflectance', 'status'],
}
await run('8×8, what parts are judged by', judged, 400_000)
await run('8×8, all outputs', eight, 1_000_000)
