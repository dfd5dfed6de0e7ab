import { SPECTRAL } from './optics.ts'
import type { Pose } from './scene-body.ts'
import { type Glow, mixedGlow } from './scene-light.ts'

/** What lies where in front of the spectral head: a part on a tray whose centre is at `xMm`, beside it the bed. */
export interface Passing {
  readonly xMm: number
  readonly tray: { readonly lengthMm: number; readonly widthMm: number } | undefined
  readonly part: { readonly pose: Pose; readonly glow: Glow } | undefined
}

/** Points across the spot along each axis; those outside the circle do not count. */
const ACROSS = 15

/** What the head sees of it: each surface by its share of the spot. */
export function spotGlow(
  { xMm, tray, part }: Passing,
  empty: { readonly tray: Glow; readonly bed: Glow },
): Glow {
  let [onPart, onTray, all] = [0, 0, 0]
  const radius = SPECTRAL.spotRadiusMm
  for (let i = 0; i < ACROSS ** 2; i += 1) {
    const x = radius * ((2 * (i % ACROSS) + 1) / ACROSS - 1)
    const y = radius * ((2 * Math.floor(i / ACROSS) + 1) / ACROSS - 1)
    if (x * x + y * y > radius * radius) continue
    all += 1
    if (part !== undefined && covers(part.pose, x - xMm, y)) onPart += 1
    else if (
      tray !== undefined &&
      Math.abs(x - xMm) <= tray.lengthMm / 2 &&
      Math.abs(y) <= tray.widthMm / 2
    ) {
      onTray += 1
    }
  }
  if (part !== undefined && onPart === all) return part.glow
  return mixedGlow([
    { share: onPart / all, glow: part?.glow ?? empty.tray },
    { share: onTray / all, glow: empty.tray },
    { share: (all - onPart - onTray) / all, glow: empty.bed },
  ])
}

/** Whether a place of the tray lies under the part's base. */
function covers({ surface, xMm, yMm, rotationDeg }: Pose, x: number, y: number): boolean {
  const angle = (rotationDeg * Math.PI) / 180
  const [dx, dy] = [x - xMm, y - yMm]
  const u = (dx * Math.cos(angle) + dy * Math.sin(angle)) / surface.shape.semiU
  const v = (dy * Math.cos(angle) - dx * Math.sin(angle)) / surface.shape.semiV
  return u * u + v * v < 1
}
