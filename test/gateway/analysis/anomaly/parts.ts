import type { Channel } from '../../../../drivers/as7341/counts.ts'
import { SimulatedLine } from '../../../../drivers/simulated/line.ts'
import type { LightChannel } from '../../../../drivers/simulated/optics.ts'
import type { ProfileName } from '../../../../drivers/simulated/profiles.ts'
import type { RangeFrame } from '../../../../drivers/vl53l8ch/ranges.ts'
import { emptyTrayOf } from '../../../../gateway/analysis/empty-tray.ts'
import { judge, type Plan, prepare, type Sighting } from '../../../../gateway/analysis/judge.ts'
import type { Judgement } from '../../../../gateway/inspection.ts'
import { BUILT_IN_RECIPES } from '../../../../gateway/recipes/built-in.ts'

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
  const per = (value: (zone: number) => number | undefined): Float64Array =>
    Float64Array.from({ length: 64 }, (_, zone) => value(zone) ?? 0)
  const echo = (zone: number) => view.echoes[zone]?.[0]
  const frame: RangeFrame = {
    kind: 'vl53l8ch',
    takenAt: 0,
    zones: 64,
    targetsPerZone: 1,
    streamCount: 1,
    siliconTemperatureC: view.siliconTemperatureC,
    ambientKcpsPerSpad: per((zone) => view.ambientKcpsPerSpad[zone]),
    spads: per((zone) => view.spads[zone]),
    targetsDetected: per((zone) => view.echoes[zone]?.length),
    signalKcpsPerSpad: per((zone) => echo(zone)?.signalKcpsPerSpad),
    sigmaMm: per((zone) => echo(zone)?.sigmaMm),
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

/** Judgements of simulated parts of one recipe, by the plan of another where it is given. */
export function judgedParts(profile: ProfileName, seed: number, count: number, by?: Plan): Judgement[] {
  const line = new SimulatedLine({ seed, profile, emptyRate: 0 })
  const plan = by ?? planOf(profile, seed)
  return Array.from({ length: count }, () => {
    line.next()
    return judge(plan, sightingOf(line))
  })
}

/** The recipe over the tray of a line with this seed. */
export function planOf(profile: ProfileName, seed: number): Plan {
  const recipe = BUILT_IN_RECIPES.find(({ id }) => id === profile)
  if (recipe === undefined) throw new Error(`no recipe ${profile}`)
  const line = new SimulatedLine({ seed, profile, emptyRate: 0 })
  const empty = Array.from({ length: 16 }, () => sightingOf(line))
  const tray = emptyTrayOf(
    empty.map(({ frame }) => frame),
    empty.map(({ spectrum }) => spectrum),
    { id: 'tray', at: '2026-01-01T00:00:00Z', by: 'test', heads: [] },
  )
  return prepare(recipe, tray)
}

/** Graded so well that nobody would call it bad. */
export function isGood({ verdict }: Judgement): boolean {
  return verdict.kind === 'graded' && ['A+', 'A'].includes(verdict.grade)
}

/** Area under the receiver's operating curve: probability that a bad part is stranger than a good one. */
export function auroc(good: readonly number[], bad: readonly number[]): number {
  let wins = 0
  for (const one of good) {
    for (const other of bad) wins += other < one ? 1 : other === one ? 0.5 : 0
  }
  return wins / (good.length * bad.length)
}
