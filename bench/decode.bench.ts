/**
 * What one frame of the ranging chip costs to decode, beside the goals and beside the byte swap that ST's driver begins
 * with; and how long the chip takes to open, cold and warm. What a frame costs on the bus is in `bus.bench.ts`.
 *   node dist/bench/decode.bench.js
 */
import { SimulatedBus } from '../drivers/simulated/bus.ts'
import { VirtualClock } from '../drivers/simulated/clock.ts'
import { generateFirmware } from '../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../drivers/simulated/vl53l8ch.ts'
import type { RangingSettings } from '../drivers/vl53l8ch/configuration.ts'
import { histogramsOf } from '../drivers/vl53l8ch/histograms.ts'
import { swapWords } from '../drivers/vl53l8ch/mailbox.ts'
import { decodeMotion } from '../drivers/vl53l8ch/motion.ts'
import { decodeFrame } from '../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch } from '../drivers/vl53l8ch/vl53l8ch.ts'
import { StillScene } from '../test/fakes/still-scene.ts'

const ROUNDS = 15
const DECODES = 2000
const firmware = generateFirmware(1)

const whole = { startX: 0, startY: 0, mergeX: 1, mergeY: 1, columns: 8, rows: 8 }
const quarters = { startX: 0, startY: 0, mergeX: 2, mergeY: 2, columns: 4, rows: 4 }
const eight: RangingSettings = { zones: 64, rateHz: 15 }

async function opened(settings: RangingSettings, hz: number) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, hz)
  bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene: new StillScene() }))
  return { clock, bus, chip: await Vl53l8ch.open(bus, clock, { firmware, ...settings }) }
}

/** The median of several rounds, µs a call: a noisy machine spoils some of them. */
function microseconds(work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = performance.now()
    for (let i = 0; i < DECODES; i += 1) work()
    rounds.push(((performance.now() - from) * 1000) / DECODES)
  }
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0
}

async function decoding(
  name: string,
  settings: RangingSettings,
  goalUs: number,
  decode: (raw: Uint8Array) => unknown,
): Promise<void> {
  const { chip } = await opened(settings, 1_000_000)
  const { raw } = await chip.next()
  const us = microseconds(() => decode(raw))
  const swap = microseconds(() => swapWords(raw))
  console.log(
    `${name.padEnd(34)} ${String(raw.length).padStart(5)} bytes  ${us.toFixed(1).padStart(6)} µs  goal ${goalUs} µs: ` +
      `${(us / goalUs).toFixed(2)} of it; swapping its bytes alone: ${swap.toFixed(1)} µs (${(us / swap).toFixed(1)}×)`,
  )
}

console.log('decode')
await decoding('8×8', eight, 20, (raw) => decodeFrame(raw, 64, 1, 0))
await decoding('8×8 with motion', eight, 20, (raw) => [decodeFrame(raw, 64, 1, 0), decodeMotion(raw)])
await decoding('8×8, 4 targets', { ...eight, targetsPerZone: 4 }, 100, (raw) => decodeFrame(raw, 64, 4, 0))
const both = (raw: Uint8Array) => [decodeFrame(raw, 64, 1, 0), histogramsOf(raw)]
await decoding(
  '8×8 + histograms 16 × 20',
  { ...eight, histograms: { startBin: 4, bins: 20, subSample: 2, grid: quarters } },
  100,
  both,
)
await decoding(
  '8×8 + histograms 64 × 18',
  { ...eight, rateHz: 5, histograms: { startBin: 0, bins: 18, subSample: 4, grid: whole } },
  100,
  both,
)

console.log('open')
for (const hz of [400_000, 1_000_000]) {
  const { clock, bus, chip } = await opened(eight, hz)
  const coldMs = clock.now()
  await chip.close()
  const from = clock.now()
  const again = await Vl53l8ch.open(bus, clock, { firmware, ...eight })
  const warmMs = clock.now() - from
  console.log(
    `${hz / 1000} kHz: ${coldMs.toFixed(0)} ms with download, ${warmMs.toFixed(0)} ms taken over (${again.warm}), ` +
      `${(coldMs - warmMs).toFixed(0)} ms saved`,
  )
}
