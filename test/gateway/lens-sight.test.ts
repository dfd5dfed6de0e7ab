import { test } from 'tap'
import { sightOf } from '../../gateway/lens-sight.ts'
import { cameraBlock } from '../../gateway/message-blocks.ts'
import { decodeRaw, encodeRaw, measurementOf, rawHeadOf } from '../../gateway/raw.ts'
import type { FrameReading } from '../../gateway/vision/lens-view.ts'
import { candidate, sight, symbol, text } from '../fakes/sights.ts'

const READING: FrameReading = {
  view: {
    kind: 'lens',
    pose: { nasal: [700, 480], temporal: [290, 480], pxPerMm: 12, towardsNoseDeg: 0 },
    outline: [],
    engravings: [],
  },
  engravings: [
    {
      kind: 'symbol',
      box: { x: 700, y: 530, width: 80, height: 60, angleDeg: -7.25 },
      recognition: {
        kind: 'known',
        symbol: 'wave',
        confidence: 0.97,
        candidates: ['wave', 'moon', 'a', 'b', 'c', 'd'].map((name) => ({ symbol: name, similarity: 0.5 })),
      },
    },
    {
      kind: 'text',
      box: { x: 290, y: 520, width: 60, height: 30, angleDeg: -7.25 },
      reading: { text: '2.25', confidence: 0.99 },
    },
  ],
  timing: { locate: 9, symbols: 4, texts: 2 },
}

test('what was read of a picture, in place of the picture', (t) => {
  const jpeg = new Uint8Array([1, 2, 3])
  const seen = sightOf(READING, [candidate(3, 'Optique', 'Claire', 0.9)], {
    ...{ takenAt: 12, jpeg, picture: 'ab'.repeat(32), models: {} },
  })
  t.match(seen, {
    kind: 'camera',
    takenAt: 12,
    engravings: [
      { kind: 'symbol', outcome: 'known', symbols: ['wave'], box: [660, 500, 80, 60], rotationDeg: -7.25 },
      { kind: 'text', text: '2.25', confidence: 0.99 },
    ],
    lensCandidates: [{ lensId: 3, score: 0.9 }],
  })
  t.equal(seen.engravings[0]?.kind === 'symbol' && seen.engravings[0].candidates.length, 5)
  t.end()
})

test('a picture without a lens says what was seen in its place', (t) => {
  const unseen: FrameReading = {
    ...READING,
    view: { kind: 'unseen', fault: 'dark', detail: 'mean 2 of 255, expected at least 6' },
    engravings: [],
  }
  const taken = { takenAt: 0, jpeg: new Uint8Array(), picture: 'ab'.repeat(32), models: {} }
  t.match(sightOf(unseen, [], taken), { fault: 'dark', detail: /mean 2/, engravings: [] })
  t.end()
})

test('a raw record gives the sight back bit for bit, without the picture', (t) => {
  const seen = {
    ...sight([symbol(['wave', 'ripple'], 0.912345678), text('MP26', 0.7)], [candidate(1, 'A', 'B', 1 / 3)]),
    jpeg: new Uint8Array([9]),
  }
  const raw = { schema: 'poincon.raw/1' as const, heads: { camera: rawHeadOf(seen) } }
  const { camera } = decodeRaw(encodeRaw(raw)).heads
  if (camera === undefined) throw new Error('lost')
  const { jpeg: _jpeg, ...expected } = seen
  t.strictSame(measurementOf(camera, 0), expected)
  t.end()
})

test('the message tells a known mark, several alike, an unknown one and a text apart', (t) => {
  const unknown = { ...symbol([], 0), candidates: [{ symbol: 'moon', similarity: 0.31 }] }
  const seen = sight([symbol(['wave'], 0.97), symbol(['a', 'b'], 0.9), unknown, text('67', 0.95)])
  const block = cameraBlock(seen, { symbols: ['wave'], rank: 1, confidence: 0.8, textConfidence: 0.95 })
  t.match(block.engravings, [
    { symbol: 'wave', confidence: 0.97, box: [600, 400, 80, 60], rotation_deg: 12.5 },
    { one_of: ['a', 'b'] },
    { nearest: 'moon', confidence: 0 },
    { text: '67' },
  ])
  t.strictSame(block.expected, { symbols: ['wave'] })
  t.equal(block.symbol, 'wave')
  t.equal(block.evidence, `sha256:${'ab'.repeat(32)}`)
  t.notOk('lens_candidates' in block, 'none is not an empty list')
  t.end()
})
