import type { RangeScene, RangeView } from '../../drivers/simulated/vl53l8ch-scene.ts'

/** Sigma is given for this; it falls with the root of the time. */
const INTEGRATION_MS = 10

/** A wall at one distance, 1 mm nearer with each zone, without noise; it counts how often it was looked at. */
export class StillScene implements RangeScene {
  /** Ms of the clock at each look. */
  readonly looks: number[] = []
  rangeMm: number
  /** Crosstalk of every zone, kcps/spad; undefined where there is no cover glass. */
  coverGlass: number | undefined

  constructor(rangeMm = 320) {
    this.rangeMm = rangeMm
  }

  look(zones: 16 | 64, at: number, integrationMs = INTEGRATION_MS): RangeView {
    this.looks.push(at)
    return {
      ambientKcpsPerSpad: new Float64Array(zones).fill(2.5),
      spads: new Float64Array(zones).fill(zones === 16 ? 64 : 16),
      echoes: Array.from({ length: zones }, (_, zone) => [
        {
          rangeMm: this.rangeMm - zone,
          sigmaMm: 1.5 * Math.sqrt(INTEGRATION_MS / integrationMs),
          signalKcpsPerSpad: 40.5,
          reflectancePercent: 35,
          status: 5,
        },
      ]),
      siliconTemperatureC: 36,
    }
  }

  crosstalk(): Float64Array | undefined {
    return this.coverGlass === undefined ? undefined : new Float64Array(64).fill(this.coverGlass)
  }
}
