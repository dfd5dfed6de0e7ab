import { test } from 'tap'
import { BodyView } from '../../../../gateway/analysis/scan/body.ts'
import { footprintsOf } from '../../../../gateway/analysis/scan/footprint.ts'
import { PassingLine } from './passing.ts'

const { tray } = new PassingLine({ seed: 3, headErrors: 0, noise: 0 }, 1)
const { fine } = footprintsOf(tray)
const DOME = { x: 6, y: -3, rotation: 0.4, rx: 85, ry: 42.5, rz: 80 }

/** Height's slopes of half an ellipsoid along u, and of that slope along u and v. */
function bends(u: number, v: number): readonly [slope: number, alongU: number, alongV: number] {
  const { rx, ry, rz } = DOME
  const rest = Math.sqrt(1 - (u / rx) ** 2 - (v / ry) ** 2)
  return [
    (-rz * u) / (rx ** 2 * rest),
    (-rz / rx ** 2) * (1 / rest + u ** 2 / (rx ** 2 * rest ** 3)),
    (-rz * u * v) / (rx ** 2 * ry ** 2 * rest ** 3),
  ]
}

test('a relief shifts a depth by its height and by what its slope does to the light', (t) => {
  // A body that stands a little farther on is itself with a relief: by its own slope, with slopes by its curvature.
  const step = 1e-4
  const view = new BodyView(DOME, tray, 0.8)
  const moved = { x: DOME.x + step * Math.cos(DOME.rotation), y: DOME.y + step * Math.sin(DOME.rotation) }
  const farther = new BodyView({ ...DOME, ...moved }, tray, 0.8)
  view.aim(0, 0)
  farther.aim(0, 0)
  let [zones, all, byHeight, byBoth] = [0, 0, 0, 0]
  for (let zone = 0; zone < tray.zones; zone += 1) {
    view.see(fine, zone, 260, false)
    if (view.share < 1) continue
    view.see(fine, zone, view.depth, true)
    farther.see(fine, zone, view.depth, false)
    let [height, light] = [0, 0]
    for (let hit = 0; hit < view.hits; hit += 1) {
      const [slope, alongU, alongV] = bends(view.hitU[hit] ?? 0, view.hitV[hit] ?? 0)
      height -= (view.hitGain[hit] ?? 0) * step * slope
      light -= step * ((view.slopeGainU[hit] ?? 0) * alongU + (view.slopeGainV[hit] ?? 0) * alongV)
    }
    const truth = farther.depth - view.depth
    zones += 1
    all += truth ** 2
    byHeight += (height - truth) ** 2
    byBoth += (height + light - truth) ** 2
  }
  t.ok(zones >= 4)
  t.ok(byBoth < 0.01 * all, `off by ${Math.sqrt(byBoth / all)}`)
  t.ok(byBoth < byHeight / 4, `without the light by ${Math.sqrt(byHeight / all)}`)
  t.end()
})
