import { test } from 'tap'
import { z } from 'zod'
import { inspectionMessage } from '../../../gateway/message.ts'
import { flatten, metricsOf, shapeOf } from '../../../gateway/sparkplug/shape.ts'
import { inspection } from '../../fakes/inspections.ts'
import { ungraded } from '../../fakes/messages.ts'

const shape = shapeOf(inspectionMessage)

test('the schema of an inspection names its metrics', (t) => {
  const metrics = metricsOf(shape)
  const expected = {
    sequence: 'Int64',
    timestamp: 'DateTime',
    sample_id: 'String',
    dry_run: 'Boolean',
    'recipe/revision': 'Int64',
    'verdict/kind': 'String',
    'verdict/grade': 'String',
    'verdict/score': 'Double',
    'verdict/reasons': 'String',
    'fusion/confidence': 'Double',
    'mass_g/estimate': 'Double',
    'vl53l8ch/volume_mm3': 'Double',
    'vl53l8ch/defects_count': 'Int64',
    'vl53l8ch/scan/looks': 'Int64',
    'as7341/saturated': 'String',
  }
  t.match(Object.fromEntries(metrics), expected)
  t.notOk([...metrics.keys()].some((name) => name.includes('matrix')))
  const lower = [...metrics.keys()].map((name) => name.toLowerCase())
  t.equal(new Set(lower).size, lower.length, 'no two names differ by case alone')
  t.end()
})

test('an inspection becomes metrics of the types that the schema has', (t) => {
  const flat = flatten(inspection(7), shape)
  const values = Object.fromEntries(flat.map(({ name, value }) => [name, value]))
  t.match(values, {
    sequence: 7,
    timestamp: Date.UTC(2026, 4, 1, 8, 0, 0, 7),
    'recipe/id': 'foiegras_standard_barquette',
    'verdict/grade': 'A',
    'verdict/reasons': '',
    'verdict/findings_count': 0,
    'vl53l8ch/volume_mm3': 210_345.5,
    'vl53l8ch/defects_count': 1,
    'vl53l8ch/bins_analysis/peaks': 64,
    'as7341/channels/Clear': 9000,
    'as7341/saturated': 'Clear',
  })
  t.notOk('vl53l8ch/distance_matrix' in values)
  t.notOk('mass_g/estimate' in values, 'what was not measured is absent')
  const known = metricsOf(shape)
  const beyond = flat.filter(({ name, type }) => known.get(name) !== type).map(({ name }) => name)
  t.strictSame(
    beyond.sort(),
    [
      'as7341/channels/Clear',
      'as7341/channels/F1_415nm',
      'as7341/channels/F8_680nm',
      'as7341/channels/NIR',
      'vl53l8ch/bins_analysis/peaks',
    ],
    'only records bring names that the schema has not',
  )
  const types = new Map(flat.map(({ name, type }) => [name, type]))
  t.equal(
    types.get('vl53l8ch/bins_analysis/peaks'),
    'Double',
    'a whole number among numbers stays one of them',
  )
  t.end()
})

test('an ungraded part has its reasons joined, and no grade', (t) => {
  const flat = flatten(ungraded(1, 'hold', ['sensor-absent:tof', 'late']), shape)
  const values = new Map(flat.map(({ name, value }) => [name, value]))
  t.equal(values.get('verdict/reasons'), 'sensor-absent:tof,late')
  t.notOk(values.has('verdict/grade'))
  t.end()
})

test('what another release wrote is told by its type in JSON; a wrong type is refused by name', (t) => {
  const block = shapeOf(z.object({ count: z.int(), when: z.iso.datetime() }))
  t.strictSame(flatten({ later: { a: 1, b: 'x', c: true, d: null, e: [1], f: [[1]] } }, block), [
    { name: 'later/a', type: 'Double', value: 1 },
    { name: 'later/b', type: 'String', value: 'x' },
    { name: 'later/c', type: 'Boolean', value: true },
  ])
  t.throws(() => flatten({ count: 1.5 }, block), /count is 1.5, expected Int64/)
  t.throws(() => flatten({ count: 'one' }, block), /count is "one", expected Int64/)
  t.throws(() => flatten({ when: 'yesterday' }, block), /when is null, expected DateTime|when is "yesterday"/)
  t.end()
})

test('a schema that gives one name two types is refused', (t) => {
  const two = z.object({ v: z.union([z.object({ a: z.string() }), z.object({ a: z.number() })]) })
  t.throws(() => shapeOf(two), /v\/a: two types for one metric/)
  t.throws(() => shapeOf(z.object({ v: z.unknown() })), /v: no metric can be made of/)
  t.end()
})
