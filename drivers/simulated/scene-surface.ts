/** A sine of relief across the body: `amplitude` × sin(u·wave number u + v·wave number v + phase). */
export interface Wave {
  /** Millimetres of height, or percent of reflectance. */
  readonly amplitude: number
  /** Radians per mm along the body's long and short axis. */
  readonly perMmU: number
  readonly perMmV: number
  readonly phase: number
}

/** A round change that falls linearly from its centre to its rim, in the body's own axes. */
export interface LocalChange {
  readonly uMm: number
  readonly vMm: number
  readonly radiusMm: number
  /** At the centre: millimetres of height (positive towards the head), or percent of reflectance. */
  readonly change: number
}

/** A half ellipsoid on its base, with relief and local changes. Lengths in mm; u is its long axis, v its short one. */
export interface Shape {
  readonly semiU: number
  readonly semiV: number
  readonly height: number
  readonly waves: readonly Wave[]
  readonly changes: readonly LocalChange[]
}

/**
 * The height field of a body: √(1 − ρ²) × height, ρ² = (u/semiU)² + (v/semiV)², plus a relief that is linear between
 * the nodes of a grid. This is the truth: the volume integrates it, the rays hit it.
 */
export interface Surface {
  readonly shape: Shape
  readonly countU: number
  readonly countV: number
  readonly stepU: number
  readonly stepV: number
  /** Relief in mm at u = −semiU + i·stepU, v = −semiV + k·stepV, index k·countU + i; never below the base. */
  readonly relief: Float64Array
  readonly volumeMm3: number
  readonly maxHeightMm: number
}

/** Spacing of the relief’s nodes, mm: a quarter of the shortest wave and a tenth of a zone’s footprint. */
const STEP_MM = 3
/** Waves and bumps end smoothly over this share of the base, counted from its edge, as ρ². */
const EDGE = 0.3
/** Root mean square of that window over the base: 1 − EDGE + EDGE/3. */
const EDGE_RMS = Math.sqrt(1 - EDGE + EDGE / 3)

/** A surface as far as its heights go. */
export type HeightField = Omit<Surface, 'volumeMm3' | 'maxHeightMm'>

/** @returns the height field; amplitudes of waves are scaled so that √(Σ amplitude²/2) is their rms over the base */
export function surfaceOf(shape: Shape): Surface {
  const grid = gridOf(shape)
  const { volume, top } = settle(grid)
  const { rest: _, ...field } = grid
  const plain = (2 / 3) * Math.PI * shape.semiU * shape.semiV * shape.height
  // The plain body's top may stand between the nodes.
  const maxHeightMm = Math.max(top, heightAt(field, 0, 0))
  // A pit that reaches the base has an edge between the nodes, which their sum does not see.
  const pitted = shape.changes.some(({ change }) => change < 0)
  return { ...field, maxHeightMm, volumeMm3: plain + (pitted ? reliefVolume(field) : volume) }
}

/** The heights alone, without their integral. */
export function heightField(shape: Shape): HeightField {
  const grid = gridOf(shape)
  settle(grid)
  const { rest: _, ...field } = grid
  return field
}

/** Relief not yet settled on the base. */
function gridOf(shape: Shape): Grid {
  const { semiU, semiV } = shape
  const countU = Math.ceil((2 * semiU) / STEP_MM) + 1
  const countV = Math.ceil((2 * semiV) / STEP_MM) + 1
  const stepU = (2 * semiU) / (countU - 1)
  const stepV = (2 * semiV) / (countV - 1)
  const relief = new Float64Array(countU * countV)
  const grid = { shape, countU, countV, stepU, stepV, relief, rest: new Float64Array(countU * countV) }
  setRest(grid)
  addWaves(grid)
  for (const change of shape.changes) addChange(grid, change)
  return grid
}

const FINE_STEP_MM = 1

function reliefVolume(surface: HeightField): number {
  const { shape } = surface
  let sum = 0
  for (let u = FINE_STEP_MM / 2 - shape.semiU; u < shape.semiU; u += FINE_STEP_MM) {
    for (let v = FINE_STEP_MM / 2 - shape.semiV; v < shape.semiV; v += FINE_STEP_MM) {
      const rest = remainder(shape, u, v)
      if (rest > 0) sum += Math.max(reliefAt(surface, u, v), -shape.height * Math.sqrt(rest))
    }
  }
  return sum * FINE_STEP_MM ** 2
}

interface Grid extends HeightField {
  /** 1 − ρ² at each node, not below 0. */
  readonly rest: Float64Array
}

function setRest({ shape, countU, countV, stepU, stepV, rest }: Grid): void {
  for (let k = 0, at = 0; k < countV; k += 1) {
    const v = k * stepV - shape.semiV
    for (let i = 0; i < countU; i += 1, at += 1) rest[at] = remainder(shape, i * stepU - shape.semiU, v)
  }
}

