import { test } from 'tap'
import { judge, prepare } from '../../gateway/analysis/judge.ts'
import { inspectionMessage } from '../../gateway/message.ts'
import { analysisBlocks } from '../../gateway/message-blocks.ts'
import { frameOf, RECIPE, STANDARD, spectrumOf, trayCounts, trayOf } from './analysis/station.ts'

const blocksSchema = inspectionMessage
  .pick({ vl53l8ch: true, as7341: true, fusion: true, mass_g: true })
  .strict()
const PLAN = prepare(RECIPE, trayOf({}, trayCounts()))
const FRAME = frameOf({ ...STANDARD, bumps: [{ x: 12, y: 12, r: 20, mm: 25 }] })
const SPECTRUM = spectrumOf({ freshness: 0.8, fat: 0.75, oxidation: 0.2 })

test('a graded part: every block, as the schema has it', (t) => {
  const judgement = judge(PLAN, { frame: FRAME, spectrum: SPECTRUM, gaps: [] })
  const blocks = analysisBlocks(judgement, FRAME, SPECTRUM)
  t.same(blocksSchema.parse(blocks), blocks)
  t.same(
    blocks.vl53l8ch?.distance_matrix?.map((row) => row.length),
    [8, 8, 8, 8, 8, 8, 8, 8],
  )
  t.equal(blocks.vl53l8ch?.distance_matrix?.[0]?.[0], Math.round((FRAME.rangeMm[0] ?? 0) * 100) / 100)
  t.match(blocks, {
    as7341: { freshness_index: 0.8, fat_quality_index: 0.75, oxidation_index: 0.2, gain: 4, saturated: [] },
    fusion: {
      final_grade: judgement.fusion?.grade,
      defects: [{ type: 'foreign_body', zone: [4, 4] }],
    },
    mass_g: { estimate: Number, std: Number },
  })
  const score = judgement.verdict.kind === 'graded' ? judgement.verdict.score : Number.NaN
  t.ok(Math.abs((blocks.fusion?.final_score ?? 0) - score) <= 5e-5, 'the verdict’s score, to four decimals')
  t.ok(JSON.stringify(blocks).length < 4500, `${JSON.stringify(blocks).length} characters`)
  t.end()
})

test('what was not measured has no key', (t) => {
  const gaps = [{ head: 'spectral', reason: 'sensor-absent' as const }]
  const shapeOnly = analysisBlocks(judge(PLAN, { frame: FRAME, gaps }), FRAME)
  t.same(Object.keys(shapeOnly).sort(), ['mass_g', 'vl53l8ch'])
  const empty = frameOf(undefined)
  const noProduct = analysisBlocks(
    judge(PLAN, { frame: empty, spectrum: SPECTRUM, gaps: [] }),
    empty,
    SPECTRUM,
  )
  t.same(Object.keys(noProduct).sort(), ['as7341', 'vl53l8ch'])
  t.notOk('volume_mm3' in (noProduct.vl53l8ch ?? {}))
  t.notOk('freshness_index' in (noProduct.as7341 ?? {}))
  t.ok('height_matrix' in (noProduct.vl53l8ch ?? {}), 'the empty tray is still shown')
  t.same(analysisBlocks(judge(PLAN, { gaps })), {})
  t.end()
})

test('a blind zone is null, and JSON carries everything', (t) => {
  const frame = frameOf(STANDARD)
  frame.status[0] = 255
  const judgement = judge(PLAN, { frame, spectrum: SPECTRUM, gaps: [] })
  const blocks = analysisBlocks(judgement, frame, SPECTRUM)
  t.equal(blocks.vl53l8ch?.height_matrix?.[0]?.[0], null)
  t.same(JSON.parse(JSON.stringify(blocks)), blocks, 'JSON loses nothing: no NaN, no undefined')
  t.end()
})
