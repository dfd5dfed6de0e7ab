/**
 * How true the shape of a still part is: simulated parts measured through the real drivers on simulated chips (virtual
 * time), one frame and five combined, beside what the scene knows; then parts with one more defect, found or not,
 * beside the best that relief and noise allow (the ideal matched filter's d′).
 *   node dist/bench/shape-truth.js [SEED] [COUNT]     default 1 200
 */
import { VirtualClock } from '../drivers/simulated/clock.ts'
import { drawPart } from '../drivers/simulated/draw.ts'
import { withDefect } from '../drivers/simulated/draw-study.ts'
import type { Part, PresentPart } from '../drivers/simulated/parts.ts'
import { profileNamed } from '../drivers/simulated/profiles.ts'
import { Random } from '../drivers/simulated/random.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import { heightsOf } from '../gateway/analysis/heights.ts'
import { combineLooks } from '../gateway/analysis/looks.ts'
import { normalCdf } from '../gateway/analysis/numbers.ts'
import { findPart } from '../gateway/analysis/presence.ts'
import { DEFECT_SCORE } from '../gateway/analysis/shape-defects.ts'
import { detectable } from '../gateway/analysis/shape-detectable.ts'
import { measureSurface } from '../gateway/analysis/surface.ts'
import { type TrayPlan, trayPlan } from '../gateway/analysis/tray.ts'
import { measureEmptyTray } from '../gateway/calibrate.ts'
import { configSchema } from '../gateway/config.ts'
import { wire } from '../gateway/hardware.ts'
import { HeadRack } from '../gateway/head-rack.ts'
import type { Surface } from '../gateway/inspection.ts'
import { silentLog } from '../gateway/log.ts'
import type { Look } from '../gateway/look.ts'
import { severalLooks, stillLooks } from '../gateway/looking.ts'
import type { ShapeRecipe } from '../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'

const SEED = Number(process.argv[2] ?? 1)
const COUNT = Number(process.argv[3] ?? 200)
const FRAMES = 5
const RADII_MM = [15, 22, 30, 45] as const
const DEPTHS_MM = [8, 12, 16, 20, 30] as const
/** The stream of random numbers for defects' places. */
const PLACES = 41
const RECIPE = BUILT_IN_RECIPES[0] ?? fail('no recipe')
const SHAPE = RECIPE.shape ?? fail('the recipe judges no shape')
/** Reports every defect that it finds, however shallow. */
const ALL: ShapeRecipe = {
  ...SHAPE,
  defects: {
    foreignBody: { ...SHAPE.defects.foreignBody, limitMm: 0.1 },
    deformation: { ...SHAPE.defects.deformation, limitMm: 0.1 },
    edgeDamage: { ...SHAPE.defects.edgeDamage, limitMm: 0.1 },
  },
}

function fail(detail: string): never {
  throw new Error(detail)
}

/** A station whose ranging head takes several frames of whatever lies on the tray. */
interface Station {
  readonly tray: TrayPlan
  /** The line's next part, or empty tray. */
  readonly next: () => Promise<{ readonly truth: PresentPart | undefined; readonly looks: readonly Look[] }>
  readonly look: (part: Part) => Promise<readonly Look[]>
  readonly close: () => Promise<void>
}

async function openStation(): Promise<Station> {
  const clock = new VirtualClock()
  const config = configSchema.parse({ recipe: RECIPE.id, simulation: { seed: SEED } })
  const hardware = wire({ config, clock, profile: RECIPE.id })
  const line = hardware.line ?? fail('no simulated line')
  const never = new AbortController().signal
  const rack = new HeadRack(hardware.heads, { clock, log: silentLog, random: () => 0.5 })
  await rack.start(never)
  const tray =
    trayPlan(await measureEmptyTray(rack.heads, clock, 'bench', never), RECIPE.tray) ?? fail('no tray')
  const ranging = rack.heads.find(({ kind }) => kind === 'vl53l8ch') ?? fail('no ranging head')
  const head = severalLooks(
    ranging,
    stillLooks(FRAMES, () => true),
  )
  const looks = async (): Promise<readonly Look[]> =>
    (await head.looks?.(clock.now(), never)) ?? fail('no looks')
  return {
    tray,
    next: async () => {
      const truth = line.next()
      return { truth: truth.present ? truth : undefined, looks: await looks() }
    },
    look: async (part) => {
      line.scene.show(line.scene.prepare(part))
      return await looks()
    },
    close: async () => {
      await rack.stop()
      await hardware.close()
    },
  }
}

