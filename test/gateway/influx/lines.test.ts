import { test } from 'tap'
import { inspectionLine, stationLine } from '../../../gateway/influx/lines.ts'
import { influxOptions } from '../../../gateway/influx/options.ts'
import { inspection } from '../../fakes/inspections.ts'

const TEXT = { text: true }

/** The parts of a line whose tags hold no escaped blanks. */
function parts(line: string): { tags: string[]; fields: Map<string, string>; timestamp: string } {
  const [series = '', rest = ''] = line.split(/ (.*)/)
  const [fields = '', timestamp = ''] = rest.split(/ (?=\d+$)/)
  const pairs = fields.matchAll(/([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]+)/g)
  return {
    tags: series.split(','),
    fields: new Map([...pairs].map(([, key = '', value = '']) => [key, value])),
    timestamp,
  }
}

test('one inspection, one line', (t) => {
  const { tags, fields, timestamp } = parts(inspectionLine(inspection(12), TEXT))
  t.strictSame(tags, [
    'inspection',
    'action=accept',
    'device=gw-1',
    'grade=A',
    'line=l1',
    'recipe=foiegras_standard_barquette',
    'site=lyon',
    'station=s1',
  ])
  t.equal(timestamp, '1777622400012000012', 'the milliseconds of the inspection, then its sequence')
  const expected = {
    sequence: '12i',
    recipe_revision: '7i',
    id: `"${inspection(12).id}"`,
    sample_id: '"part 12"',
    lot_id: '"L, 42=\\"x\\""',
    vl53l8ch_volume_mm3: '210345.5',
    vl53l8ch_bins_analysis_peaks: '64',
    vl53l8ch_grade: '"A"',
    vl53l8ch_defects_count: '1',
    as7341_channels_F1_415nm: '1200',
    as7341_saturated: '"Clear"',
    verdict_kind: '"graded"',
    verdict_latency_ms: '41.5',
    fusion_defects_count: '0',
    provenance_hash: `"${'ab'.repeat(32)}"`,
  }
  t.match(Object.fromEntries(fields), expected)
  t.notOk([...fields.keys()].some((key) => /_matrix|^schema$|^timestamp$|^site$|^device_id$/.test(key)))
  t.end()
})

test('a value that was not measured is absent', (t) => {
  const { vl53l8ch: _absent, as7341: _too, fusion: _also, ...rest } = inspection(1)
  const verdict = {
    kind: 'ungraded',
    action: 'hold',
    reasons: ['sensor-absent:tof', 'late'],
    latency_ms: 3,
  } as const
  const { tags, fields } = parts(
    inspectionLine({ ...rest, verdict: { ...verdict, reasons: [...verdict.reasons] } }, TEXT),
  )
  t.notOk(tags.some((tag) => tag.startsWith('grade=')))
  t.notOk([...fields.keys()].some((key) => /^(vl53l8ch|as7341|fusion|verdict_score)/.test(key)))
  t.equal(fields.get('verdict_reasons'), '"sensor-absent:tof,late"')
  t.end()
})

test('time stamps are unique within a device, and stay within their millisecond', (t) => {
  const at = (sequence: number): string =>
    parts(inspectionLine(inspection(sequence, { timestamp: '2026-05-01T08:00:00.000Z' }), TEXT)).timestamp
  t.equal(at(1), '1777622400000000001')
  t.equal(at(999_999), '1777622400000999999')
  t.equal(at(1_000_000), '1777622400000000000')
  t.end()
})

test('without texts only numbers and truth values remain', (t) => {
  const { fields } = parts(inspectionLine(inspection(1, { dry_run: true }), { text: false }))
  t.notOk([...fields.values()].some((value) => value.startsWith('"')))
  t.equal(fields.get('dry_run'), 'T')
  t.end()
})

test('the health of a station', (t) => {
  const tags = { site: 'lyon', line: 'l1', station: 's1', device: 'gw-1' }
  const facts = { stored: 7, state: 'ok', sinks: { upstream: { backlog: 3 } }, absent: undefined }
  t.equal(
    stationLine(tags, facts, 1_777_622_400_012.4, TEXT),
    'station,device=gw-1,line=l1,site=lyon,station=s1 sinks_upstream_backlog=3,state="ok",stored=7 1777622400012000000',
  )
  t.end()
})

test('options', (t) => {
  t.match(influxOptions.parse({ url: 'http://127.0.0.1:8086' }), {
    version: 2,
    bucket: 'poincon',
    text_fields: true,
  })
  for (const wrong of [
    {},
    { url: 'ftp://x' },
    { url: 'http://u:p@x' },
    { url: 'http://x', version: 3 },
    { url: 'http://x', token: 'a', token_file: 'b' },
  ]) {
    t.notOk(influxOptions.safeParse(wrong).success, JSON.stringify(wrong))
  }
  t.end()
})
