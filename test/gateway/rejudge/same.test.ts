import { test } from 'tap'
import { judge, prepare } from '../../../gateway/analysis/judge.ts'
import { analysisBlocks } from '../../../gateway/message-blocks.ts'
import { measurementOf } from '../../../gateway/raw.ts'
import { derivationOf } from '../../../gateway/rejudge/derive.ts'
import { readMessage, type StoredMessage } from '../../../gateway/rejudge/message.ts'
import { parseBound, RequestError } from '../../../gateway/rejudge/range.ts'
import { differenceOf } from '../../../gateway/rejudge/same.ts'
import { folder, recipe, recordedScene } from './logs.ts'

const never = (): boolean => false

test('the first difference, in the order of the keys', (t) => {
  t.equal(differenceOf({ a: [1, { b: null }] }, { a: [1, { b: null }] }, never, true), undefined)
  t.strictSame(differenceOf({ b: 1, a: { c: 'x' } }, { b: 2, a: { c: 'y' } }, never, true), {
    field: 'a.c',
    stored: 'x',
    derived: 'y',
  })
  t.match(differenceOf([1, 2], [1, 2, 3], never, false), { field: '' })
  t.match(differenceOf({ a: [] }, { a: {} }, never, false), { field: 'a' })
  t.match(differenceOf({ a: 1 }, {}, never, false), { field: 'a', derived: undefined })
  t.match(differenceOf({}, { a: 1 }, never, true), { field: 'a', stored: undefined })
  t.equal(differenceOf({}, { a: 1 }, never, false), undefined, 'an older release did not know it')
  t.match(
    differenceOf({ a: '1' }, { a: 1 }, () => true, false),
    { field: 'a' },
  )
  t.end()
})

test('on another machine numbers may differ by 1e-9 before they are rounded, and by no more', async (t) => {
  const scene = await recordedScene(await folder(t), 22, 1)
  const [record] = scene.records
  const { tof, spectral } = record?.heads ?? {}
  if (record === undefined || tof === undefined || spectral === undefined) throw new Error('no record')
  const plan = prepare(recipe(), scene.tray)
  const [frame, spectrum] = [measurementOf(tof, 0), measurementOf(spectral, 0)]
  if (frame.kind !== 'vl53l8ch' || spectrum.kind !== 'as7341') throw new Error('expected both kinds')
  const heads = { ranging: 'tof', spectral: 'spectral' }
  const judgement = judge(plan, { frame, spectrum, gaps: [], heads })
  const { verdict } = judgement
  if (verdict.kind !== 'graded') throw new Error(JSON.stringify(verdict))
  const round = (value: number): number => Math.round(value * 1e4) / 1e4
  const stored: unknown = {
    ...{ id: 'id', epoch: 'epoch', sequence: 1, timestamp: '2026-01-01T00:00:00.000Z', sample_id: 'part' },
    recipe: { id: recipe().id, revision: 1 },
    ...analysisBlocks(judgement, frame, spectrum),
    verdict: {
      ...verdict,
      score: round(verdict.score),
      reasons: verdict.findings.map(({ code }) => code),
      latency_ms: 1,
    },
    provenance: { software: '0', recipe_sha256: '', calibration: [], models: {}, raw_sha256: '' },
  }
  const message = readMessage(JSON.stringify(stored))
  if (typeof message === 'string') throw new Error(message)
  const base = { record, recipe: { recipe: recipe(), revision: 1, sha256: '' }, tray: scene.tray, plan }
  const derive = (changed: StoredMessage, exact: boolean) =>
    derivationOf({ ...base, message: changed }, exact)
  t.equal(await derive(message, true), undefined)
  t.equal(await derive(message, false), undefined)

  const mass = message.mass_g
  const grams = typeof mass === 'object' && mass !== null ? Number(Reflect.get(mass, 'estimate')) : Number.NaN
  const other = { ...message, mass_g: { ...Object(mass), estimate: grams + 0.1 } }
  t.match(await derive(other, true), { field: 'mass_g.estimate' })
  t.match(await derive(other, false), { field: 'mass_g.estimate' }, 'one unit of the last digit is too much')

  // A value on the border between two roundings: the last bits decide which of them is stored.
  const border = (Math.round(grams * 10) + 0.5) / 10
  const exact = judgement.massG?.estimate ?? Number.NaN
  const density = ((recipe().shape?.densityGPerCm3 ?? Number.NaN) * border) / exact
  const { shape } = recipe()
  if (shape === undefined) throw new Error('no shape')
  const onBorder = { ...recipe(), shape: { ...shape, densityGPerCm3: density } }
  const borderPlan = prepare(onBorder, scene.tray)
  const results: (string | undefined)[] = []
  for (const estimate of [border - 0.05, border + 0.05, border + 0.15]) {
    const rounded = Math.round(estimate * 10) / 10
    const std = judge(borderPlan, { frame, spectrum, gaps: [], heads }).massG?.std ?? Number.NaN
    const found = await derivationOf(
      {
        ...base,
        plan: borderPlan,
        message: { ...message, mass_g: { estimate: rounded, std: Math.round(std * 10) / 10 } },
      },
      false,
    )
    results.push(found?.field)
  }
  t.strictSame(results, [undefined, undefined, 'mass_g.estimate'])
})

test('what a stretch of the log may be called', (t) => {
  t.strictSame(parseBound('--from', '#12'), { sequence: 12 })
  t.strictSame(parseBound('--from', '12'), { sequence: 12 })
  t.strictSame(parseBound('--to', '2026-03-01'), { timeMs: Date.UTC(2026, 2, 1) })
  t.strictSame(parseBound('--to', '2026-03-01T08:00:00+01:00'), { timeMs: Date.UTC(2026, 2, 1, 7) })
  for (const wrong of ['0', '-1', '1.5', 'now', '2026-13-01', '']) {
    t.throws(() => parseBound('--to', wrong), RequestError, wrong)
  }
  t.end()
})