function spread(values: readonly number[]): { readonly mean: number; readonly std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

function figures(name: string, errors: readonly number[]): void {
  const { mean, std } = spread(errors)
  const rms = Math.hypot(mean, std)
  console.log(
    `${name.padEnd(44)} bias ${mean.toFixed(2).padStart(7)}  σ ${std.toFixed(2).padStart(6)}  rms ${rms.toFixed(2)}`,
  )
}

/** What the original did: every zone a prism on its share of the tray. */
function prisms(frame: RangeFrame, tray: TrayPlan): number {
  const heights = heightsOf(frame, tray) ?? fail('frame and tray differ')
  return findPart(heights, tray, SHAPE.presenceMm).volumeMm3
}

async function sizes(station: Station): Promise<void> {
  const seen: { truth: PresentPart; one: Surface; five: Surface; sums: number }[] = []
  const count = { empty: 0, ghosts: 0, lost: 0 }
  for (let number = 1; number <= COUNT; number += 1) {
    const { truth, looks } = await station.next()
    const fused = combineLooks(looks)
    const one = measureSurface(combineLooks(looks.slice(0, 1)), station.tray, SHAPE).surface
    const five = measureSurface(fused, station.tray, SHAPE).surface
    if (truth === undefined) {
      count.empty += 1
      if (five !== undefined || one !== undefined) count.ghosts += 1
    } else if (one === undefined || five === undefined) count.lost += 1
    else seen.push({ truth, one, five, sums: prisms(fused, station.tray) })
  }
  console.log(
    `presence: ${count.ghosts} of ${count.empty} empty trays taken for a part; ` +
      `${count.lost} of ${COUNT - count.empty} parts without a surface`,
  )
  const percent = (volume: number, { volumeMm3 }: PresentPart): number => 100 * (volume / volumeMm3 - 1)
  for (const which of ['one', 'five'] as const) {
    console.log(`\n${which === 'one' ? 'one frame' : `${FRAMES} frames combined`}`)
    const all = seen.map((part) => ({ truth: part.truth, surface: part[which] }))
    figures(
      'volume, %',
      all.map(({ truth, surface }) => percent(surface.volumeMm3.estimate, truth)),
    )
    const z = ({ truth, surface: { volumeMm3 } }: (typeof all)[number]): number =>
      (volumeMm3.estimate - truth.volumeMm3) / volumeMm3.std
    figures('volume, stated uncertainties', all.map(z))
    const place = (axis: 'xMm' | 'yMm'): number[] =>
      all.map(({ truth, surface }) => surface.outline[axis] - truth[axis])
    figures('place, mm (x and y)', [...place('xMm'), ...place('yMm')])
    figures('rotation, degrees', all.map(turn))
  }
  console.log()
  figures(
    'zones summed as prisms, %',
    seen.map(({ truth, sums }) => percent(sums, truth)),
  )
}

/** Difference of the long axes, -90…90 degrees. */
function turn({ truth, surface }: { readonly truth: PresentPart; readonly surface: Surface }): number {
  const off = (surface.outline.rotationRad * 180) / Math.PI - truth.rotationDeg
  return off - 180 * Math.round(off / 180)
}

interface Study {
  readonly found: boolean
  /** Reported away from the defect. */
  readonly false: number
}

const QUALITIES = ['premium', 'good', 'acceptable'] as const

/** Parts of one quality without, then with one defect each; found: one reported within its radius or 25 mm. */
async function study(station: Station, quality: (typeof QUALITIES)[number]): Promise<void> {
  const random = new Random(SEED, PLACES)
  const profile = { ...profileNamed(RECIPE.id), only: quality }
  const each = Math.max(10, Math.round(COUNT / 8))
  let alarms = 0
  let rejected = 0
  const sound = 4 * each
  for (let number = 1; number <= sound; number += 1) {
    const looks = await station.look(drawPart(profile, random, number))
    const fused = combineLooks(looks)
    if ((measureSurface(fused, station.tray, ALL).surface?.defects.length ?? 0) > 0) alarms += 1
    const judged = measureSurface(fused, station.tray, SHAPE).surface?.defects ?? []
    if (judged.some(({ severity }) => severity >= 1)) rejected += 1
  }
  console.log(`\n${quality}: of ${sound} sound parts ${alarms} with a defect reported (false alarms),`)
  console.log(`  ${rejected} with one that is critical by the recipe's own limits`)
  console.log('recall / precision, %; 95 % are to be had from the depth on')
  console.log(
    `${'radius mm'.padStart(10)}${DEPTHS_MM.map((depth) => `${depth} mm`.padStart(12)).join('')}    from`,
  )
  for (const radiusMm of RADII_MM) {
    const cells: string[] = []
    for (const depthMm of DEPTHS_MM) {
      const studies: Study[] = []
      for (let number = 1; number <= each; number += 1) {
        studies.push(
          await oneDefect(station, drawPart(profile, random, number), { radiusMm, depthMm }, random),
        )
      }
      const found = studies.filter((one) => one.found).length
      const wrong = studies.reduce((sum, one) => sum + one.false, 0)
      const precision = found + wrong === 0 ? '–' : ((100 * found) / (found + wrong)).toFixed(0)
      cells.push(`${((100 * found) / each).toFixed(0)} / ${precision}`.padStart(12))
    }
    const least = detectable(station.tray, SHAPE, radiusMm, { frames: FRAMES })
    console.log(
      `${String(radiusMm).padStart(10)}${cells.join('')}${`${least?.toFixed(0) ?? '–'} mm`.padStart(8)}`,
    )
  }
}

async function oneDefect(
  station: Station,
  part: Part,
  { radiusMm, depthMm }: { readonly radiusMm: number; readonly depthMm: number },
  random: Random,
): Promise<Study> {
  const { semiU, semiV } = part.pose.surface.shape
  const [rho, angle] = [0.65 * Math.sqrt(random.uniform()), random.between(0, 2 * Math.PI)]
  const up = random.chance(0.5)
  const place = { uMm: semiU * rho * Math.cos(angle), vMm: semiV * rho * Math.sin(angle), radiusMm }
  const dented = withDefect(part, {
    ...place,
    type: up ? 'foreign_body' : 'deformation',
    change: up ? depthMm : -depthMm,
  })
  const truth = dented.truth.defects.at(-1) ?? fail('no defect')
  const { surface } = measureSurface(combineLooks(await station.look(dented)), station.tray, ALL)
  const near = (surface?.defects ?? []).filter(
    ({ xMm, yMm, deviationMm = 0 }) =>
      Math.hypot(xMm - truth.xMm, yMm - truth.yMm) < Math.max(25, radiusMm) && deviationMm > 0 === up,
  )
  return { found: near.length > 0, false: (surface?.defects.length ?? 0) - near.length }
}

console.log(
  `seed ${SEED}, ${COUNT} parts of ${RECIPE.id}, ${FRAMES} frames each, texture ${SHAPE.textureMm} mm`,
)
const station = await openStation()
await sizes(station)
for (const quality of QUALITIES) await study(station, quality)
console.log(
  '\nSmallest depth at the middle that 95 % of looks report, mm, by the relief that a recipe expects:',
)
console.log(`${'texture mm'.padStart(12)}${RADII_MM.map((radius) => `r ${radius}`.padStart(8)).join('')}`)
for (const textureMm of [0.1, 0.3, 1, 1.8, 3]) {
  const depths = RADII_MM.map((radius) =>
    (detectable(station.tray, { ...SHAPE, textureMm }, radius, { frames: FRAMES }) ?? 0)
      .toFixed(1)
      .padStart(8),
  )
  console.log(`${textureMm.toFixed(1).padStart(12)}${depths.join('')}`)
}
const ideal = normalCdf(1.645)
console.log(`(score ${DEFECT_SCORE} + 1.645 standard deviations: recall ${ideal.toFixed(2)})`)
await station.close()
