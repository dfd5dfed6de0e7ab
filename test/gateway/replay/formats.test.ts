import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { measurementOf, type RawRecord, rawLine } from '../../../gateway/raw.ts'
import { readRecording } from '../../../gateway/replay/formats.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

/** The measurements of one kind in a recording. */
function measured(records: readonly RawRecord[]) {
  return records.flatMap(({ heads }) => Object.values(heads).map((head) => measurementOf(head, 0)))
}

function read(path: string) {
  return readRecording(path, readFileSync(sharedData(path) ?? '', 'utf8'))
}

test('what we write is what we read', (t) => {
  const record: RawRecord = {
    schema: 'poincon.raw/1',
    t_us: 1_700_000_000_000_000,
    trigger: { number: 7, source: 'interval', sample_id: 'LL-260101-0007' },
    heads: {
      spectral: { kind: 'as7341', gain: 4, integration_ms: 50.04, payload: { F1_415nm: 12, NIR: 3 } },
    },
    recipe: { id: 'foiegras_bloc', revision: 2 },
    calibration: ['a'],
  }
  const bytes: RawRecord = {
    schema: 'poincon.raw/1',
    heads: { spectral: { kind: 'as7341', atime: 29, astep: 599, payload: new Uint8Array(26).fill(3) } },
  }
  t.strictSame(readRecording('own', `${rawLine(record)}\n${rawLine(bytes)}\n`).records, [record, bytes])
  t.end()
})

const frames = 'vl53l8ch/frames_real.jsonl'
const capture = 'sensors/depz_vl53l8_8x8_15hz_3s.depzrec'
const captured = 'sensors/depz_vl53l8_8x8_15hz_3s.expected.json'
const readings = [
  'sensors/as7341_tomoto_3_light_sources.json',
  'sensors/as7341_minipar_manual_spec_readings.csv',
  'sensors/as7341_sparksbaird_2rows.csv',
]

/** Skips, and says so, where recorded data is missing. */
function needs(...paths: readonly string[]): { readonly skip: string | false } {
  const absent = paths.find((path) => sharedData(path) === undefined)
  return { skip: absent === undefined ? false : missing(absent) }
}

test(
  'captured frames of real chips are read, a lone histogram is skipped and counted',
  needs(frames),
  (t) => {
    const { records, skipped } = read(frames)
    t.equal(records.length, 46)
    t.equal(skipped, 1)
    t.equal(measured(records).filter(({ kind }) => kind === 'vl53l8ch').length, 46)
    t.equal(records[0]?.trigger?.sample_id, 'real-vl53l8ch_init-00')
    t.end()
  },
)

test(
  'a capture of the wire is read: its frames decode to the recorded values',
  needs(capture, captured),
  (t) => {
    const expected = JSON.parse(readFileSync(sharedData(captured) ?? '', 'utf8'))
    const byTime = new Map(read(capture).records.map((record) => [record.t_us, record]))
    t.equal(expected.frames.length, 45)
    for (const { timestamp_us, distance_mm, target_status } of expected.frames) {
      const record = byTime.get(timestamp_us)
      const [frame] = measured(record === undefined ? [] : [record])
      t.strictSame(frame?.kind === 'vl53l8ch' && Array.from(frame.rangeMm, Math.floor), distance_mm)
      t.strictSame(frame?.kind === 'vl53l8ch' && [...frame.status], target_status)
    }
    t.end()
  },
)

test('AS7341 readings of others: what they did not keep is absent', needs(...readings), (t) => {
  const [tomoto = [], minipar = [], sparks = []] = readings.map((path) => measured(read(path).records))
  t.equal(tomoto.length, 3)
  t.match(tomoto[0], { counts: { F1_415nm: 1054, F8_680nm: 7054 }, gain: 0.5 })
  t.notOk(tomoto[0]?.kind === 'as7341' && ('Clear' in tomoto[0].counts || 'integrationMs' in tomoto[0]))

  t.equal(minipar.length, 11)
  t.match(minipar[0], { counts: { F1_415nm: 19, Clear: 335, NIR: 22 } })
  t.notOk(minipar[0]?.kind === 'as7341' && 'gain' in minipar[0])

  t.equal(sparks.length, 2)
  t.match(sparks[0], { counts: { F1_415nm: 188, F8_680nm: 276 }, gain: 128 })
  t.notOk(sparks[0]?.kind === 'as7341' && 'NIR' in sparks[0].counts)
  t.end()
})

const wrong: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ['no recording at all', 'hello', /^x:1: not a recording/],
  ['a line that is not JSON', '{"schema":"poincon.raw/1","heads":{}}\n{"sch', /^x:2: not JSON/],
  ['a version we do not know', '{"schema":"poincon.raw/9","heads":{}}', /^x:1: schema: "poincon.raw\/9": /],
  [
    'bytes that are not hex',
    '{"kind":"ranging","id":"a","zones":64,"targets_per_zone":1,"raw":"zz"}',
    /^x:1: raw: "zz": expected bytes in hex/,
  ],
  [
    'a count that is not a number',
    'timestamp,f1_415\n2026-01-01T00:00:00,many',
    /^x:2: f1_415: "many": expected a number/,
  ],
]

for (const [name, text, message] of wrong) {
  test(`a wrong recording is refused by file and line: ${name}`, (t) => {
    t.throws(() => readRecording('x', text), { name: 'ReplayError', message })
    t.end()
  })
}
