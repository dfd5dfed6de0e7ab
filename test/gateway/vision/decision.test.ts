import { test } from 'tap'
import { decide, type MatchRule } from '../../../gateway/vision/decision.ts'

const RULE: MatchRule = {
  ...{ turn_penalty_per_45_deg: 0.05, second_weight: 0.4, unknown_below: 0.6, one_of_within: 0.05 },
  ...{ confidence_slope: 20, confidence_offset: -12 },
}

function among(...similarities: readonly number[]) {
  const candidates = similarities.map((similarity, place) => ({ symbol: `s${place}`, similarity }))
  return decide(candidates, RULE)
}

test('one that stands out is known, as sure as it stands out', (t) => {
  t.match(among(0.95, 0.3), { kind: 'known', symbol: 's0' })
  const [much, little] = [among(0.95, 0.2), among(0.95, 0.8)]
  t.ok(much.kind === 'known' && little.kind === 'known' && much.confidence > little.confidence)
  t.end()
})

test('two that are as near are one of them, however near: the same mark under two names', (t) => {
  t.match(among(0.99, 0.99, 0.3), { kind: 'one-of', symbols: ['s0', 's1'] })
  t.end()
})

test('several that are equally far are unknown', (t) => {
  t.match(among(0.6, 0.59, 0.58, 0.5), { kind: 'unknown' })
  t.end()
})

test('what only just stands out of a crowd is unknown', (t) => {
  t.match(among(0.9, 0.84), { kind: 'unknown' })
  t.end()
})

test('nothing near is blank', (t) => {
  t.match(among(), { kind: 'blank' })
  t.end()
})
