/**
 * What the analysis of a part costs on one core, as a station runs it: five looks with their histograms and a spectrum in,
 * verdict out; and each stage by itself. Beside the goal and what the original does with its own (3.7 parts a second, most
 * of it one quadrature; docs/original.md).
 *   node dist/bench/analysis.bench.js [COUNT]     default 10000
 */
import type { Channel, Spectrum } from '../drivers/as7341/counts.ts'
import { SimulatedBus } from '../drivers/simulated/bus.ts'
import { VirtualClock } from '../drivers/simulated/clock.ts'
import { generateFirmware } from '../drivers/simulated/firmware.ts'
import { SimulatedLine } from '../drivers/simulated/line.ts'
import type { LightChannel } from '../drivers/simulated/optics.ts'
import { SimulatedVl53l8ch } from '../drivers/simulated/vl53l8ch.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch } from '../drivers/vl53l8ch/vl53l8ch.ts'
import { measureColour } from '../gateway/analysis/colour.ts'
import { echoesOf } from '../gateway/analysis/echoes.ts'
import { emptyTrayOf } from '../gateway/analysis/empty-tray.ts'
import { scoreOf } from '../gateway/analysis/fusion.ts'
import { gradeOf } from '../gateway/analysis/grade.ts'
import { judge, type Plan, prepare } from '../gateway/analysis/judge.ts'
import { combineLooks } from '../gateway/analysis/looks.ts'
import { Workspace } from '../gateway/analysis/memory.ts'
import { measureSurface } from '../gateway/analysis/surface.ts'
import type { Look } from '../gateway/look.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'

const COUNT = Number(process.argv[2] ?? 10_000)
const GOAL_US = 100
/** 3.7 parts a second. */
const ORIGINAL_US = 270_000
const LOOKS = 5
/** Distinct parts that are judged over and over: as many as a processor's cache holds beside the rest. */
const PARTS = 64
/** Times over which each figure is taken, the stages in turn: the best is what the machine can do undisturbed. */
const ROUNDS = 5
/** The whole field in aggregates of 2 × 2 zones, from the head to 0.75 m. */
const HISTOGRAMS = {
  startBin: 0,
  bins: 20,
  subSample: 1,
  grid: { startX: 0, startY: 0, mergeX: 2, mergeY: 2, columns: 4, rows: 4 },
}

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

function fail(detail: string): never {
  throw new Error(detail)
}

interface Part {
  readonly frame: RangeFrame
  readonly looks: readonly Look[]
  readonly spectrum: Spectrum
  readonly gaps: []
}

/** A ranging head behind its driver, and what the spectral one would say of the scene. */
async function openHeads(): Promise<{
  readonly line: SimulatedLine
  readonly look: (count: number) => Promise<readonly RangeFrame[]>
  readonly spectrum: () => Spectrum
}> {
  const clock = new VirtualClock()
  const line = new SimulatedLine({ seed: 1, emptyRate: 0 })
  const bus = new SimulatedBus(clock, 1_000_000)
  bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene: line.scene }))
  const settings = { firmware: generateFirmware(1), zones: 64, rateHz: 15, histograms: HISTOGRAMS } as const
  const head = await Vl53l8ch.open(bus, clock, settings)
  return {
    line,
    look: async (count) => {
      const frames = [await head.measure(clock.now())]
      while (frames.length < count) frames.push(await head.next())
      return frames
    },
    spectrum: () => {
      const light = line.scene.light(clock.now(), 0)
      const counts: Partial<Record<Channel, number>> = {}
      for (const [diode, channel] of Object.entries(CHANNELS)) {
        counts[channel] = Math.floor(light[diode as LightChannel] * 4 * 50)
      }
      return { kind: 'as7341', takenAt: 0, counts, gain: 4, integrationMs: 50, saturated: [] }
    },
  }
}

async function measured(): Promise<{ readonly plan: Plan; readonly parts: readonly Part[] }> {
  const recipe = BUILT_IN_RECIPES[0] ?? fail('no recipe')
  const { line, look, spectrum } = await openHeads()
  line.clear()
  const origin = { id: 'bench', at: '2026-01-01T00:00:00Z', by: 'bench', heads: [] }
  const tray = emptyTrayOf(await look(16), [spectrum()], origin)
  const parts: Part[] = []
  for (let number = 0; number < PARTS; number += 1) {
    line.next()
    const frames = await look(LOOKS)
    const looks = frames.map((frame) => ({ frame }))
    parts.push({ frame: frames.at(-1) ?? fail('no look'), looks, spectrum: spectrum(), gaps: [] })
  }
  return { plan: prepare(recipe, tray), parts }
}

/** What each stage gets of the one before, so that each is timed by itself. */
function stagesOf(plan: Plan, parts: readonly Part[]): Readonly<Record<string, (part: number) => unknown>> {
  const tray = plan.tray ?? fail('no tray')
  const shape = plan.recipe.shape ?? fail('the recipe judges no shape')
  const spectral = plan.spectral ?? fail('the recipe judges no colour')
  const ready = parts.map((part) => {
    const fused = combineLooks(part.looks)
    const { surface, alone = [] } = measureSurface(fused, tray, shape)
    const light = measureColour(part.spectrum, spectral)
    if (surface === undefined || 'reason' in light) return fail('a part that cannot be measured')
    return { ...part, fused, alone, evidence: { surface, colour: light.colour, material: light.material } }
  })
  const of = (part: number): (typeof ready)[number] => ready[part % PARTS] ?? fail('no part')
  // As a plan has it: one part after the other in the same memory.
  const memory = new Workspace()
  const again = (): Workspace => {
    memory.clear()
    return memory
  }
  // Where any relief is expected, nothing stands out of it, and no defect is looked for.
  const rough = { ...shape, textureMm: 100 }
  return {
    'combining the looks': (part) => combineLooks(of(part).looks, again()),
    'shape, without a search for defects': (part) => measureSurface(of(part).fused, tray, rough, again()),
    'shape with its defects': (part) => measureSurface(of(part).fused, tray, shape, again()),
    histograms: (part) => echoesOf(of(part).frame, of(part).looks, of(part).alone),
    colour: (part) => measureColour(of(part).spectrum, spectral),
    'score and grade': (part) => gradeOf(scoreOf(of(part).evidence, plan.recipe), plan.recipe),
    whole: (part) => judge(plan, of(part)),
  }
}

/** Processor time of a call, µs, collector included. */
function cost(run: (part: number) => unknown): number {
  const before = process.cpuUsage()
  for (let part = 0; part < COUNT; part += 1) run(part)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / COUNT
}

const { plan, parts } = await measured()
const graded = parts.filter((part) => judge(plan, part).verdict.kind === 'graded').length
console.log(`${PARTS} parts of ${plan.recipe.id}, ${graded} graded, ${LOOKS} looks each with histograms`)
console.log(`best of ${ROUNDS} rounds of ${COUNT} parts, processor time, µs each:`)
const stages = Object.entries(stagesOf(plan, parts))
for (const [, run] of stages) cost(run)
const best = new Map<string, number>()
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, run] of stages)
    best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, cost(run)))
}
for (const [name, us] of best) console.log(`  ${name.padEnd(38)}${us.toFixed(1).padStart(8)}`)
const whole = best.get('whole') ?? fail('nothing timed')
console.log(`beside the goal of ${GOAL_US} µs           × ${(whole / GOAL_US).toFixed(2)}`)
console.log(`beside the original's ${ORIGINAL_US} µs  × ${(whole / ORIGINAL_US).toFixed(5)}`)
