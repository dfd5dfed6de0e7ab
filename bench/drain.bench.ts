/**
 * A backlog delivered: store, cursor, pump and MQTT sink, as they are, to a real mosquitto; in slices, and between them
 * the bare mqtt client with the same messages, so that both run on the same machine. Inspections per second, what one
 * costs the main thread, and the memory over time.
 *   node dist/bench/drain.bench.js [COUNT] [DIR]     default: 1,000,000 (6.2 GB), the directory for temporary files
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Mosquitto } from '../test/fakes/mosquitto.ts'
import { fillLog, oldest } from './backlog.ts'
import { BareMqtt } from './bare-mqtt.ts'
import { load, percentile } from './figures.ts'

const COUNT = Number(process.argv[2] ?? 1_000_000)
const SLICES = 10
const BARE = 10_000
const IN_FLIGHT = 200
const GOAL = { perSecond: 5000, growthMb: 50 }

/** What the station says of a slice that it has delivered. */
const slice = z.object({
  count: z.int(),
  perSecond: z.number(),
  cpuUs: z.number(),
  rssMb: z.array(z.number()),
})
type Slice = z.infer<typeof slice>

async function nextSlice(station: ChildProcess): Promise<Slice> {
  const answer = once(station, 'message')
  station.send('go')
  const [message] = await answer
  return slice.parse(message)
}

async function drain(dir: string, url: string): Promise<void> {
  const entries = await oldest(dir, 1000)
  const script = fileURLToPath(new URL('./drain-station.js', import.meta.url))
  // As `npm start` starts it.
  const execArgv = ['--max-semi-space-size=4']
  const station = fork(script, [dir, url, String(Math.ceil(COUNT / SLICES))], { execArgv })
  process.once('exit', () => station.kill('SIGKILL'))
  const bare = await BareMqtt.connect({ url, protocolVersion: 5, topic: 'bare', inFlight: IN_FLIGHT })
  const bareRates: number[] = []
  const slices: Slice[] = []
  for (let done = 0; done < COUNT; ) {
    bareRates.push(await bare.rate(entries, Math.min(BARE, COUNT)))
    const one = await nextSlice(station)
    slices.push(one)
    done += one.count
    const peer = bareRates.at(-1) ?? Number.NaN
    console.log(
      `  ${String(done).padStart(8)}  ${one.perSecond.toFixed(0)}/s, bare mqtt ${peer.toFixed(0)}/s, ratio ` +
        `${(one.perSecond / peer).toFixed(2)}; main thread ${one.cpuUs.toFixed(0)} µs each; RSS ` +
        `${one.rssMb.map((mb) => mb.toFixed(0)).join(' ')} MB; ${load()}`,
    )
  }
  station.disconnect()
  await Promise.all([once(station, 'exit'), bare.close()])
  tell(slices, bareRates, bare.inFlight)
}

function tell(slices: readonly Slice[], bare: readonly number[], window: number) {
  const seconds = slices.reduce((sum, { count, perSecond }) => sum + count / perSecond, 0)
  const perSecond = COUNT / seconds
  const best = Math.max(...slices.map((one) => one.perSecond))
  const peer = percentile(bare, 0.5)
  const cpuUs = slices.reduce((sum, { count, cpuUs }) => sum + (count * cpuUs) / COUNT, 0)
  // In the first slice the process comes to its size; within one, memory rises until the collector comes by.
  const later = slices.slice(1).map(({ rssMb }) => rssMb)
  const means = later.map((mb) => mb.reduce((sum, one) => sum + one, 0) / mb.length)
  const moves = Math.max(...means) - Math.min(...means)
  console.log(
    `drain: ${COUNT} inspections, ${perSecond.toFixed(0)}/s (best slice ${best.toFixed(0)}), goal ${GOAL.perSecond}: ` +
      `${(perSecond / GOAL.perSecond).toFixed(2)}×; bare mqtt ${peer.toFixed(0)}/s (median) with ${window} in flight, ` +
      `ratio ${(perSecond / peer).toFixed(2)}`,
  )
  console.log(
    `  main thread ${cpuUs.toFixed(0)} µs an inspection: it alone could do ${(1e6 / cpuUs).toFixed(0)}/s\n` +
      `  RSS after the first slice: means of the slices ${Math.min(...means).toFixed(0)} to ${Math.max(...means).toFixed(0)} ` +
      `MB, they move by ${moves.toFixed(0)} MB, goal ${GOAL.growthMb}; extremes ${Math.min(...later.flat()).toFixed(0)} ` +
      `and ${Math.max(...later.flat()).toFixed(0)} MB`,
  )
}

const dir = await mkdtemp(join(process.argv[3] ?? tmpdir(), 'poincon-drain-'))
const mosquitto = await Mosquitto.start(() => [`max_inflight_messages ${IN_FLIGHT}`])
try {
  const beganAt = performance.now()
  await fillLog(dir, COUNT)
  const { size } = await stat(join(dir, 'poincon.db'))
  const seconds = (performance.now() - beganAt) / 1000
  console.log(
    `${COUNT} inspections, ${(size / 1e9).toFixed(2)} GB, made in ${seconds.toFixed(0)} s; ${load()}`,
  )
  await drain(dir, mosquitto.url)
} finally {
  await mosquitto.close()
  await rm(dir, { recursive: true, force: true })
}
