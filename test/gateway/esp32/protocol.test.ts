import { test } from 'tap'
import {
  ackReply,
  errorReply,
  type OldError,
  type OldMessage,
  readMessage,
} from '../../../gateway/esp32/protocol.ts'
import type { OldSample } from '../../../gateway/esp32/sample.ts'
import { flatSample, type Json, randomFrom, sample } from './samples.ts'

function read(message: unknown): OldMessage | OldError {
  return readMessage(JSON.stringify(message))
}

function sampleIn(message: unknown): OldSample {
  const heard = read(message)
  if (!('kind' in heard) || heard.kind !== 'sample') throw new Error(JSON.stringify(heard))
  return heard.sample
}

/** A copy in which the value at `path` is another. */
function changed(message: Json, path: readonly (string | number)[], value: unknown): unknown {
  const copy: unknown = structuredClone(message)
  const last = path.at(-1) ?? ''
  let inner = copy
  for (const key of path.slice(0, -1)) inner = Reflect.get(Object(inner), key)
  Reflect.set(Object(inner), last, value)
  return copy
}

test('what a device can say', (t) => {
  t.match(read({ type: 'ping' }), { kind: 'alive' })
  t.match(read({ type: 'heartbeat', status: 'online', uptime: 12, stats: {}, buffer_size: 3 }), {
    kind: 'alive',
  })
  const hello = {
    type: 'esp32_hello',
    device_id: 'ESP32_FOIE_001',
    mac_address: '24:0A:C4:00:00:01',
    firmware_version: '1.0.0',
    sensors: { vl53l8ch: '0x29', as7341: '0x39' },
  }
  t.strictSame(read(hello), {
    kind: 'hello',
    hello: { deviceId: 'ESP32_FOIE_001', mac: '24:0A:C4:00:00:01', firmware: '1.0.0' },
  })
  t.end()
})

test('a sample: what was measured, around it, and what the device makes of it', (t) => {
  const { ranging, spectrum, said, ...rest } = sampleIn(sample('S-1', 'ESP32_1', randomFrom(1)))
  t.match(rest, { sampleId: 'S-1', deviceId: 'ESP32_1', temperatureC: 21.5, humidityPercent: 45 })
  t.equal(ranging?.zones, 64)
  t.equal(spectrum?.gain, undefined, 'this form says no exposure')
  t.equal(Object.keys(spectrum?.counts ?? {}).length, 10)
  t.match(said, {
    kind: 'esp32',
    timestamp: '2026-03-01T08:00:00.123456',
    measured_sha256: rest.measuredSha256,
  })
  t.strictSame(said.advice, {
    vl53l8ch: { volume_mm3: 1_077_739.9, surface_uniformity: 0.85, quality_score: 0.59, grade: 'C' },
    as7341: { freshness_index: 1, fat_quality_index: 0.95, oxidation_index: 0.05, quality_score: 0.82 },
    fusion: { final_score: 0.68, final_grade: 'B', is_compliant: true, confidence_level: 0.9 },
  })
  t.end()
})

test('the flat form of the simulators, without a type', (t) => {
  const { spectrum, said, ranging } = sampleIn(flatSample('S-1', 'ESP32_1', randomFrom(1)))
  t.match(spectrum, { gain: 4, integrationMs: 100 })
  t.equal(ranging?.zones, 64)
  t.match(said.advice, {
    vl53l8ch: { grade: 'REJECT' },
    as7341: { quality_score: 0.82 },
    fusion: { final_grade: 'REJECT', is_compliant: false },
  })
  t.end()
})

test('the same measurement has the same digest, whatever else is said; another has another', (t) => {
  const one = sample('S-1', 'ESP32_1', randomFrom(1))
  const { measuredSha256 } = sampleIn(one)
  t.equal(
    sampleIn({ ...one, timestamp: 'later', fusion: null, sample_id: 'S-2' }).measuredSha256,
    measuredSha256,
  )
  t.not(sampleIn(sample('S-1', 'ESP32_1', randomFrom(2))).measuredSha256, measuredSha256)
  t.not(sampleIn({ ...one, as7341: null }).measuredSha256, measuredSha256)
  t.end()
})

test('advice that is not understood is left out, and refuses no measurement', (t) => {
  const one = sample('S-1', 'ESP32_1', randomFrom(1))
  const broken = { final_score: 'NaN', final_grade: 'D', is_compliant: true, confidence_level: 7 }
  t.strictSame(sampleIn({ ...one, fusion: broken }).said.advice.fusion, { is_compliant: true })
  t.equal(sampleIn({ ...one, fusion: [] }).said.advice.fusion, undefined)
  t.end()
})

