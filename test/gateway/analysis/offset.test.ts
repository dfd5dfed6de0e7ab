import { test } from 'tap'
import { measureSurface } from '../../../gateway/analysis/surface.ts'
import { trayPlan } from '../../../gateway/analysis/tray.ts'
import { type EmptyTray, withOffset } from '../../../gateway/calibration.ts'
import { bodyVolume, frameOf, RECIPE, STANDARD, trayOf } from './station.ts'

/** A head that reads 10 mm too much, one zone with the next more or less. */
const OFFSETS = Array.from({ length: 64 }, (_, zone) => 10 + 3 * Math.sin(7 * zone))
const { shape = fail() } = RECIPE

function fail(): never {
  throw new Error('no shape')
}

function read<T extends readonly (number | null)[]>(ranges: T): (number | null)[] {
  return ranges.map((range, zone) => (range === null ? null : range + (OFFSETS[zone] ?? 0)))
}

function volumeOver(tray: EmptyTray): number {
  const frame = frameOf(STANDARD)
  const read = frame.rangeMm.map((range, zone) => range + (OFFSETS[zone] ?? 0))
  const { surface } = measureSurface({ ...frame, rangeMm: read }, trayPlan(tray, undefined), shape)
  return (surface?.volumeMm3.estimate ?? 0) / bodyVolume(STANDARD) - 1
}

test('a head that reads too much sees a larger part, as far away as it takes the tray to be', (t) => {
  const tray = trayOf()
  const seen = { ...tray, rangeMm: read(tray.rangeMm) }
  const known = withOffset(seen, { offset_mm: OFFSETS })
  t.ok(volumeOver(seen) > 0.04, `without offsets ${volumeOver(seen)}`)
  t.ok(Math.abs(volumeOver(known)) < 0.01, `with them ${volumeOver(known)}`)
  const [honest, plain] = [trayPlan(tray, undefined), trayPlan(known, undefined)]
  t.ok(Math.abs((honest?.distanceMm ?? 0) - (plain?.distanceMm ?? 0)) < 1e-9, 'where the tray is')
  t.end()
})

test('a zone whose offset nobody knows says nothing of the plane, and still sees the part', (t) => {
  const tray = trayOf()
  const some = withOffset(
    { ...tray, rangeMm: read(tray.rangeMm) },
    { offset_mm: OFFSETS.map((offset, zone) => (zone < 6 ? null : offset)) },
  )
  t.ok(Math.abs(volumeOver(some)) < 0.01)
  t.ok(Number.isFinite(trayPlan(some, undefined)?.rangeMm[0]))
  t.end()
})

test('offsets of another resolution are left aside', (t) => {
  const tray = trayOf()
  t.equal(withOffset(tray, { offset_mm: OFFSETS.slice(0, 16) }), tray)
  t.equal(withOffset(tray, undefined), tray)
  t.end()
})
