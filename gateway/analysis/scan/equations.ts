import { type Dome, edgeStd } from '../dome.ts'
import { at } from '../numbers.ts'
import { Banded } from './banded.ts'
import { BodyView } from './body.ts'
import { expectInto, INNER, outermost, PARAMETERS, type ScanFit, type ScanPrior } from './fit.ts'
import { BORDER_MM, type Grid, gridOver, precisionBand, SparseRow } from './grid.ts'
import type { ScanSight } from './sight.ts'

/** The linear equations of all looks about body and relief, in their normal form, weighted with the sensor's noise. */
export interface Equations {
  readonly sight: ScanSight
  readonly fit: ScanFit
  readonly grid: Grid
  readonly rows: Rows
  /** AᵀR⁻¹A of the nodes. */
  readonly data: Banded
  /** AᵀR⁻¹B of nodes by parameters: parameter after parameter. */
  readonly cross: readonly Float64Array[]
  /** BᵀR⁻¹B of the parameters and what was known of them, row-major, lower triangle. */
  readonly normal: Float64Array
  /** AᵀR⁻¹y of the nodes, and BᵀR⁻¹y of the parameters with what was known. */
  readonly nodes: Float64Array
  readonly gradient: Float64Array
}

/** @returns undefined where the looks hardly see the part */
export function equationsOf(
  sight: ScanSight,
  ours: Uint8Array,
  fit: ScanFit,
  expected: { readonly start: Dome; readonly prior: ScanPrior },
): Equations | undefined {
  const grid = gridOver(fit.dome)
  const rows = rowsOf(sight, ours, fit, grid)
  if (rows.count < PARAMETERS) return undefined
  const normal = new Float64Array(PARAMETERS * PARAMETERS)
  const gradient = new Float64Array(PARAMETERS)
  expectInto({ normal, gradient }, fit, expected.start, expected.prior)
  const equations = {
    sight,
    fit,
    grid,
    rows,
    data: new Banded(grid.nodes, rows.band),
    cross: Array.from({ length: PARAMETERS }, () => new Float64Array(grid.nodes)),
    normal,
    nodes: new Float64Array(grid.nodes),
    gradient,
  }
  assemble(equations)
  return equations
}

function assemble({ rows, data, cross: columns, normal, nodes, gradient }: Equations): void {
  const { starts, node, gain, slopes, residual, weight, count } = rows
  for (let row = 0; row < count; row += 1) {
    const say = at(weight, row)
    const missing = at(residual, row)
    const end = starts[row + 1] ?? 0
    for (let a = starts[row] ?? 0; a < end; a += 1) {
      const from = node[a] ?? 0
      const scaled = say * at(gain, a)
      nodes[from] = at(nodes, from) + scaled * missing
      for (let b = starts[row] ?? 0; b < end; b += 1) {
        const to = node[b] ?? 0
        if (to <= from) data.add(from, to, scaled * at(gain, b))
      }
      for (let k = 0; k < PARAMETERS; k += 1) {
        const cross = columns[k]
        if (cross !== undefined) cross[from] = at(cross, from) + scaled * at(slopes, row * PARAMETERS + k)
      }
    }
    for (let i = 0; i < PARAMETERS; i += 1) {
      const scaled = say * at(slopes, row * PARAMETERS + i)
      gradient[i] = at(gradient, i) + scaled * missing
      for (let j = 0; j <= i; j += 1) {
        const cell = i * PARAMETERS + j
        normal[cell] = at(normal, cell) + scaled * at(slopes, row * PARAMETERS + j)
      }
    }
  }
}

/** One row for each sighting that the part, or what lies right beside it, has a share in. */
export interface Rows {
  readonly count: number
  readonly band: number
  readonly sighting: Int32Array
  /** Entries of row i: from starts[i] to starts[i + 1]. */
  readonly starts: Int32Array
  readonly node: Int32Array
  readonly gain: Float64Array
  readonly slopes: Float64Array
  readonly residual: Float64Array
  readonly weight: Float64Array
  readonly share: Float64Array
}

function rowsOf(sight: ScanSight, ours: Uint8Array, fit: ScanFit, grid: Grid): Rows {
  const { tray, footprints, looks, shiftX, shiftY, depthMm, stdMm } = sight
  const view = new BodyView(fit.dome, tray, fit.contrast)
  const outer = outermost(fit.dome, BORDER_MM)
  const row = new SparseRow(grid.nodes)
  const sighting: number[] = []
  const starts: number[] = [0]
  const node: number[] = []
  const gain: number[] = []
  const slopes: number[] = []
  const residual: number[] = []
  const weight: number[] = []
  const shares: number[] = []
  let band = precisionBand(grid)
  for (let look = 0; look < looks; look += 1) {
    view.aim(fit.scale * at(shiftX, look), fit.scale * at(shiftY, look))
    for (let zone = 0; zone < tray.zones; zone += 1) {
      const i = look * tray.zones + zone
      if (ours[i] === 0) continue
      const middle = view.inside(at(tray.p, zone), at(tray.q, zone))
      if (middle < outer) continue
      view.see(middle > INNER ? footprints.coarse : footprints.fine, zone, at(fit.modelMm, i), true)
      row.clear()
      for (let hit = 0; hit < view.hits; hit += 1) {
        row.addAt(grid, at(view.hitU, hit), at(view.hitV, hit), {
          height: at(view.hitGain, hit),
          slopeU: at(view.slopeGainU, hit),
          slopeV: at(view.slopeGainV, hit),
        })
      }
      if (row.touched.length === 0) continue
      let [least, most] = [grid.nodes, 0]
      for (const touched of row.touched) {
        node.push(touched)
        gain.push(at(row.values, touched))
        least = Math.min(least, touched)
        most = Math.max(most, touched)
      }
      band = Math.max(band, most - least)
      starts.push(node.length)
      sighting.push(i)
      for (const slope of view.slopes) slopes.push(slope)
      slopes.push(1, at(view.slopes, 0) * at(shiftX, look) + at(view.slopes, 1) * at(shiftY, look))
      residual.push(at(depthMm, i) - view.depth - fit.driftMm)
      weight.push(edgeStd(at(stdMm, i) * Math.sqrt(fit.noiseScale), view.share) ** -2)
      shares.push(view.share)
    }
  }
  return {
    count: sighting.length,
    band,
    sighting: Int32Array.from(sighting),
    starts: Int32Array.from(starts),
    node: Int32Array.from(node),
    gain: Float64Array.from(gain),
    slopes: Float64Array.from(slopes),
    residual: Float64Array.from(residual),
    weight: Float64Array.from(weight),
    share: Float64Array.from(shares),
  }
}
