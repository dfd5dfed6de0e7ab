/**
 * Recognising an engraving: ms of each step on one thread beside its goal, and a query of a gallery of 100,000 prototypes
 * beside comparing each.
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

const MODEL = fileURLToPath(new URL('../../models/engraving-embedder/', import.meta.url))
const ROUNDS = 300
const GALLERY = 100_000
const DIMENSIONS = 128

const golden = z.object({
  cases: z.array(
    z.object({ width: z.int(), height: z.int(), grey_base64: z.base64(), blank: z.string().optional() }),
  ),
})

/** p50 and p99 of a piece of work, ms. */
async function timed(work: (round: number) => unknown): Promise<string> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const beganAt = performance.now()
    await work(round)
    times.push(performance.now() - beganAt)
  }
  times.sort((a, b) => a - b)
  return [0.5, 0.99].map((share) => (times[Math.floor(share * ROUNDS)] ?? 0).toFixed(3).padStart(9)).join('')
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

console.log(`${'ms'.padEnd(44)}${'p50'.padStart(9)}${'p99'.padStart(9)}`)
say(
  'ink and crop of a picture',
  await timed((round) => {
    const ink = findInk(picture(round))
    return ink === undefined ? undefined : cropOf(ink)
  }),
  '',
)
say('network, one crop, one thread', await timed(() => network.run(crop)), 'goal 1')
say('picture to embedding', await timed((round) => embedder.embed([picture(round)])), '')
say('enrolling a symbol', await timed((round) => embedder.prototypes('x', picture(round))), 'goal 1000')
say(
  'query of 100,000 prototypes',
  await timed((round) => nearest(gallery, query(round), { most: 5, turnPenaltyPer45Deg: 0 })),
  `goal 5; ${found} of ${queries.length} found that are at a cosine of about 0.78`,
)
say('the same, each compared', await timed((round) => compareEach(query(round))), '')
await network.close()
