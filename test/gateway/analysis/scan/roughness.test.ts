import { test } from 'tap'
import { partOf } from '../../../../drivers/simulated/parts.ts'
import { measureScan } from '../../../../gateway/analysis/scan/scan.ts'
import { recipeNamed } from '../station.ts'
import { everyMm, PassingLine } from './passing.ts'

const { shape } = recipeNamed('foiegras_standard_seul')
const LINE = new PassingLine({ seed: 7 })

/** What a scan says of a part with four waves of relief, 45 to 85 mm long. @param rms over the base, mm */
function roughness(rms: number): { readonly estimate: number; readonly std: number } {
  const waves = [0.3, 1, 1.9, 2.7].map((direction, i) => {
    const perMm = (2 * Math.PI) / ([45, 58, 72, 85][i] ?? 60)
    return {
      amplitude: rms * Math.SQRT1_2,
      perMmU: perMm * Math.cos(direction),
      perMmV: perMm * Math.sin(direction),
      phase: 2 * i,
    }
  })
  const part = partOf({ rotationDeg: 40, waves: rms === 0 ? [] : waves, thicknessVariationMm: rms })
  const looks = LINE.looks(part, { travelMm: everyMm(7, 200), alongMm: -100 })
  if (shape === undefined) throw new Error('no shape')
  const { surface, reason } = measureScan(looks, LINE.tray, shape, { directionDeg: 0, speedSpread: 0.02 })
  if (surface === undefined) throw new Error(`no surface: ${reason}`)
  return { estimate: surface.heightVariationMm, std: shape.uniformityScaleMm * surface.uniformity.std }
}

test('a relief reads as large as it is, whatever the recipe expects', (t) => {
  for (const rms of [1, 4]) {
    const { estimate, std } = roughness(rms)
    t.ok(Math.abs(estimate - rms) < 3 * std, `${estimate} ± ${std} of ${rms}`)
    t.ok(std < 0.35 * rms + 0.2, 'and that says something')
  }
  t.end()
})

test('a smooth body has next to none: noise is no relief', (t) => {
  const { estimate, std } = roughness(0)
  t.ok(estimate < 0.6, `${estimate}`)
  t.ok(std > 0.05 && estimate < 3 * std, `${std}: none is within what is left open`)
  t.end()
})
