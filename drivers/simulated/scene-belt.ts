import { RANGING } from './optics.ts'
import {
  addToZone,
  castEmpty,
  cellsOf,
  type EmptyScene,
  meetTray,
  newSums,
  RAYS,
  type RayFan,
  STEP,
} from './scene-tray.ts'

/** Exposures that a frame is made of, one after the other (UM2884, integration time). */
const EXPOSURES = { 16: 1, 64: 4 } as const

/**
 * Middle of the light of one frame.
 * @param at ms, its end
 * @param integrationMs of each of its exposures: one with 16 zones, four with 64
 */
export function exposureMiddle(zones: 16 | 64, at: number, integrationMs: number): number {
  return at - (EXPOSURES[zones] * integrationMs) / 2
}

/** Longer than any belt: a tray without ends. */
const ENDLESS_MM = 1e9
/** The largest tangent of a ray: by so much of its height the rim stands nearer to the axis than it seems on the floor. */
const STEEPEST = 0.5
/** What a tilt can move within a cell. */
const MARGIN_MM = 1

/**
 * What the rays meet of an empty tray that travels along x. Where neither end of it is near a ray, what the ray meets is
 * known beforehand, so that a place costs little.
 */
export class TravellingTray {
  readonly #still: RayFan
  /** Inside and far outside a tray that has no ends. */
  readonly #inside: RayFan
  readonly #outside: RayFan
  readonly #cells = cellsOf()

  constructor(still: RayFan) {
    this.#still = still
    const { tray, ...bed } = still.scene
    this.#outside = tray === undefined ? still : castEmpty(bed)
    this.#inside = tray === undefined ? still : castEmpty({ ...bed, tray: { ...tray, lengthMm: ENDLESS_MM } })
  }

  /** @param xMm where the tray's centre is now, from the optical axis */
  at(xMm: number): RayFan {
    const { scene } = this.#still
    if (scene.tray === undefined) return this.#still
    const count = 64 * RAYS
    const fan: RayFan = {
      ...this.#still,
      scene: { ...scene, trayXMm: xMm },
      behind: newSums(count),
      empty: newSums(64),
    }
    for (let ray = 0; ray < count; ray += 1) {
      const known = this.#known(fan.scene, scene.tray, ray)
      if (known === undefined) meetTray(fan, ray, this.#cells.x[ray] ?? 0, this.#cells.y[ray] ?? 0)
      else copy(known, fan, ray)
      addToZone(fan, ray)
    }
    return fan
  }

  /** The fan that knows what the ray's cell meets; undefined near an end of the tray. */
  #known(
    { headHeightMm, slopeX, slopeY, trayXMm = 0 }: EmptyScene,
    { lengthMm, rimMm }: { readonly lengthMm: number; readonly rimMm: number },
    ray: number,
  ): RayFan | undefined {
    const x = this.#cells.x[ray] ?? 0
    const range = headHeightMm / (1 + slopeX * x + slopeY * (this.#cells.y[ray] ?? 0))
    const away = Math.abs(x * range - trayXMm) - lengthMm / 2
    const reach = (STEP / 2) * range + STEEPEST * rimMm + MARGIN_MM
    if (away + reach <= 0) return this.#inside
    return away - reach >= RANGING.rimWidthMm ? this.#outside : undefined
  }
}

function copy({ behind: from }: RayFan, { behind: to }: RayFan, ray: number): void {
  to.signal[ray] = from.signal[ray] ?? 0
  to.first[ray] = from.first[ray] ?? 0
  to.second[ray] = from.second[ray] ?? 0
}
