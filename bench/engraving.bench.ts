/**
 * Recognising an engraving: ms of each step on one thread beside its goal, the network beside EfficientNet-B0 in the same run
 * (made by models/training/peer.py; needs Python with PyTorch), and a query of a gallery of 100,000 prototypes beside
 * comparing each.
 *   node dist/bench/engraving.bench.js
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { cropOf } from '../gateway/vision/crop.ts'
import { Embedder } from '../gateway/vision/embedder.ts'
import { galleryOf, nearest, type Prototype } from '../gateway/vision/gallery.ts'
import { findInk } from '../gateway/vision/ink.ts'
import { readModel } from '../gateway/vision/model.ts'
import { Network } from '../gateway/vision/onnx.ts'
import type { Grey } from '../gateway/vision/picture.ts'
import { randomFrom } from '../test/gateway/store/drafts.ts'
import { openPeer } from './engraving-peer.ts'

const MODEL = fileURLToPath(new URL('../../models/engraving-embedder/', import.meta.url))
const ROUNDS = 300
const GALLERY = 100_000
const DIMENSIONS = 128

const golden = z.object({
  cases: z.array(
    z.object({ width: z.int(), height: z.int(), grey_base64: z.base64(), blank: z.string().optional() }),
  ),
})

async function took(work: () => unknown): Promise<number> {
  const beganAt = performance.now()
  await work()
  return performance.now() - beganAt
}

/** p50 and p99 of a piece of work, ms. */
async function timed(work: (round: number) => unknown): Promise<string> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) times.push(await took(() => work(round)))
  return percentiles(times)
}

function percentiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  return [0.5, 0.99]
    .map((share) => (sorted[Math.floor(share * times.length)] ?? 0).toFixed(3).padStart(9))
    .join('')
}

function say(name: string, times: string, beside: string): void {
  console.log(`${name.padEnd(44)}${times}   ${beside}`)
}

const pictures = golden
  .parse(JSON.parse(await readFile(`${MODEL}golden.json`, 'utf8')))
  .cases.filter(({ blank }) => blank === undefined)
  .map(
    ({ width, height, grey_base64 }): Grey => ({
      pixels: new Uint8Array(Buffer.from(grey_base64, 'base64')),
      width,
      height,
    }),
  )
const picture = (round: number): Grey =>
  pictures[round % pictures.length] ?? { pixels: new Uint8Array(1), width: 1, height: 1 }
const network = await Network.open(await readModel(MODEL), {
  providers: ['cpu'],
  threads: 1,
  refused: () => {},
})
const embedder = new Embedder((input) => network.run(input))
const crop = { data: new Float32Array(64 * 64).fill(0.3), shape: [1, 1, 64, 64] }

const random = randomFrom(1)
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
function unit(near?: Float32Array): Float32Array {
  const vector = Float32Array.from(
    { length: DIMENSIONS },
    (_, d) => (near?.[d] ?? 0) + (near === undefined ? 1 : 0.07) * normal(),
  )
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
const prototypes: readonly Prototype[] = Array.from({ length: GALLERY }, (_, index) => ({
  symbol: `s${Math.floor(index / 7)}`,
  degrees: 0,
  vector: unit(),
}))
const gallery = galleryOf(prototypes)
const queries = Array.from({ length: 50 }, () => {
  const meant = prototypes[Math.floor(random() * GALLERY)]
  return { symbol: meant?.symbol, vector: unit(meant?.vector) }
})
const query = (round: number) => queries[round % queries.length]?.vector ?? new Float32Array(DIMENSIONS)
let found = 0
for (const { symbol, vector } of queries) {
  const [best] = nearest(gallery, vector, { most: 1, turnPenaltyPer45Deg: 0 })
  found += best?.symbol === symbol ? 1 : 0
}

function compareEach(vector: Float32Array): number {
  let best = -1
  for (let index = 0, from = 0; index < GALLERY; index++) {
    let sum = 0
    for (let d = 0; d < DIMENSIONS; d++, from++) sum += (gallery.vectors[from] ?? 0) * (vector[d] ?? 0)
    best = Math.max(best, sum)
  }
  return best
}

/** The network and its peer in turn, so that what else the machine does meets both alike. */
async function besidePeer(): Promise<void> {
  const peer = await openPeer()
  const own: number[] = []
  const other: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    own.push(await took(() => network.run(crop)))
    if (typeof peer !== 'string' && round % 5 === 0) other.push(await took(peer.run))
  }
  say('network, one crop, one thread', percentiles(own), 'goal 1')
  if (typeof peer === 'string') {
    console.log(`PEER MISSING: EfficientNet-B0 was not measured, so no ratio is known: ${peer}`)
    return
  }
  // The fastest of each: what else ran meanwhile costs the longer one more.
  const ratio = Math.min(...other) / Math.min(...own)
  say(
    'EfficientNet-B0, 224 × 224, the same',
    percentiles(other),
    `${ratio.toFixed(1)} times as long, goal 20`,
  )
  await peer.close()
}

console.log(`${'ms'.padEnd(44)}${'p50'.padStart(9)}${'p99'.padStart(9)}`)
say(
  'ink and crop of a picture',
  await timed((round) => {
    const ink = findInk(picture(round))
    return ink === undefined ? undefined : cropOf(ink)
  }),
  '',
)
await besidePeer()
say('picture to embedding', await timed((round) => embedder.embed([picture(round)])), '')
say('enrolling a symbol', await timed((round) => embedder.prototypes('x', picture(round))), 'goal 1000')
say(
  'query of 100,000 prototypes',
  await timed((round) => nearest(gallery, query(round), { most: 5, turnPenaltyPer45Deg: 0 })),
  `goal 5; ${found} of ${queries.length} found that are at a cosine of about 0.78`,
)
say('the same, each compared', await timed((round) => compareEach(query(round))), '')
await network.close()