// sin(a + b) from tables along both axes: two products a node instead of a sine.
function addWaves({ shape, countU, countV, stepU, stepV, relief, rest }: Grid): void {
  const sinU = new Float64Array(countU)
  const cosU = new Float64Array(countU)
  for (const wave of shape.waves) {
    const amplitude = wave.amplitude / EDGE_RMS
    for (let i = 0; i < countU; i += 1) {
      const angle = wave.perMmU * (i * stepU - shape.semiU) + wave.phase
      sinU[i] = amplitude * Math.sin(angle)
      cosU[i] = amplitude * Math.cos(angle)
    }
    for (let k = 0, at = 0; k < countV; k += 1) {
      const angle = wave.perMmV * (k * stepV - shape.semiV)
      const sinV = Math.sin(angle)
      const cosV = Math.cos(angle)
      for (let i = 0; i < countU; i += 1, at += 1) {
        relief[at] = (relief[at] ?? 0) + (sinU[i] ?? 0) * cosV + (cosU[i] ?? 0) * sinV
      }
    }
  }
  for (let at = 0; at < relief.length; at += 1) relief[at] = (relief[at] ?? 0) * fade(rest[at] ?? 0)
}

/** Waves and bumps end smoothly over EDGE: a bump may not stand on the base's edge like a wall. */
function fade(rest: number): number {
  return Math.min(1, rest / EDGE)
}

function addChange({ shape, countU, countV, stepU, stepV, relief, rest }: Grid, change: LocalChange): void {
  const { uMm, vMm, radiusMm } = change
  const firstU = Math.max(0, Math.ceil((uMm - radiusMm + shape.semiU) / stepU))
  const lastU = Math.min(countU - 1, Math.floor((uMm + radiusMm + shape.semiU) / stepU))
  const firstV = Math.max(0, Math.ceil((vMm - radiusMm + shape.semiV) / stepV))
  const lastV = Math.min(countV - 1, Math.floor((vMm + radiusMm + shape.semiV) / stepV))
  for (let k = firstV; k <= lastV; k += 1) {
    for (let i = firstU; i <= lastU; i += 1) {
      const u = i * stepU - shape.semiU
      const v = k * stepV - shape.semiV
      const at = k * countU + i
      // A pit ends at the base's edge by itself.
      const edge = change.change > 0 ? fade(rest[at] ?? 0) : 1
      relief[at] = (relief[at] ?? 0) + edge * localChange(change, u, v)
    }
  }
}

// No relief reaches below the base.
function settle({ shape, stepU, stepV, relief, rest }: Grid): { volume: number; top: number } {
  let sum = 0
  let top = 0
  for (let at = 0; at < relief.length; at += 1) {
    const body = shape.height * Math.sqrt(rest[at] ?? 0)
    const settled = Math.max(relief[at] ?? 0, -body)
    relief[at] = settled
    sum += settled
    top = Math.max(top, body + settled)
  }
  return { volume: sum * stepU * stepV, top }
}

/** 1 − ρ², not below 0. */
function remainder({ semiU, semiV }: Shape, u: number, v: number): number {
  const across = u / semiU
  const along = v / semiV
  return Math.max(0, 1 - across * across - along * along)
}

/** What a local change adds at a place of the body, in its own unit. */
export function localChange({ uMm, vMm, radiusMm, change }: LocalChange, u: number, v: number): number {
  const du = u - uMm
  const dv = v - vMm
  const distance = Math.sqrt(du * du + dv * dv)
  return change * Math.max(0, 1 - distance / radiusMm)
}

/** Relief in mm at a place of the body, linear between nodes; 0 outside. */
export function reliefAt(surface: HeightField, u: number, v: number): number {
  const { shape, countU, countV, stepU, stepV, relief } = surface
  const across = (u + shape.semiU) / stepU
  const along = (v + shape.semiV) / stepV
  if (!(across >= 0 && along >= 0 && across < countU - 1 && along < countV - 1)) return 0
  const i = Math.floor(across)
  const k = Math.floor(along)
  const at = k * countU + i
  const s = across - i
  const t = along - k
  const low = (relief[at] ?? 0) * (1 - s) + (relief[at + 1] ?? 0) * s
  const high = (relief[at + countU] ?? 0) * (1 - s) + (relief[at + countU + 1] ?? 0) * s
  return low * (1 - t) + high * t
}

/** Height in mm over the base at a place of the body; 0 outside. */
export function heightAt(surface: HeightField, u: number, v: number): number {
  const rest = remainder(surface.shape, u, v)
  return rest === 0 ? 0 : Math.max(0, surface.shape.height * Math.sqrt(rest) + reliefAt(surface, u, v))
}
