import { test } from 'tap'
import { decodeCommand, encodePayload, type Metric } from '../../../gateway/sparkplug/payload.ts'
import { readPayload, writeCommand } from './wire.ts'

const NOW = Date.UTC(2026, 4, 1, 8)

const metrics: readonly Metric[] = [
  { name: 'n/int', alias: 1, type: 'Int64', value: 2 ** 53 - 1, timestamp: NOW },
  { name: 'n/negative', alias: 2, type: 'Int64', value: -3, timestamp: NOW },
  { name: 'n/zero', alias: 3, type: 'Double', value: 0, timestamp: NOW },
  { name: 'n/double', alias: 300, type: 'Double', value: -1.25e-9, timestamp: NOW },
  { name: 'n/no', alias: 5, type: 'Boolean', value: false, timestamp: NOW },
  { name: 'n/text', alias: 6, type: 'String', value: 'µm, ""', timestamp: NOW },
  { name: 'n/empty', alias: 7, type: 'String', value: '', timestamp: NOW },
  { name: 'n/when', alias: 8, type: 'DateTime', value: NOW + 1, timestamp: NOW, historical: true },
  { name: 'n/none', alias: 9, type: 'Double', value: null, timestamp: NOW },
]

const VALUES = [
  ['long_value', 2 ** 53 - 1],
  ['long_value', -3],
  ['double_value', 0],
  ['double_value', -1.25e-9],
  ['boolean_value', false],
  ['string_value', 'µm, ""'],
  ['string_value', ''],
  ['long_value', NOW + 1],
  undefined,
]

test('a birth names each metric, with alias, datatype, time stamp and value', (t) => {
  const payload = readPayload(encodePayload({ timestamp: NOW, seq: 0, metrics }, 'birth'))
  t.equal(payload.timestamp, NOW)
  t.equal(payload.seq, 0, 'a zero is written, not left out as a default')
  t.strictSame(
    payload.metrics.map(({ name }) => name),
    metrics.map(({ name }) => name),
  )
  t.strictSame(
    payload.metrics.map(({ datatype }) => datatype),
    [4, 4, 10, 10, 11, 12, 12, 13, 10],
    'as the table of data types has them (Sparkplug 3.0, 6.4.1)',
  )
  t.strictSame(
    payload.metrics.map(({ value }) => value),
    VALUES,
  )
  t.strictSame(payload.metrics[7]?.historical, true)
  t.strictSame(payload.metrics[8], { name: 'n/none', alias: 9, datatype: 10, timestamp: NOW, null: true })
  t.end()
})

test('data have the alias for the name, and no datatype', (t) => {
  const payload = readPayload(encodePayload({ timestamp: NOW, seq: 255, metrics }, 'data'))
  t.equal(payload.seq, 255)
  t.strictSame(payload.metrics[3], { alias: 300, timestamp: NOW, value: ['double_value', -1.25e-9] })
  t.notOk(payload.metrics.some(({ name, datatype }) => name !== undefined || datatype !== undefined))
  const nameless = { name: 'bdSeq', type: 'Int64', value: 0, timestamp: NOW } as const
  t.throws(() => encodePayload({ timestamp: NOW, metrics: [nameless] }, 'data'), /bdSeq has no alias/)
  t.end()
})

test('what is not of its type is refused by name', (t) => {
  const wrong: readonly (readonly [Metric['type'], unknown])[] = [
    ['Int64', 1.5],
    ['Int64', 2 ** 53],
    ['Int64', 'one'],
    ['Double', Number.NaN],
    ['Double', '1'],
    ['Boolean', 1],
    ['String', true],
    ['DateTime', '2026-05-01'],
  ]
  for (const [type, value] of wrong) {
    const metric = { name: 'm', alias: 1, type, value, timestamp: NOW }
    // @ts-expect-error: what the compiler would not let pass comes from JSON all the same
    const encode = () => encodePayload({ timestamp: NOW, metrics: [metric] }, 'birth')
    t.throws(encode, { message: new RegExp(`metric m is .*, expected ${type}`) }, `${type} ${value}`)
  }
  t.end()
})

test('a command is read, whatever stands in it besides', (t) => {
  const rebirth = writeCommand({ name: 'Node Control/Rebirth', value: true })
  t.strictSame(decodeCommand(rebirth).metrics, [{ name: 'Node Control/Rebirth', booleanValue: true }])
  // A metric that is a template (field 18), a property set (field 9) and an extension (field 100).
  const odd = Buffer.from([0x12, 0x0a, 0x92, 0x01, 0x00, 0x4a, 0x00, 0xa2, 0x06, 0x01, 0x41, 0x00])
  t.throws(() => decodeCommand(odd), 'field number 0 does not exist')
  t.strictSame(decodeCommand(Buffer.from([0x12, 0x09, ...odd.subarray(2, 11)])).metrics, [{}])
  t.strictSame(decodeCommand(Buffer.alloc(0)).metrics, [])
  t.throws(() => decodeCommand(Buffer.from('{"rebirth":true}')))
  t.throws(() => decodeCommand(Buffer.alloc(65_537)), /65537 bytes, expected at most 65536/)
  t.end()
})
