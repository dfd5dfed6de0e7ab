import type { RangeScene, RangeView } from '../../drivers/simulated/vl53l8ch-scene.ts'

/** A wall at one distance, 1 mm nearer with each zone, without noise; it counts how often it was looked at. */
export class StillScene implements RangeScene {
  /** Ms of the clock at each look. */
  readonly looks: number[] = []
  rangeMm: number

  constructor(rangeMm = 320) {
    this.rangeMm = rangeMm
  }

  look(zones: 16 | 64, at: number): RangeView {
    this.looks.push(at)
    return {
      ambientKcpsPerSpad: new Float64Array(zones).fill(2.5),
      spads: new Float64Array(zones).fill(zones === 16 ? 64 : 16),
      echoes: Array.from({ length: zones }, (_, zone) => [
        {
          rangeMm: this.rangeMm - zone,
          sigmaMm: 1.5,
          signalKcpsPerSpad: 40.5,
          reflectancePercent: 35,
          status: 5,
        },
      ]),
      siliconTemperatureC: 36,
    }
  }
}
