/**
 * Inspections per second of the analysis alone, on one core: range frame and spectrum in, verdict out, beside what the
 * original does with its own (3.7 a second, most of it one quadrature; docs/original.md) and the goal.
 *   node dist/bench/analysis.bench.js [COUNT]     default 20000
 */
import type { Channel } from '../drivers/as7341/counts.ts'
import { SimulatedLine } from '../drivers/simulated/line.ts'
import type { LightChannel } from '../drivers/simulated/optics.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import { emptyTrayOf } from '../gateway/analysis/empty-tray.ts'
import { judge, prepare, type Sighting } from '../gateway/analysis/judge.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'

const COUNT = Number(process.argv[2] ?? 20_000)
const GOAL = 10_000
const ORIGINAL = 3.7
/** Distinct parts that are judged over and over. */
const PARTS = 256
/** Late enough for the simulated head to be warm, ms. */
const WARM_MS = 600_000

const CHANNELS: Readonly<Record<LightChannel, Channel>> = {
  F1: 'F1_415nm',
  F2: 'F2_445nm',
  F3: 'F3_480nm',
  F4: 'F4_515nm',
  F5: 'F5_555nm',
  F6: 'F6_590nm',
  F7: 'F7_630nm',
  F8: 'F8_680nm',
  NIR: 'NIR',
  Clear: 'Clear',
}

/** What the drivers would deliver of the scene as it stands; the bus is left out. */
function sightingOf(line: SimulatedLine): Required<Pick<Sighting, 'frame' | 'spectrum'>> & Sighting {
  const view = line.scene.look(64, WARM_MS)
  const per = (value: (zone: number) => number): Float64Array =>
    Float64Array.from({ length: 64 }, (_, i) => value(i))
  const echo = (zone: number) => view.echoes[zone]?.[0]
  const frame: RangeFrame = {
    kind: 'vl53l8ch',
    takenAt: 0,
    zones: 64,
    targetsPerZone: 1,
    streamCount: 1,
    siliconTemperatureC: view.siliconTemperatureC,
    ambientKcpsPerSpad: per((zone) => view.ambientKcpsPerSpad[zone] ?? 0),
    spads: per((zone) => view.spads[zone] ?? 0),
    targetsDetected: per((zone) => view.echoes[zone]?.length ?? 0),
    signalKcpsPerSpad: per((zone) => echo(zone)?.signalKcpsPerSpad ?? 0),
    sigmaMm: per((zone) => echo(zone)?.sigmaMm ?? 0),
    rangeMm: per((zone) => Math.round(4 * (echo(zone)?.rangeMm ?? 0)) / 4),
    reflectancePercent: per((zone) => Math.floor(2 * (echo(zone)?.reflectancePercent ?? 0)) / 2),
    status: per((zone) => echo(zone)?.status ?? 255),
    raw: new Uint8Array(0),
  }
  const light = line.scene.light(WARM_MS, 0)
  const counts: Partial<Record<Channel, number>> = {}
  for (const [diode, channel] of Object.entries(CHANNELS)) {
    counts[channel] = Math.floor(light[diode as LightChannel] * 4 * 50)
  }
  const spectrum = { kind: 'as7341', takenAt: 0, counts, gain: 4, integrationMs: 50, saturated: [] } as const
  return { frame, spectrum, gaps: [] }
}

const [recipe] = BUILT_IN_RECIPES
if (recipe === undefined) throw new Error('no recipe')
const line = new SimulatedLine({ seed: 1, emptyRate: 0 })
const empty = Array.from({ length: 16 }, () => sightingOf(line))
const tray = emptyTrayOf(
  empty.map(({ frame }) => frame),
  empty.map(({ spectrum }) => spectrum),
  { id: 'bench', at: '2026-01-01T00:00:00Z', by: 'bench', heads: [] },
)
const plan = prepare(recipe, tray)
const sightings = Array.from({ length: PARTS }, () => {
  line.next()
  return sightingOf(line)
})

function run(count: number): number {
  let graded = 0
  for (let part = 0; part < count; part += 1) {
    const sighting = sightings[part % PARTS]
    if (sighting !== undefined && judge(plan, sighting).verdict.kind === 'graded') graded += 1
  }
  return graded
}

run(3000)
const cpu = process.cpuUsage()
const beganAt = performance.now()
const graded = run(COUNT)
const perSecond = (1000 * COUNT) / (performance.now() - beganAt)
const { user, system } = process.cpuUsage(cpu)
console.log(`judged ${COUNT} parts, ${graded} graded`)
console.log(`wall clock      ${perSecond.toFixed(0)} inspections/s, ${(1e6 / perSecond).toFixed(1)} µs each`)
console.log(`processor time  ${((user + system) / COUNT).toFixed(1)} µs each, collector included`)
console.log(`beside the goal of ${GOAL}/s       × ${(perSecond / GOAL).toFixed(2)}`)
console.log(`beside the original's ${ORIGINAL}/s     × ${(perSecond / ORIGINAL).toFixed(0)}`)
