import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import { type Dome, seeDome } from '../../../gateway/analysis/dome.ts'
import { bodyField } from '../../../gateway/analysis/shape-body.ts'
import { mayHold } from '../../../gateway/analysis/shape-bound.ts'
import { energy, type Field } from '../../../gateway/analysis/shape-field.ts'
import { DentSearch, withOwnRelief } from '../../../gateway/analysis/shape-search.ts'
import { trayPlan } from '../../../gateway/analysis/tray.ts'
import { RECIPE, trayOf } from './station.ts'

const SHAPE = RECIPE.shape ?? fail('the standard recipe judges shape')
const TRAY = trayPlan(trayOf(), RECIPE.tray) ?? fail('no plan')
const DOME: Dome = { x: 3, y: -4, rotation: 0.6, rx: 85, ry: 45, rz: 80 }
const WHERE_DEFECTS_START = 4.5 ** 2

function fail(detail: string): never {
  throw new Error(detail)
}

/** A body whose zones read off it at random. */
function roughField(random: Random, roughMm: number): Field {
  const zones = Array.from({ length: TRAY.zones }, (_, zone) => zone)
  const stdMm = new Float64Array(TRAY.zones).fill(0.6)
  const brightness = new Float64Array(TRAY.zones).fill(Number.NaN)
  const flat = new Float64Array(TRAY.zones).fill(TRAY.distanceMm)
  const sight = { tray: TRAY, zones, stdMm, brightness }
  const depthMm = seeDome({ ...sight, depthMm: flat }, DOME).modelMm
  const seen = seeDome({ ...sight, depthMm }, DOME)
  const around = zones.filter((zone) => (seen.share[zone] ?? 0) > 0)
  const rough = depthMm.map((depth) => depth + roughMm * random.normal())
  const presence = { around, driftStdMm: 0.3 }
  const body = bodyField({ ...seen, dome: DOME }, { depthMm: rough, stdMm }, presence, TRAY, SHAPE)
  return body?.field ?? fail('no field')
}

test('what is left out of the search would have had no energy left once its own relief is told', (t) => {
  const random = new Random(61)
  const counts = { leftOut: 0, wouldHold: 0 }
  for (let part = 0; part < 150; part += 1) {
    const field = roughField(random, 0.5 + part / 20)
    const left = withOwnRelief(field, new DentSearch(field, DOME))
    const holds = left !== undefined && energy(left) >= WHERE_DEFECTS_START
    if (holds) counts.wouldHold += 1
    if (mayHold(field, WHERE_DEFECTS_START)) continue
    counts.leftOut += 1
    t.notOk(holds, `part ${part} is left out of the search rightly`)
  }
  t.ok(counts.leftOut > 30, `${counts.leftOut} are left out`)
  t.ok(counts.wouldHold > 20, `${counts.wouldHold} hold a defect's energy`)
  t.end()
})

test('a body as smooth as it gets holds nothing', (t) => {
  t.notOk(mayHold(roughField(new Random(62), 0), WHERE_DEFECTS_START))
  t.end()
})
