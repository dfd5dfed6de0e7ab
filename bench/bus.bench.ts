/**
 * What a frame of the ranging chip costs on the bus: bytes and transfers, ours beside those of the loop in ST's examples
 * and beside the least there is, one question and the frame; and the rate beside what the bus can carry. The chip's
 * clock is off by 1 % either way, and its frames jitter by 1 % of their period. All on a virtual clock.
 *   node dist/bench/bus.bench.js
 */
import type { Clock } from '../drivers/clock.ts'
import { SimulatedBus } from '../drivers/simulated/bus.ts'
import { VirtualClock } from '../drivers/simulated/clock.ts'
import { generateFirmware } from '../drivers/simulated/firmware.ts'
import { Random } from '../drivers/simulated/random.ts'
import { SimulatedVl53l8ch } from '../drivers/simulated/vl53l8ch.ts'
import { busTimeMs } from '../drivers/vl53l8ch/bus-time.ts'
import { planRanging, type RangingSettings } from '../drivers/vl53l8ch/configuration.ts'
import { decodeReadyWord } from '../drivers/vl53l8ch/ranging.ts'
import { Vl53l8ch } from '../drivers/vl53l8ch/vl53l8ch.ts'
import { StillScene } from '../test/fakes/still-scene.ts'

const HZ = 400_000
const FRAMES = 500
const SETTLE_FRAMES = 20
const firmware = generateFirmware(1)
/** By how much the chip's clock runs fast. */
const DRIFTS = [-0.01, 0, 0.01]
const JITTER = 0.01
/** ST's examples: ask whether a frame is ready, read it if so, wait 5 ms, over and over. */
const ULD_WAIT_MS = 5
const REGISTER_BYTES = 2
const READY_BYTES = 4
const FROM_RESULTS = new Uint8Array(REGISTER_BYTES)

/** A chip's clock, off and unsteady, and never running backwards. */
function unsteady(clock: Pick<Clock, 'now'>, drift: number, periodMs: number): Pick<Clock, 'now'> {
  const noise = (knot: number): number => JITTER * periodMs * (new Random(5, knot).uniform() - 0.5)
  return {
    now() {
      const at = clock.now()
      const knot = Math.floor(at / periodMs)
      const share = at / periodMs - knot
      return at * (1 + drift) + (1 - share) * noise(knot) + share * noise(knot + 1)
    },
  }
}

async function opened(settings: RangingSettings, drift: number) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, HZ)
  const chipClock = unsteady(clock, drift, 1000 / settings.rateHz)
  bus.attach(0x29, new SimulatedVl53l8ch({ clock: chipClock, scene: new StillScene() }))
  return { clock, bus, chip: await Vl53l8ch.open(bus, clock, { firmware, ...settings }) }
}

interface Cost {
  readonly bytes: number
  readonly transfers: number
  /** Share of the chip's frames that were not delivered. */
  readonly lost: number
}

/** What `frames` calls of `next` cost each. */
async function costOf(bus: SimulatedBus, next: () => Promise<number>): Promise<Cost> {
  for (let i = 0; i < SETTLE_FRAMES; i += 1) await next()
  const before = { ...bus.traffic }
  let missed = 0
  for (let i = 0; i < FRAMES; i += 1) missed += await next()
  const moved = bus.traffic.bytesIn + bus.traffic.bytesOut - before.bytesIn - before.bytesOut
  const transfers = bus.traffic.transfers - before.transfers
  return { bytes: moved / FRAMES, transfers: transfers / FRAMES, lost: missed / (FRAMES + missed) }
}

async function ours(settings: RangingSettings, drift: number): Promise<Cost> {
  const { bus, chip } = await opened(settings, drift)
  return await costOf(bus, async () => {
    const before = chip.missedFrames
    await chip.next()
    return chip.missedFrames - before
  })
}

async function uld(settings: RangingSettings, drift: number): Promise<Cost> {
  const { bus, clock } = await opened({ ...settings, layout: 'uld' }, drift)
  const { frameBytes } = planRanging({ ...settings, layout: 'uld' })
  let last = -1
  let lastId = -1
  return await costOf(bus, async () => {
    for (;;) {
      const ready = decodeReadyWord(await bus.transfer(0x29, FROM_RESULTS, READY_BYTES))
      const fresh = ready.kind === 'frame' && ready.streamCount !== last
      const frame = fresh ? await bus.transfer(0x29, FROM_RESULTS, frameBytes) : undefined
      await clock.sleep(ULD_WAIT_MS)
      if (frame === undefined) continue
      last = frame[0] ?? 0
      const id = new DataView(frame.buffer, frame.byteOffset).getUint32(8)
      const missed = lastId < 0 ? 0 : id - lastId - 1
      lastId = id
      return missed
    }
  })
}

function worst(costs: readonly Cost[]): Cost {
  return {
    bytes: Math.max(...costs.map(({ bytes }) => bytes)),
    transfers: Math.max(...costs.map(({ transfers }) => transfers)),
    lost: Math.max(...costs.map(({ lost }) => lost)),
  }
}

function lostText({ lost }: Cost): string {
  return lost === 0 ? 'none lost' : `${(100 * lost).toFixed(1)} % lost`
}

async function compare(zones: 16 | 64, rateHz: number, layout: 'compact' | 'uld'): Promise<void> {
  const settings: RangingSettings = { zones, rateHz, layout }
  const { frameBytes } = planRanging(settings)
  const limit = 1000 / busTimeMs({ frameBytes }, HZ)
  const least = frameBytes + READY_BYTES + 2 * REGISTER_BYTES
  const name = `${zones === 16 ? '4×4' : '8×8'} ${String(rateHz).padStart(2)} Hz ${layout.padEnd(7)} ${String(frameBytes).padStart(4)} bytes, bus limit ${limit.toFixed(1).padStart(4)} Hz: `
  if (rateHz > limit) {
    console.log(`${name}the bus does not carry it`)
    return
  }
  const our = worst(await Promise.all(DRIFTS.map((drift) => ours(settings, drift))))
  const its = worst(await Promise.all(DRIFTS.map((drift) => uld(settings, drift))))
  const extra = our.transfers - 2
  console.log(
    `${name}ours ${our.bytes.toFixed(1)} bytes (least ${least}, ${(our.bytes / least).toFixed(3)}×) in ${our.transfers.toFixed(2)} transfers, ${lostText(our)}; ` +
      `ST's ${its.bytes.toFixed(1)} in ${its.transfers.toFixed(2)}, ${lostText(its)}; ` +
      `${extra.toFixed(2)} questions too many a frame, ${extra <= 1 ? 'within' : 'NOT within'} the goal of 1`,
  )
}

console.log(`at ${HZ / 1000} kHz, per frame, the worst of a chip 1 % slow, exact and 1 % fast, with jitter`)
for (const layout of ['compact', 'uld'] as const) {
  for (const rateHz of [2, 10, 15, 30, 60]) await compare(16, rateHz, layout)
  for (const rateHz of [2, 5, 10, 15]) await compare(64, rateHz, layout)
}
