import { test } from 'tap'
import { formatFor } from '../../gateway/console/format.ts'
import { comparisons, engravingName, evidenceAddress } from '../../gateway/console/lens.ts'
import { TEXTS } from '../../gateway/console/texts.ts'
import type { Inspection } from '../../gateway/console/wire.ts'
import type { CameraBlock, FoundEngraving } from '../../gateway/console/wire-camera.ts'

const EN = formatFor('en', TEXTS.en)
const FR = formatFor('fr', TEXTS.fr)
const PLACE = { confidence: 0.9, box: [0, 0, 1, 1] as [number, number, number, number], rotation_deg: 0 }

function block(
  engravings: readonly Partial<FoundEngraving>[],
  overrides: Partial<CameraBlock> = {},
): CameraBlock {
  return {
    engravings: engravings.map((engraving) => ({ ...PLACE, ...engraving })),
    evidence: `sha256:${'0'.repeat(64)}`,
    ...overrides,
  }
}

function verdict(overrides: Partial<Inspection['verdict']> = {}): Inspection['verdict'] {
  return { grade: 'A', action: 'accept', reasons: [], findings: [], latency_ms: 90, ...overrides }
}

test('what was read, in words', (t) => {
  const names = [{ symbol: 'key' }, { one_of: ['sl', 'csl'] }, { text: '67' }, { nearest: 'eye' }, {}]
  const said = (format: typeof EN) => names.map((name) => engravingName({ ...PLACE, ...name }, format))
  t.same(said(EN), ['key', 'One of these: sl, csl', '“67”', 'Unknown, somewhat like eye', 'Unknown'])
  t.same(said(FR).slice(2), ['« 67 »', 'Inconnu, un peu comme eye', 'Inconnu'])
  t.equal(evidenceAddress('/api/v1/evidence', block([])), `/api/v1/evidence/${'0'.repeat(64)}`)
  t.end()
})

test('the verdict alone says whether it is as expected', (t) => {
  const lens = { supplier: 'Ottica', name: 'Chiave', index: 1.6 }
  const seen = block([{ symbol: 'key' }, { nearest: 'eye' }, { text: '67' }], {
    expected: { symbols: ['key', 'eye'], texts: ['67'], lens },
    lens_candidates: [{ lens_id: 1, ...lens, index: 1.67, score: 0.8 }],
  })
  const rows = [
    { what: 'symbol', expected: 'key / eye', found: 'key', same: true },
    { what: 'text', expected: '“67”', found: '“67”', same: true },
    { what: 'lens', expected: 'Ottica · Chiave · 1.60', found: 'Ottica · Chiave · 1.67', same: true },
  ]
  t.same(comparisons(seen, verdict(), EN), rows)
  const mismatch = verdict({ grade: 'REJECT', action: 'reject', findings: [{ code: 'lens_mismatch' }] })
  t.same(
    comparisons(seen, mismatch, EN).map(({ same }) => same),
    [true, true, false],
  )
  const ungraded = verdict({ action: 'hold', reasons: ['marks-missing:camera'] })
  const unseen = block([], { expected: { symbols: ['key'] } })
  t.same(comparisons(unseen, { ...ungraded, grade: undefined }, EN), [
    { what: 'symbol', expected: 'key', found: 'nothing', same: undefined },
  ])
  t.same(comparisons(block([{ symbol: 'key' }]), verdict(), EN), [], 'nobody expected anything')
  t.end()
})
