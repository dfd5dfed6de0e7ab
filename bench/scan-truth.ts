/**
 * How true a scan is: simulated parts that a belt carries under the simulated head, a look every 7 mm (15 Hz at
 * 0.1 m/s), measured by `measureScan`, beside what the scene knows. Looks come from the simulated scene, quantised as
 * the chip quantises; the wires are left out.
 *   node dist/bench/scan-truth.js [SEED] [COUNT]     default 1 100
 */
import { drawPart } from '../drivers/simulated/draw.ts'
import { type BodyDefect, type Part, type PresentPart, partOf } from '../drivers/simulated/parts.ts'
import { profileNamed } from '../drivers/simulated/profiles.ts'
import { Random } from '../drivers/simulated/random.ts'
import { domeVolume } from '../gateway/analysis/dome.ts'
import { coneAt } from '../gateway/analysis/scan/cones.ts'
import type { ScanDefect } from '../gateway/analysis/scan/defects.ts'
import { equationsOf } from '../gateway/analysis/scan/equations.ts'
import { fitScan } from '../gateway/analysis/scan/fit.ts'
import { locate } from '../gateway/analysis/scan/locate.ts'
import { ReliefField } from '../gateway/analysis/scan/relief.ts'
import { measureScan, type ScanPlan } from '../gateway/analysis/scan/scan.ts'
import { sightOf } from '../gateway/analysis/scan/sight.ts'
import type { ScannedSurface } from '../gateway/analysis/scan/surface.ts'
import type { Look } from '../gateway/look.ts'
import type { ShapeRecipe } from '../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'
import { everyMm, PassingLine } from '../test/gateway/analysis/scan/passing.ts'

const SEED = Number(process.argv[2] ?? 1)
const COUNT = Number(process.argv[3] ?? 100)
const PROFILE = 'foiegras_standard_seul'
/** Of the head to the belt, degrees: its columns then look at lines an eighth of a zone apart. */
const TURN_DEG = Math.atan(1 / 8) * (180 / Math.PI)
const TRAVEL_MM = 200
/** Nominal speed: the looks themselves tell the true one. */
const SPEED_SPREAD = 0.02
const STEP_MM = 7
/** Any depth is reported that stands out. */
const ANY = { limitMm: 1, criticalMm: 20, points: 0.08 }

const shape = ((): ShapeRecipe => {
  const found = BUILT_IN_RECIPES.find(({ id }) => id === PROFILE)?.shape
  if (found === undefined) throw new Error(`no shape in ${PROFILE}`)
  return { ...found, defects: { foreignBody: ANY, deformation: ANY, edgeDamage: ANY } }
})()

