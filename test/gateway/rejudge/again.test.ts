import { test } from 'tap'
import { judge, prepare } from '../../../gateway/analysis/judge.ts'
import {
  decodeRaw,
  encodeRaw,
  looksOf,
  measurementOf,
  type RawRecord,
  rawHeadOf,
} from '../../../gateway/raw.ts'
import { gapsOf, inspectAgain, isWithoutAnalysis } from '../../../gateway/rejudge/again.ts'
import { folder, type Recorded, recipe, recordedScene } from './logs.ts'

let scene: Recorded
const nothing = { further: [], gaps: [] }

function first(): RawRecord {
  const [record] = scene.records
  if (record === undefined) throw new Error('no record')
  return record
}

test('a recorded scene', async (t) => {
  scene = await recordedScene(await folder(t), 21, 3)
})

test('a raw record gives what the live path gave', async (t) => {
  const plan = prepare(recipe(), scene.tray)
  const { tof, spectral } = first().heads
  if (tof === undefined || spectral === undefined) throw new Error('expected both heads')
  const [frame, spectrum] = [measurementOf(tof, 0), measurementOf(spectral, 0)]
  if (frame.kind !== 'vl53l8ch' || spectrum.kind !== 'as7341') throw new Error('expected both kinds')
  const heads = { ranging: 'tof', spectral: 'spectral' }
  const { judgement } = await inspectAgain(first(), plan, scene.tray, nothing)
  t.strictSame(judgement, judge(plan, { frame, spectrum, gaps: [], heads }))
})

test('what the chip’s own lamp gave is in the raw record: a white reference of another current says nothing', (t) => {
  const { spectral } = first().heads
  const spectrum = spectral && measurementOf(spectral, 0)
  if (spectrum?.kind !== 'as7341') throw new Error('expected a spectrum')
  const kept = decodeRaw(
    encodeRaw({ schema: 'poincon.raw/1', heads: { lit: rawHeadOf({ ...spectrum, lampMa: 20 }) } }),
  )
  const { lit } = kept.heads
  t.match(lit && measurementOf(lit, 0), { lampMa: 20, counts: spectrum.counts })
  t.notOk('lampMa' in spectrum, 'the lamp of this scene is another')
  t.end()
})

test('of several heads of a kind the calibrated one is judged; what was only shown never is', async (t) => {
  const plan = prepare(recipe(), scene.tray)
  const [, second] = scene.records
  const { tof, ...others } = first().heads
  const elsewhere = second?.heads.tof
  if (tof === undefined || elsewhere === undefined) throw new Error('expected ranges')
  const plain = await inspectAgain(first(), plan, scene.tray, nothing)
  const two = { ...first(), heads: { another: elsewhere, ...others, tof } }
  t.strictSame((await inspectAgain(two, plan, scene.tray, nothing)).judgement, plain.judgement)

  const shown = await inspectAgain(two, plan, undefined, { further: ['another'], gaps: [] })
  t.strictSame(shown.judgement, plain.judgement)
  t.ok(shown.observation.measurements.has('another'), 'it stands in the message all the same')
  const gaps = [{ head: 'tof', reason: 'sensor-timeout' }] as const
  const alone = { ...first(), heads: { another: elsewhere, ...others } }
  const missed = await inspectAgain(alone, plan, scene.tray, { further: ['another'], gaps })
  t.strictSame(missed.judgement.verdict, {
    kind: 'ungraded',
    action: 'reject',
    reasons: ['sensor-timeout:tof'],
  })
})

test('several looks at one part are passed on', async (t) => {
  const plan = prepare(recipe(), scene.tray)
  const payloads = scene.records.flatMap(({ heads }) =>
    heads.tof?.kind === 'vl53l8ch' ? [heads.tof.payload] : [],
  )
  const { tof } = first().heads
  if (tof?.kind !== 'vl53l8ch') throw new Error('expected ranges')
  const looks = payloads.map((payload, index) => ({ belt_mm: 7 * index, payload }))
  const record = { ...first(), heads: { ...first().heads, tof: { ...tof, looks } } }
  const { evidence } = await inspectAgain(record, plan, scene.tray, nothing)
  t.strictSame(evidence.looks, looksOf(record.heads.tof, 0))
  t.equal(evidence.looks?.length, 3)
})

test('bytes that contradict themselves are a gap', async (t) => {
  const plan = prepare(recipe(), scene.tray)
  const { tof } = first().heads
  if (tof?.kind !== 'vl53l8ch') throw new Error('expected ranges')
  const cut = { ...tof, payload: tof.payload.slice(0, 100) }
  const record = { ...first(), heads: { ...first().heads, tof: cut } }
  const { judgement } = await inspectAgain(record, plan, scene.tray, nothing)
  t.match(judgement.verdict, { kind: 'ungraded', reasons: ['sensor-corrupt:tof'] })
})

test('what a verdict says of the heads, and of itself', (t) => {
  const { spectral: _, ...heads } = first().heads
  const record: RawRecord = { ...first(), heads }
  const verdict = (...reasons: string[]) => ({ kind: 'ungraded', reasons }) as const
  t.strictSame(gapsOf(verdict('sensor-frozen:spectral', 'not-calibrated:other', 'sensor-absent'), record), [
    { head: 'spectral', reason: 'sensor-frozen' },
  ])
  t.strictSame(gapsOf(verdict('sensor-corrupt:tof'), record), [], 'it delivered')
  t.strictSame(gapsOf({ kind: 'graded', reasons: ['freshness'] }, record), [])

  t.equal(isWithoutAnalysis(verdict('late'), true), true)
  t.equal(isWithoutAnalysis(verdict('gate-failed', 'late'), true), true)
  t.equal(isWithoutAnalysis(verdict('not-calibrated'), false), true, 'turned away before any look')
  t.equal(isWithoutAnalysis(verdict('no-product'), true), false)
  t.equal(isWithoutAnalysis(verdict('sensor-absent'), false), false)
  t.equal(isWithoutAnalysis(verdict('sensor-timeout:tof'), false), false)
  t.equal(isWithoutAnalysis({ kind: 'graded', reasons: [] }, true), false)
  t.end()
})
