import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import { histogramEncoder } from './vl53l8ch-histograms.ts'
import type { MotionSeen } from './vl53l8ch-motion.ts'
import type { RangeView, ZoneEcho } from './vl53l8ch-scene.ts'

/** Quantises what was seen into one block of the frame that `view` begins with. */
export type Encode = (view: DataView, seen: RangeView, motion: MotionSeen) => void

// The bus carries words with their most significant byte first, the firmware's arrays are little-endian: element i of
// a byte array stands at i ^ 3, of a 16-bit array at i ^ 1.
type PutZone = (view: DataView, offset: number, zone: number, seen: RangeView) => void
type PutEcho = (view: DataView, offset: number, i: number, echo: ZoneEcho) => void

const ZONE_BLOCKS: ReadonlyMap<number, PutZone> = new Map([
  [
    reg.FRAME_AMBIENT,
    (view, offset, zone, seen) =>
      view.setUint32(offset + 4 * zone, unsigned((seen.ambientKcpsPerSpad[zone] ?? 0) * 2048, 0xffffffff)),
  ],
  [
    reg.FRAME_SPADS,
    (view, offset, zone, seen) =>
      view.setUint32(offset + 4 * zone, unsigned(seen.spads[zone] ?? 0, 0xffffffff)),
  ],
])

const TARGET_BLOCKS: readonly (readonly [{ single: number; several: number }, PutEcho])[] = [
  [
    reg.FRAME_SIGNAL,
    (view, offset, i, echo) =>
      view.setUint32(offset + 4 * i, unsigned(echo.signalKcpsPerSpad * 2048, 0xffffffff)),
  ],
  [
    reg.FRAME_SIGMA,
    (view, offset, i, echo) => view.setUint16(offset + 2 * (i ^ 1), unsigned(echo.sigmaMm * 128, 0xffff)),
  ],
  [
    reg.FRAME_RANGE,
    (view, offset, i, echo) =>
      view.setInt16(offset + 2 * (i ^ 1), Math.min(0x7fff, Math.max(-0x8000, Math.round(echo.rangeMm * 4)))),
  ],
  [
    reg.FRAME_REFLECTANCE,
    (view, offset, i, echo) => view.setUint8(offset + (i ^ 3), unsigned(echo.reflectancePercent * 2, 0xff)),
  ],
  [reg.FRAME_STATUS, (view, offset, i, echo) => view.setUint8(offset + (i ^ 3), echo.status)],
]

/**
 * The encoder of one block, undefined for one that does not depend on the scene.
 * @param header of the block @param offset of its payload in the frame
 * @param perZone targets that the chip looks for in each zone
 */
export function encoderOf(
  header: number,
  offset: number,
  dci: DciMemory,
  zones: number,
  perZone: number,
): Encode | undefined {
  const index = header >>> 16
  const size = (header >>> 4) & 0xfff
  if (index === reg.FRAME_HISTOGRAMS) return histogramEncoder(dci, offset, reg.payloadBytes(header))
  const putZone = ZONE_BLOCKS.get(index) ?? targetCounter(index, perZone)
  if (putZone !== undefined) return zoneEncoder(offset, Math.min(size, zones), putZone)
  for (const [{ single, several }, put] of TARGET_BLOCKS) {
    if (index === single) return targetEncoder(offset, 1, Math.min(size, zones), put)
    if (index === several) return targetEncoder(offset, perZone, Math.min(size, zones * perZone), put)
  }
  return undefined
}

function targetCounter(index: number, perZone: number): PutZone | undefined {
  if (index !== reg.FRAME_TARGETS.single && index !== reg.FRAME_TARGETS.several) return undefined
  return (view, offset, zone, seen) =>
    view.setUint8(offset + (zone ^ 3), Math.min(perZone, seen.echoes[zone]?.length ?? 0))
}

function zoneEncoder(offset: number, count: number, put: PutZone): Encode {
  return (view, seen) => {
    for (let zone = 0; zone < count; zone += 1) put(view, offset, zone, seen)
  }
}

// Targets that were not found keep the template's zeros.
function targetEncoder(offset: number, perZone: number, count: number, put: PutEcho): Encode {
  return (view, seen) => {
    for (let i = 0; i < count; i += 1) {
      const echo = seen.echoes[Math.floor(i / perZone)]?.[i % perZone]
      if (echo !== undefined) put(view, offset, i, echo)
    }
  }
}

function unsigned(value: number, most: number): number {
  return Math.min(most, Math.max(0, Math.round(value)))
}
