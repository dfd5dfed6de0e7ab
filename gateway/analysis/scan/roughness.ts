import type { Estimate } from '../../inspection.ts'
import { at } from '../numbers.ts'
import type { Grid } from './grid.ts'
import type { ReliefField } from './relief.ts'

/** 1 - ρ² below which the outline's own uncertainty looks like relief. */
const INNER = 0.36
/**
 * Wavelengths of the relief of a soft body, mm: two-point Gauss–Legendre over 40…90 mm. Shorter ones no zone resolves,
 * longer ones are the body's own shape.
 */
const WAVES_MM = [50.6, 79.4]
/** Ways that the waves run over the half circle; each as a sine and as a cosine. */
const WAYS = 3
/** Nodes between two at which noise is worked out. */
const STRIDE = 14
/** Nodes of the grid for each free height of such a relief. */
const FREE_STRIDE = 14
/** Rms over the whole outline for 1 within: towards its edge, where a body meets the belt, a relief goes to 0. */
const FADED = 0.9

/**
 * The relief's rms over the outline. Looks show relief only in part (a zone is wide, some of it the body swallows), and
 * noise as relief: waves of unit rms, sent through the same equations, tell by how much; the noise is taken out.
 */
export function roughnessOf(field: ReliefField): Estimate {
  const { grid, heightMm } = field
  const inner: number[] = []
  for (let node = 0; node < grid.nodes; node += 1) if (at(grid.inside, node) > INNER) inner.push(node)
  if (inner.length === 0) return { estimate: 0, std: 0 }
  const gain = gainOf(field, inner)
  const noise = noiseOf(field, inner) / gain
  const total = meanSquare(heightMm, inner) / gain
  const estimate = Math.sqrt(Math.max(0, total - noise))
  // The variance of a variance of n values is 2σ⁴/n; its root's by the derivative, blunted near zero.
  const free = Math.max(1, inner.length / FREE_STRIDE)
  const std = (total * Math.sqrt(2 / free)) / (2 * Math.max(estimate, Math.sqrt(noise)))
  return { estimate: FADED * estimate, std: FADED * std }
}

/** Mean square of what is found of waves of unit rms. */
function gainOf(field: ReliefField, inner: readonly number[]): number {
  const { grid } = field
  const wave = new Float64Array(grid.nodes)
  const found = new Float64Array(grid.nodes)
  let shown = 0
  let there = 0
  for (const lengthMm of WAVES_MM) {
    for (let way = 0; way < 2 * WAYS; way += 1) {
      setWave(wave, grid, lengthMm, way)
      field.shown(wave, found)
      shown += meanSquare(found, inner)
      there += meanSquare(wave, inner)
    }
  }
  return shown / there
}

function setWave(out: Float64Array, grid: Grid, lengthMm: number, way: number): void {
  const angle = (Math.PI * Math.floor(way / 2)) / WAYS
  const phase = (Math.PI / 2) * (way % 2)
  const perMm = (2 * Math.PI) / lengthMm
  for (let node = 0; node < out.length; node += 1) {
    const along = at(grid.u, node) * Math.cos(angle) + at(grid.v, node) * Math.sin(angle)
    out[node] = at(grid.inside, node) > 0 ? Math.sin(perMm * along + phase) : 0
  }
}

function noiseOf(field: ReliefField, inner: readonly number[]): number {
  let sum = 0
  let count = 0
  for (let place = 0; place < inner.length; place += STRIDE) {
    sum += field.noise(inner[place] ?? 0)
    count += 1
  }
  return sum / count
}

function meanSquare(values: Float64Array, places: readonly number[]): number {
  let sum = 0
  for (const place of places) sum += at(values, place) ** 2
  return sum / places.length
}
