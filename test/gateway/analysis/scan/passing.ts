import { type Part, type PartSpec, partOf } from '../../../../drivers/simulated/parts.ts'
import { Scene, type SceneOptions, type View } from '../../../../drivers/simulated/scene.ts'
import type { RangeFrame } from '../../../../drivers/vl53l8ch/ranges.ts'
import { emptyTrayOf } from '../../../../gateway/analysis/empty-tray.ts'
import { type TrayPlan, trayPlan } from '../../../../gateway/analysis/tray.ts'
import type { Look } from '../../../../gateway/look.ts'

/** How a part passes below the head. */
export interface Passing {
  /** Belt travel since the trigger at each look, mm, as the looks say it. */
  readonly travelMm: readonly number[]
  /** Where the part's centre is at travel 0, along the belt from the point below the head, and across. */
  readonly alongMm?: number
  readonly acrossMm?: number
  readonly directionDeg?: number
  /** What the belt really ran when it says `travelMm`; default the same. */
  readonly really?: (travelMm: number) => number
}

/** A look every 7 mm: 15 Hz at 0.1 m/s. */
export function everyMm(stepMm: number, travelMm: number): readonly number[] {
  return Array.from({ length: Math.floor(travelMm / stepMm) + 1 }, (_, i) => i * stepMm)
}

/** A simulated head over a moving belt. */
export class PassingLine {
  readonly scene: Scene
  readonly tray: TrayPlan

  constructor(options: SceneOptions, frames = 32) {
    this.scene = new Scene(options)
    const empty = Array.from({ length: frames }, () => this.frame('empty'))
    const origin = {
      id: '018f0000-0000-7000-8000-000000000000',
      at: '2026-01-01T00:00:00.000Z',
      by: 'test',
      heads: ['tof'],
    }
    const plan = trayPlan(emptyTrayOf(empty, [], origin), undefined)
    if (plan === undefined) throw new Error('no plan')
    this.tray = plan
  }

  /** One look at what was prepared, quantised as the chip does. */
  frame(view: View | 'empty'): RangeFrame {
    this.scene.show(view)
    const seen = this.scene.look(64, 1e7)
    const per = (value: (zone: number) => number): Float64Array =>
      Float64Array.from({ length: 64 }, (_, zone) => value(zone))
    return {
      kind: 'vl53l8ch',
      takenAt: 0,
      zones: 64,
      targetsPerZone: 1,
      streamCount: 1,
      siliconTemperatureC: seen.siliconTemperatureC,
      ambientKcpsPerSpad: per((zone) => seen.ambientKcpsPerSpad[zone] ?? 0),
      spads: per((zone) => seen.spads[zone] ?? 0),
      targetsDetected: per((zone) => seen.echoes[zone]?.length ?? 0),
      signalKcpsPerSpad: per((zone) => seen.echoes[zone]?.[0]?.signalKcpsPerSpad ?? 0),
      sigmaMm: per((zone) => Math.round((seen.echoes[zone]?.[0]?.sigmaMm ?? 0) * 128) / 128),
      rangeMm: per((zone) => Math.round((seen.echoes[zone]?.[0]?.rangeMm ?? 0) * 4) / 4),
      reflectancePercent: per(
        (zone) => Math.round((seen.echoes[zone]?.[0]?.reflectancePercent ?? 0) * 2) / 2,
      ),
      status: per((zone) => seen.echoes[zone]?.[0]?.status ?? 255),
      raw: new Uint8Array(0),
    }
  }

  /** The looks at a part that passes. */
  looks(part: Part, passing: Passing): readonly Look[] {
    const { travelMm, alongMm = 0, acrossMm = 0, directionDeg = 0, really = (mm) => mm } = passing
    const cos = Math.cos((directionDeg * Math.PI) / 180)
    const sin = Math.sin((directionDeg * Math.PI) / 180)
    return travelMm.map((beltMm) => {
      const along = alongMm + really(beltMm)
      const pose = { ...part.pose, xMm: cos * along - sin * acrossMm, yMm: sin * along + cos * acrossMm }
      return { frame: this.frame(this.scene.prepare({ ...part, pose })), beltMm }
    })
  }

  /** A part by its dimensions. */
  part(spec: Partial<PartSpec> = {}): Part {
    return partOf(spec)
  }
}
