import { test } from 'tap'
import { calibrationStanding, newestValid } from '../../../gateway/calibration/newest.ts'
import { rowsOf } from '../../../gateway/calibration/register.ts'
import { type CalibrationRow, calibrationRow, type WhiteRow } from '../../../gateway/calibration/rows.ts'
import { emptyTrayJson, parseCalibration } from '../../../gateway/calibration.ts'

const ID = '01890a5d-ac96-774b-bcce-b302099a805'

/** As the store of before has it. */
const old = {
  kind: 'empty-tray',
  id: `${ID}0`,
  at: '2026-01-01T08:00:00.000Z',
  by: 'first start',
  heads: ['tof', 'spectral'],
  rangeMm: [null, ...Array.from({ length: 63 }, () => 320)],
  sigmaMm: [null, ...Array.from({ length: 63 }, () => 1)],
  frames: 12,
  reflectancePercent: [null, ...Array.from({ length: 63 }, () => 70)],
  basicCounts: { F1_415nm: 8.5, Clear: 83, NIR: 7.8 },
}

function white(at: string, change: Partial<WhiteRow> = {}): WhiteRow {
  return {
    kind: 'white',
    id: `${ID}1`,
    at,
    by: 'anna',
    heads: ['spectral'],
    subject: 'spectral',
    stage: 'raw',
    light: { channels: { Clear: { value: 83, std: 0.1 } }, gains: [4] },
    spectra: 8,
    tile: { Clear: 0.98 },
    tile_std: 0.01,
    ...change,
  }
}

test('an empty tray is kept in snake_case; one of before is still read, and both say the same', (t) => {
  const tray = parseCalibration(old)
  t.match(tray, { rangeMm: old.rangeMm, basicCounts: old.basicCounts, heads: ['tof', 'spectral'] })
  const row = emptyTrayJson(tray, 'tof=vl53l8ch@aaaa')
  t.strictSame(row.range_mm, old.rangeMm)
  t.strictSame(row.basic_counts, old.basicCounts)
  t.equal(row.subject, 'tof=vl53l8ch@aaaa')
  t.strictSame(parseCalibration(JSON.parse(JSON.stringify(row))), tray)
  const warm = { ...tray, validUntil: '2026-06-01T00:00:00.000Z', conditions: { siliconTemperatureC: 39 } }
  t.strictSame(parseCalibration(emptyTrayJson(warm)), warm)
  t.end()
})

test('a row that is none says where', (t) => {
  t.throws(() => parseCalibration({ ...old, rangeMm: [1, 2] }), /expected 16 or 64 zones/)
  t.throws(() => parseCalibration({ ...old, sigmaMm: old.sigmaMm.slice(0, 16) }), /expected as many/)
  t.throws(() => calibrationRow.parse({ ...white('2026-01-01T00:00:00.000Z'), stage: 'fried' }), /stage/)
  t.throws(() => calibrationRow.parse({ ...white('yesterday') }), /at/)
  t.end()
})

test('rows of the store are read with what they belong to', async (t) => {
  const all = () => Promise.resolve([{ subject: 'tof=vl53l8ch@aaaa', calibration: old }])
  const [row] = await rowsOf({ all }, 'empty-tray')
  t.match(row, { kind: 'empty-tray', subject: 'tof=vl53l8ch@aaaa', range_mm: old.rangeMm })
})

test('the newest that holds counts: of this chip, of this stage', (t) => {
  const rows: readonly CalibrationRow[] = [
    white('2026-01-03T00:00:00.000Z', { id: `${ID}3`, valid_until: '2026-01-04T00:00:00.000Z' }),
    white('2026-01-02T00:00:00.000Z', { id: `${ID}2` }),
    white('2026-01-09T00:00:00.000Z', { id: `${ID}4`, stage: 'cooked' }),
    white('2026-01-09T00:00:00.000Z', { id: `${ID}5`, subject: 'other' }),
  ]
  const wanted = { kind: 'white', subject: 'spectral', stage: 'raw' } as const
  const at = (day: number) => newestValid(rows, wanted, Date.UTC(2026, 0, day, 12))
  t.match(at(3), { state: 'valid', row: { id: `${ID}3` } })
  t.match(at(4), { state: 'valid', row: { id: `${ID}2` } }, 'it ran out; the one before holds for ever')
  t.match(newestValid(rows.slice(0, 1), wanted, Date.UTC(2026, 0, 4)), {
    state: 'expired',
    row: { id: `${ID}3` },
  })
  t.match(newestValid(rows, { ...wanted, stage: 'mi-cuit' }, 0), { state: 'missing' })
  t.match(newestValid(rows, { kind: 'dark' }, 0), { state: 'missing' })
  t.end()
})

test('one that ran out is an alert, and holds where the recipe says so', (t) => {
  const wanted = { kind: 'white', stage: 'raw' } as const
  const gone = white('2026-01-03T00:00:00.000Z', { valid_until: '2026-01-04T00:00:00.000Z' })
  const expired = { state: 'expired', row: gone } as const
  const asked = { needed: false, hold: false, atMs: Date.UTC(2026, 0, 5, 12) }
  t.strictSame(calibrationStanding(expired, wanted, asked), {
    state: 'expired',
    detail: 'white raw, head spectral: 2.5 days old, 1.0 allowed: it ran out at 2026-01-04T00:00:00.000Z',
  })
  t.match(calibrationStanding(expired, wanted, { ...asked, hold: true }), { obstacle: 'not-calibrated' })
  t.strictSame(calibrationStanding({ state: 'missing' }, wanted, { ...asked, needed: true, hold: true }), {
    state: 'missing',
    detail: 'white raw: never taken, and the recipe needs it',
    obstacle: 'not-calibrated',
  })
  t.strictSame(
    calibrationStanding({ state: 'missing' }, wanted, { ...asked, hold: true }),
    { state: 'ok' },
    'nobody asks for it',
  )
  const valid = { state: 'valid', row: gone } as const
  t.strictSame(calibrationStanding(valid, wanted, { ...asked, needed: true }), { state: 'ok' })
  t.end()
})
