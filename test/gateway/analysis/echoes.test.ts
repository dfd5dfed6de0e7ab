import { test } from 'tap'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { SimulatedLine } from '../../../drivers/simulated/line.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import type { LaidOutHistograms } from '../../../drivers/vl53l8ch/histograms.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { emptyTrayOf } from '../../../gateway/analysis/empty-tray.ts'
import { judge, prepare, type Sighting } from '../../../gateway/analysis/judge.ts'
import type { EmptyTray } from '../../../gateway/calibration.ts'
import type { Judgement } from '../../../gateway/inspection.ts'
import { analysisBlocks } from '../../../gateway/message-blocks.ts'
import { decodeRaw, encodeRaw, looksOf, measurementOf, rawHeadOf } from '../../../gateway/raw.ts'
import { parseRecipe, type Recipe, RecipeError, recipeJson } from '../../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../../gateway/recipes/built-in.ts'

const [STANDARD] = BUILT_IN_RECIPES
if (STANDARD?.shape === undefined) throw new Error('no recipe of shape')
const { shape: SHAPE } = STANDARD
const { material: _material, ...BARE } = STANDARD

/** Judged by its shape alone, and by what is told of histograms. */
function recipe(histograms?: NonNullable<Recipe['shape']>['histograms']): Recipe {
  return { ...BARE, shape: histograms === undefined ? SHAPE : { ...SHAPE, histograms } }
}

interface Seen {
  readonly tray: EmptyTray
  readonly frames: readonly RangeFrame[]
}

/** Five looks at a part of the simulated line, by the driver, with a histogram of each of the 16 zones in the middle. */
async function lookedAt(seed: number): Promise<Seen> {
  const clock = new VirtualClock()
  const line = new SimulatedLine({ seed, emptyRate: 0 })
  const bus = new SimulatedBus(clock, 1_000_000)
  bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene: line.scene }))
  const grid = { startX: 2, startY: 2, mergeX: 1, mergeY: 1, columns: 4, rows: 4 }
  const histograms = { startBin: 0, bins: 32, subSample: 1, grid }
  const tof = await Vl53l8ch.open(bus, clock, {
    firmware: generateFirmware(1),
    zones: 64,
    rateHz: 10,
    histograms,
  })
  const look = async (count: number): Promise<RangeFrame[]> => {
    const frames = [await tof.measure(clock.now())]
    while (frames.length < count) frames.push(await tof.next())
    return frames
  }
  line.clear()
  const tray = emptyTrayOf(await look(32), [], {
    id: 'tray',
    at: '2026-01-01T00:00:00.000Z',
    by: 'test',
    heads: [],
  })
  line.next()
  const frames = await look(5)
  await tof.close()
  return { tray, frames }
}

function sightingOf({ frames }: Seen, changed: (seen: RangeFrame) => RangeFrame = (seen) => seen): Sighting {
  const looks = frames.map((frame) => ({ frame: changed(frame) }))
  const last = looks.at(-1)?.frame
  if (last === undefined) throw new Error('no look')
  return { frame: last, looks, gaps: [], heads: { ranging: 'tof' } }
}

/** A second surface behind: light that the chip would have packed into the bins around `bin`. */
function withEchoBehind(frame: RangeFrame, bin: number, share: number): RangeFrame {
  const { histograms } = frame
  if (histograms === undefined) throw new Error('no histograms')
  const mantissas = Int32Array.from(histograms.mantissas)
  const { aggregates, bins } = histograms
  for (let aggregate = 0; aggregate < aggregates; aggregate += 1) {
    const own = mantissas.subarray(aggregate * bins, (aggregate + 1) * bins)
    const pulse = Math.max(...own)
    for (let off = -4; off <= 4; off += 1) {
      own[bin + off] = (own[bin + off] ?? 0) + Math.round(share * pulse * Math.exp(-0.5 * (off / 2.5) ** 2))
    }
  }
  const changed: LaidOutHistograms = { ...histograms, mantissas }
  return { ...frame, histograms: changed }
}

function binsOf(judgement: Judgement, seen: Seen): Readonly<Record<string, number>> {
  return analysisBlocks(judgement, seen.frames.at(-1)).vl53l8ch?.bins_analysis ?? {}
}

