import { test } from 'tap'
import { footprintsOf } from '../../../../gateway/analysis/scan/footprint.ts'
import type { Rays } from '../../../../gateway/analysis/tray.ts'
import { PassingLine } from './passing.ts'

const { tray } = new PassingLine({ seed: 3, headErrors: 0, noise: 0 }, 1)
const ZONE = 27
/** Slope from one zone to the next. */
const WIDTH = (tray.p[ZONE + 1] ?? 0) - (tray.p[ZONE] ?? 0)

/** Middle and variance of a zone's light along the columns, in widths of a zone. */
function momentsOf({ perZone, p, light }: Rays): { readonly middle: number; readonly variance: number } {
  let [sum, first, second] = [0, 0, 0]
  for (let ray = ZONE * perZone; ray < (ZONE + 1) * perZone; ray += 1) {
    const place = ((p[ray] ?? 0) - (tray.p[ZONE] ?? 0)) / WIDTH
    const share = light[ray] ?? 0
    sum += share
    first += share * place
    second += share * place ** 2
  }
  return { middle: first / sum, variance: second / sum - (first / sum) ** 2 }
}

test('a footprint is a zone wide, blurred by a fifth: the variance of a box folded with a narrower one', (t) => {
  const { coarse, fine } = footprintsOf(tray)
  const box = (1 + 0.2 ** 2) / 12
  const { middle, variance } = momentsOf(fine)
  t.ok(Math.abs(middle) < 0.01, `${middle}`)
  t.ok(Math.abs(variance / box - 1) < 0.15, `${variance} beside ${box}: five rays a side stand for it`)
  t.ok(momentsOf(tray.rays[0]).variance < 0.95 * box, 'wider than the coarse rays of a still part')
  t.ok(Math.abs(momentsOf(coarse).variance / variance - 1) < 0.01, 'few rays see a curved surface as many do')
  t.end()
})

test('what rays see of the bare belt adds up by zone', (t) => {
  const { fine } = footprintsOf(tray)
  let [n, w] = [0, 0]
  for (let ray = ZONE * fine.perZone; ray < (ZONE + 1) * fine.perZone; ray += 1) {
    n += fine.emptyN[ray] ?? 0
    w += (fine.emptyN[ray] ?? 0) / tray.distanceMm
  }
  t.ok(Math.abs(n - (fine.zoneEmptyN[ZONE] ?? 0)) < 1e-15)
  t.ok(Math.abs(w - (fine.zoneEmptyW[ZONE] ?? 0)) < 1e-17)
  t.ok(Math.abs(n / w - tray.distanceMm) < 1e-9, 'its mean depth is the belt')
  t.end()
})
