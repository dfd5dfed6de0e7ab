import { test } from 'tap'
import { isOurs, nameOf, sorted } from '../../gateway/adopt.ts'

const TOF = '3f2a9c0d4e5b6a7f8091a2b3c4d5e6f7'
const OTHER = 'f'.repeat(32)
/** A ranging chip that has a serial, and a spectral one that has none. */
const HERE = {
  serials: new Set([TOF]),
  chips: `tof=vl53l8ch@${TOF.slice(0, 16)} spectral=as7341`,
  sameHeads: false,
}

function row(kind: string, subject: string) {
  return { id: '', kind, subject, taken_at: '2026-11-20T08:00:00.000Z', calibration: {} }
}

test('a calibration is taken up where the chip is surely the same', (t) => {
  const ours = (subject: string, sameHeads = false) => isOurs({ subject }, { ...HERE, sameHeads })
  t.equal(ours(TOF), true)
  t.equal(ours(OTHER), false)
  t.equal(ours(OTHER, true), false, 'another serial is another chip, whatever anybody says')
  t.equal(ours('spectral'), false, 'a head without a serial may be any')
  t.equal(ours('spectral', true), true, 'unless somebody says that the heads came over')
  t.equal(ours(HERE.chips), false, 'so may a tray that was taken with one')
  t.equal(ours(HERE.chips, true), true)
  t.equal(ours(`tof=vl53l8ch@${OTHER.slice(0, 16)} spectral=as7341`, true), false)
  const ranging = `tof=vl53l8ch@${TOF.slice(0, 16)}`
  t.equal(isOurs({ subject: ranging }, { ...HERE, chips: ranging }), true)
  t.equal(ours('esp32:ESP32_1'), true, 'a head of the old system is a device of its own')
  t.equal(ours(''), false)
  t.equal(isOurs({ subject: TOF }, { serials: new Set(), chips: undefined, sameHeads: true }), false)
  t.end()
})

test('what is of another chip is named, as a person reads it', (t) => {
  const { ours, anew } = sorted({ calibrations: [row('offset', TOF), row('white', 'spectral')] }, HERE)
  t.same(ours.map(nameOf), ['offset of 3f2a9c0d4e5b6a7f…, 2026-11-20'])
  t.same(anew.map(nameOf), ['white of spectral, 2026-11-20'])
  t.end()
})