test('a head that takes histograms: what they say of the part stands in the message', async (t) => {
  const seen = await lookedAt(3)
  const judgement = judge(prepare(recipe(), seen.tray), sightingOf(seen))
  t.equal(judgement.verdict.kind, 'graded')
  const bins = binsOf(judgement, seen)
  const top = 320 - (judgement.surface?.avgHeightMm ?? 0)
  t.ok((bins.aggregates ?? 0) >= 1, 'only those that see nothing but the part count')
  t.ok((bins.aggregates ?? 16) < 16)
  t.ok(Math.abs((bins.range_mm ?? 0) - top) < 40, `${bins.range_mm} mm, ${top} mm by the ranges`)
  t.ok(Math.abs((bins.width_mm ?? 0) - 2.3548 * 2.5 * 37.5348) < 40, `width ${bins.width_mm} mm`)
  t.ok((bins.texture ?? 1) < 0.1, 'a smooth part is one surface to a chip with bins of 37.5 mm')
  t.equal(bins.second_echo, 0)
  for (const name of ['range_mm', 'width_mm', 'texture', 'second_echo']) t.ok(`${name}_std` in bins, name)
})

test('a limit on the second echo: a part under a film 400 mm before another surface is rejected', async (t) => {
  const seen = await lookedAt(4)
  const limited = recipe({ secondEcho: { max: 0.05 }, points: 0.1, reject: true })
  const plan = prepare(limited, seen.tray)
  const plain = judge(plan, sightingOf(seen))
  t.match(plain.verdict, { kind: 'graded' })
  t.notSame(plain.fusion?.grade, 'REJECT')

  const doubled = judge(
    plan,
    sightingOf(seen, (frame) => withEchoBehind(frame, 22, 0.3)),
  )
  t.match(doubled.verdict, { kind: 'graded', grade: 'REJECT', action: 'reject' })
  const finding =
    doubled.verdict.kind === 'graded'
      ? doubled.verdict.findings.find(({ code }) => code === 'second_echo_high')
      : undefined
  t.match(finding, { limit: 0.05, contribution: 0.1 })
  t.ok(Math.abs((finding?.value ?? 0) - 0.3) < 0.06, `share ${finding?.value}`)

  const told = judge(
    prepare(recipe({ secondEcho: { max: 0.05 }, points: 0.1, reject: false }), seen.tray),
    sightingOf(seen, (frame) => withEchoBehind(frame, 22, 0.3)),
  )
  const lost = (plain.fusion?.score.estimate ?? 0) - (told.fusion?.score.estimate ?? 0)
  t.ok(Math.abs(lost - 0.1) < 1e-9, 'without `reject` it costs its points')
})

test('a recipe that limits histograms, and a head that takes none: ungraded, never a better grade', async (t) => {
  const seen = await lookedAt(5)
  const limited = recipe({ tail: { max: 0.2 }, points: 0.1, reject: false })
  const bare = sightingOf(seen, ({ histograms: _histograms, ...frame }) => frame)
  t.strictSame(judge(prepare(limited, seen.tray), bare).verdict, {
    kind: 'ungraded',
    action: limited.actions.ungraded,
    reasons: ['no-histograms:tof'],
  })
  t.equal(judge(prepare(recipe(), seen.tray), bare).echoes, undefined)
})

test('the raw record keeps where the bins lie: judged again, bit for bit', async (t) => {
  const seen = await lookedAt(6)
  const live = sightingOf(seen)
  const { looks = [], frame } = live
  if (frame === undefined) throw new Error('no frame')
  const record = { schema: 'poincon.raw/1' as const, heads: { tof: rawHeadOf(frame, looks) } }
  const { tof } = decodeRaw(encodeRaw(record)).heads
  if (tof === undefined) throw new Error('no head')
  const again = measurementOf(tof, frame.takenAt)
  if (again.kind !== 'vl53l8ch') throw new Error('expected ranges')
  const plan = prepare(recipe(), seen.tray)
  const rejudged = judge(plan, { ...live, frame: again, looks: looksOf(tof, 0) })
  t.ok(rejudged.echoes)
  t.strictSame(rejudged, judge(plan, live))
})

test('a recipe that limits no figure of them, or scans, is refused by name', (t) => {
  const json = recipeJson(STANDARD)
  const refused = (shape: object): string => {
    try {
      parseRecipe({ ...json, shape: { ...json.shape, ...shape } })
    } catch (error) {
      if (error instanceof RecipeError) return error.message
      throw error
    }
    return ''
  }
  t.match(refused({ histograms: { points: 0.1 } }), 'width_mm, texture, tail or second_echo')
  t.match(
    refused({ histograms: { tail: { max: 0.2 } }, scan: { mm_per_s: 600, travel_mm: 100 } }),
    'no histograms beside scan',
  )
  t.end()
})