test('a wrong message is answered with field, value and expectation', (t) => {
  const one = sample('S-1', 'ESP32_1', randomFrom(1))
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [[], 'invalid', /^message: 0 elements: expected an object$/],
    [7, 'invalid', /^message: 7: expected an object$/],
    [
      { type: 'reboot' },
      'unknown-type',
      /^type: "reboot": expected esp32_hello, sensor_data, heartbeat or ping$/,
    ],
    [{}, 'unknown-type', /^type: missing/],
    [
      { type: 'esp32_hello', device_id: '../etc' },
      'invalid',
      /^device_id: "..\/etc": expected 1 to 64 of letters/,
    ],
    [changed(one, ['device_id'], 'a b'), 'invalid', /^device_id: "a b"/],
    [changed(one, ['device_id'], 'x'.repeat(65)), 'invalid', /^device_id: "x{60}"…: expected/],
    [changed(one, ['sample_id'], ''), 'invalid', /^sample_id: "": expected 1 to 128 printable/],
    [changed(one, ['sample_id'], 'a\nb'), 'invalid', /^sample_id: "a\\nb"/],
    [
      changed(one, ['vl53l8ch', 'raw', 'distance', 3, 4], 4001),
      'invalid',
      /^vl53l8ch\.raw\.distance\.3\.4: 4001: expected a number from 0 to 4000$/,
    ],
    [
      changed(one, ['vl53l8ch', 'raw', 'distance', 0, 0], -1),
      'invalid',
      /distance\.0\.0: -1: expected a number/,
    ],
    [
      changed(one, ['vl53l8ch', 'raw', 'distance', 0, 0], null),
      'invalid',
      /distance\.0\.0: null: expected a number/,
    ],
    [
      changed(one, ['vl53l8ch', 'raw', 'distance', 0], [1, 2]),
      'invalid',
      /^vl53l8ch\.raw\.distance: 8 elements: expected 8 rows of 8 numbers, or 4 of 4$/,
    ],
    [
      changed(one, ['vl53l8ch', 'raw', 'status'], [[5]]),
      'invalid',
      /raw\.status: 1 elements: expected 8 rows/,
    ],
    [
      changed(one, ['vl53l8ch', 'raw', 'reflectance'], undefined),
      'invalid',
      /raw\.reflectance: missing: expected 8/,
    ],
    [
      changed(
        one,
        ['vl53l8ch', 'raw', 'ambient'],
        Array.from({ length: 4 }, () => [1, 1, 1, 1]),
      ),
      'invalid',
      /expected matrices of one size/,
    ],
    [
      changed(one, ['as7341', 'raw', 'Clear'], 65_536),
      'invalid',
      /^as7341\.raw\.Clear: 65536: expected a count/,
    ],
    [
      changed(one, ['as7341', 'raw'], { F1_violet: 7 }),
      'invalid',
      /^as7341\.raw: an object: expected counts of F1_415nm/,
    ],
    [{ ...one, vl53l8ch: null, as7341: null }, 'invalid', /^vl53l8ch: null: expected a measurement/],
    [{ ...one, lot_id: 'a lot' }, 'invalid', /^lot_id: "a lot": expected 1 to 64/],
    [{ ...one, temperature_c: 451 }, 'invalid', /^temperature_c: 451: /],
  ]
  for (const [message, code, error] of cases) {
    const heard = read(message)
    t.match(heard, { code, error }, String(error))
    if ('error' in heard) t.notMatch(errorReply(heard), /undefined/)
  }
  const many = read({ ...one, device_id: 1, sample_id: 2, lot_id: 3, temperature_c: 'x', humidity_pct: 'y' })
  t.match(many, { code: 'invalid', error: /; and 2 more$/ })
  t.match(read({ ...one, temperature_c: 451 }), { sampleId: 'S-1' }, 'a device knows which sample is meant')
  t.end()
})

test('garbage is refused, and never more than refused', (t) => {
  const random = randomFrom(41)
  const whole = JSON.stringify(sample('S-1', 'ESP32_1', randomFrom(1)))
  const texts = [
    '',
    '{',
    'NaN',
    '{"type":"sensor_data","sample_id":NaN}',
    '['.repeat(100_000),
    `{"type":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
    '{"__proto__":{"type":"ping"},"type":"sensor_data"}',
    '{"type":"sensor_data","as7341":{"raw":{"__proto__":1,"constructor":2}}}',
    '\u0000\uffff',
  ]
  for (let round = 0; round < 400; round += 1) {
    const cut = Math.floor(random() * whole.length)
    const other = String.fromCharCode(32 + Math.floor(random() * 90))
    texts.push(
      round % 2 === 0 ? whole.slice(0, cut) : `${whole.slice(0, cut)}${other}${whole.slice(cut + 1)}`,
    )
  }
  let refused = 0
  for (const text of texts) {
    const heard = readMessage(text)
    if (!('error' in heard)) continue
    refused += 1
    t.ok(errorReply(heard, text).length < 2000, 'a reply is short, whatever came')
  }
  t.ok(refused > 200, `${refused} of ${texts.length}`)
  t.end()
})

test('an acknowledgement: the old members, and what was decided', (t) => {
  const graded = { kind: 'graded', action: 'accept', grade: 'A', score: 0.9, reasons: ['freshness'] } as const
  const stored = { id: 'i', sequence: 7, measuredSha256: '', verdict: graded }
  t.strictSame(JSON.parse(ackReply('S-1', stored)), {
    type: 'ack',
    sample_id: 'S-1',
    status: 'saved',
    fusion_score: 0.9,
    fusion_grade: 'A',
    id: 'i',
    sequence: 7,
    verdict: { kind: 'graded', action: 'accept', reasons: ['freshness'] },
  })
  const ungraded = { kind: 'ungraded', action: 'hold', reasons: ['not-calibrated'] } as const
  const reply: unknown = JSON.parse(ackReply('S-1', { ...stored, verdict: ungraded }))
  t.notOk(Object.hasOwn(Object(reply), 'fusion_grade'), 'no grade is no member')
  t.end()
})