function spread(values: readonly number[]): { readonly mean: number; readonly std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

function figures(name: string, errors: readonly number[], digits = 2): void {
  const { mean, std } = spread(errors)
  console.log(`  ${name.padEnd(38)} bias ${mean.toFixed(digits).padStart(6)}  σ ${std.toFixed(digits)}`)
}

interface Pass {
  readonly directionDeg: number
  readonly stepMm?: number
  readonly really?: (mm: number) => number
}

function pass(
  line: PassingLine,
  part: Part,
  { directionDeg, stepMm = STEP_MM, really = (mm) => mm }: Pass,
): readonly Look[] {
  const { xMm, yMm } = part.truth
  return line.looks(part, {
    travelMm: everyMm(stepMm, TRAVEL_MM),
    alongMm: xMm - TRAVEL_MM / 2,
    acrossMm: yMm,
    directionDeg,
    really,
  })
}

interface Scan {
  readonly truth: PresentPart
  readonly surface: ScannedSurface
  readonly cpuMs: number
}

function scanAll(line: PassingLine, count: number, how: Pass): readonly Scan[] {
  const plan: ScanPlan = { directionDeg: how.directionDeg, speedSpread: SPEED_SPREAD }
  const scans: Scan[] = []
  const lost = new Map<string, number>()
  for (let number = 1; number <= count; number += 1) {
    const part = drawPart(profileNamed(PROFILE), new Random(SEED, 4, number), number)
    const looks = pass(line, part, how)
    const start = process.cpuUsage()
    const { surface, reason = 'nothing' } = measureScan(looks, line.tray, shape, plan)
    const cpuMs = process.cpuUsage(start).user / 1000
    if (surface === undefined) lost.set(reason, (lost.get(reason) ?? 0) + 1)
    else scans.push({ truth: part.truth, surface, cpuMs })
  }
  for (const [reason, times] of lost) console.log(`  without a surface: ${times} of ${count} ${reason}`)
  return scans
}

/** What a measured figure is off the truth by. */
const ERRORS: Readonly<Record<string, (scan: Scan) => number>> = {
  'volume, %': ({ truth, surface }) => 100 * (surface.volumeMm3.estimate / truth.volumeMm3 - 1),
  'volume, stated uncertainties': ({ truth, surface: { volumeMm3 } }) =>
    (volumeMm3.estimate - truth.volumeMm3) / volumeMm3.std,
  'length, mm': ({ truth, surface }) => surface.outline.lengthMm - truth.lengthMm,
  'width, mm': ({ truth, surface }) => surface.outline.widthMm - truth.widthMm,
  'highest point, mm': ({ truth, surface }) => surface.maxHeightMm - truth.heightMm,
  'relief, mm rms': ({ truth, surface }) => surface.heightVariationMm - truth.thicknessVariationMm,
  "belt's travel, %": ({ surface }) => 100 * (surface.travelScale.estimate - 1),
  'misfit (1: looks agree)': ({ surface }) => surface.misfit,
}

function sizes(title: string, count: number, how: Pass): readonly Scan[] {
  console.log(title)
  const scans = scanAll(line, count, how)
  if (scans.length > 0) {
    for (const [name, error] of Object.entries(ERRORS)) figures(name, scans.map(error))
  }
  return scans
}

/** A part whose relief has the given rms, waves as the scene draws them, and at most one dent. */
function dented(number: number, relief: number, defects: readonly BodyDefect[]): Part {
  const random = new Random(SEED, 5, number)
  const waves = Array.from({ length: 4 }, () => {
    const direction = random.between(0, Math.PI)
    const perMm = (2 * Math.PI) / random.between(40, 90)
    return {
      amplitude: relief * Math.SQRT1_2,
      perMmU: perMm * Math.cos(direction),
      perMmV: perMm * Math.sin(direction),
      phase: random.between(0, 2 * Math.PI),
    }
  })
  return partOf({
    number,
    waves,
    thicknessVariationMm: relief,
    xMm: random.between(-8, 8),
    yMm: random.between(-8, 8),
    rotationDeg: 45 + random.between(-22.5, 22.5),
    defects,
  })
}

/** d' of a defect 1 mm deep for the ideal matched filter of this scan, which knows noise and rms of the relief. */
function detectability(
  looks: readonly Look[],
  directionDeg: number,
  dent: BodyDefect,
  relief: number,
): number {
  const { lengthMm, widthMm, heightMm } = shape.product
  const axes = { rx: lengthMm / 2, ry: widthMm / 2, rz: heightMm }
  const prior = { ...axes, spread: shape.sizeSpread, speedSpread: SPEED_SPREAD, textureMm: 1 }
  const sight = sightOf(looks, line.tray, { directionDeg })
  if (sight === undefined) return 0
  const { ours, start } = locate(sight, shape.presenceMm, domeVolume(prior))
  const fit = fitScan(sight, ours, start, prior)
  const equations = fit && equationsOf(sight, ours, fit, { start, prior })
  const field = equations && ReliefField.solve(equations, Math.max(0.4, relief))
  const cone = field && coneAt(field.grid, dent.uMm, dent.vMm, dent.radiusMm)
  return field === undefined || cone === undefined ? 0 : Math.sqrt(Math.max(0, field.precision(cone)))
}

/** Dents of one size and depth: how many were found, what else was said, and the ideal filter's d'. */
interface Trials {
  readonly found: number
  readonly wrong: number
  readonly ideal: number
}

function trials(directionDeg: number, relief: number, sizeMm: number, depthMm: number): Trials {
  let [found, wrong, ideal] = [0, 0, 0]
  for (let n = 0; n < DENTS; n += 1) {
    const number = 1000 * sizeMm + 100 * depthMm + n
    const random = new Random(SEED, 6, number)
    const rho = 0.6 * Math.sqrt(random.uniform())
    const angle = random.between(0, 2 * Math.PI)
    const [uMm, vMm] = [85 * rho * Math.cos(angle), 42.5 * rho * Math.sin(angle)]
    const dent: BodyDefect = { type: 'deformation', uMm, vMm, radiusMm: sizeMm / 2, change: -depthMm }
    const part = dented(number, relief, [dent])
    const looks = pass(line, part, { directionDeg })
    const { surface } = measureScan(looks, line.tray, shape, { directionDeg, speedSpread: SPEED_SPREAD })
    if (n < DENTS / 3) {
      const sound = pass(line, dented(number, relief, []), { directionDeg })
      ideal += (depthMm * detectability(sound, directionDeg, dent, relief)) / Math.ceil(DENTS / 3)
    }
    const hits = (surface?.defects ?? []).filter((defect) => isAt(defect, part.truth, directionDeg, sizeMm))
    found += Math.min(1, hits.length)
    wrong += (surface?.defects.length ?? 0) - hits.length
  }
  return { found: found / DENTS, wrong, ideal }
}

/** Whether a defect that was found is the part's dent: half its size off, or 12 mm. */
function isAt(
  { placeMm, deviationMm = 0 }: ScanDefect,
  { xMm, yMm, defects }: PresentPart,
  directionDeg: number,
  sizeMm: number,
): boolean {
  const [truth] = defects
  if (truth === undefined || deviationMm > 0) return false
  const cos = Math.cos((directionDeg * Math.PI) / 180)
  const sin = Math.sin((directionDeg * Math.PI) / 180)
  const along = xMm - TRAVEL_MM / 2
  const x = cos * along - sin * yMm + truth.xMm - xMm
  const y = sin * along + cos * yMm + truth.yMm - yMm
  return Math.hypot(placeMm[0] - x, placeMm[1] - y) < Math.max(12, sizeMm / 2)
}

const SIZES_MM = [15, 30, 45] as const
const DEPTHS_MM = [5, 10, 20] as const
const DENTS = Math.max(6, Math.round(COUNT / 10))

function defects(directionDeg: number, relief: number): void {
  console.log(
    `dents, relief ${relief} mm rms, head turned by ${directionDeg.toFixed(1)}°: recall (d' of the ideal filter)`,
  )
  let right = 0
  let wrong = 0
  for (const sizeMm of SIZES_MM) {
    const row = DEPTHS_MM.map((depthMm) => {
      const result = trials(directionDeg, relief, sizeMm, depthMm)
      right += Math.round(result.found * DENTS)
      wrong += result.wrong
      return `${depthMm} mm deep ${result.found.toFixed(2)} (${result.ideal.toFixed(1)})`.padEnd(26)
    })
    console.log(`  ${sizeMm} mm wide   ${row.join('')}`)
  }
  let ghosts = 0
  for (let n = 0; n < DENTS; n += 1) {
    const looks = pass(line, dented(n, relief, []), { directionDeg })
    const { surface } = measureScan(looks, line.tray, shape, { directionDeg, speedSpread: SPEED_SPREAD })
    ghosts += surface?.defects.length ?? 0
  }
  const precision = right + wrong === 0 ? 'none found' : (right / (right + wrong)).toFixed(3)
  console.log(`  precision ${precision}; false on ${DENTS} sound parts: ${ghosts}`)
}

console.log(`seed ${SEED}, ${COUNT} parts of ${PROFILE}, a look every ${STEP_MM} mm over ${TRAVEL_MM} mm`)
const line = new PassingLine({ seed: SEED })
const times = sizes('head square to the belt', COUNT, { directionDeg: 0 }).map(({ cpuMs }) => cpuMs)
sizes(`head turned by ${TURN_DEG.toFixed(1)}°`, COUNT, { directionDeg: TURN_DEG })
const FEW = Math.ceil(COUNT / 8)
sizes('a look every 33 mm', FEW, { directionDeg: 0, stepMm: 33 })
const aboutMiddle = (factor: number) => (mm: number) => TRAVEL_MM / 2 + factor * (mm - TRAVEL_MM / 2)
for (const factor of [0.98, 1.02, 1.1]) {
  sizes(`belt ${factor} times as fast as told`, FEW, { directionDeg: 0, really: aboutMiddle(factor) })
}
sizes('belt stood for 35 mm', FEW, { directionDeg: 0, really: (mm) => Math.min(mm, Math.max(80, mm - 35)) })
sizes('belt jumped 20 mm', FEW, { directionDeg: 0, really: (mm) => (mm < 100 ? mm : mm + 20) })
for (const [directionDeg, relief] of [
  [0, 1],
  [TURN_DEG, 0],
  [TURN_DEG, 1],
  [TURN_DEG, 2.5],
] as const) {
  defects(directionDeg, relief)
}
times.sort((a, b) => a - b)
const ms = (share: number): string => (times[Math.floor(share * times.length)] ?? 0).toFixed(1)
console.log(`cost: median ${ms(0.5)} ms of processor time a part, a tenth below ${ms(0.1)} ms`)
