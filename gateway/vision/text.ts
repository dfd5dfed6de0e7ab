import type { Compute } from './embedder.ts'
import type { OrientedBox, TextReading } from './lens-view.ts'
import { ModelError } from './model.ts'
import type { Grey } from './picture.ts'
import { decoded } from './text-decode.ts'
import { confidenceOf, type TextRule, weighed } from './text-rule.ts'
import { STRIP_HEIGHT, type Strip, stripOf } from './text-strip.ts'

/** Strips of one width that go through the network at once. */
const BATCH = 16
/** The network gives a column for every second one of a strip. */
const COLUMN_STEP = 2

/**
 * Reads what is engraved in each box, as it stands at the box's `angleDeg`: whoever knows the pose has turned it upright. A
 * box is read alike whatever else is read with it. Where nothing is engraved, the text is empty, and the confidence says how
 * sure that is.
 * @throws ModelError when the network gives something else than the rule says
 */
export async function readTexts(
  picture: Grey,
  boxes: readonly OrientedBox[],
  compute: Compute,
  rule: TextRule,
): Promise<readonly TextReading[]> {
  const strips = boxes.map((box) => stripOf(picture, box))
  const readings: TextReading[] = boxes.map(() => ({ text: '', confidence: 0 }))
  for (const width of new Set(strips.map((strip) => strip.width))) {
    const places = [...strips.keys()].filter((place) => strips[place]?.width === width)
    for (let from = 0; from < places.length; from += BATCH) {
      const batch = places.slice(from, from + BATCH)
      const chosen = batch.flatMap((place) => strips[place] ?? [])
      const read = await readStrips(chosen, width, compute, rule)
      for (const [index, reading] of read.entries()) readings[batch[index] ?? 0] = reading
    }
  }
  return readings
}

/** Of strips that are all so wide. */
async function readStrips(
  strips: readonly Strip[],
  width: number,
  compute: Compute,
  rule: TextRule,
): Promise<readonly TextReading[]> {
  const size = STRIP_HEIGHT * width
  const data = new Float32Array(strips.length * size)
  for (const [index, strip] of strips.entries()) data.set(strip.values, index * size)
  const output = await compute({ data, shape: [strips.length, 1, STRIP_HEIGHT, width] })
  const [count, classes] = [width / COLUMN_STEP, rule.alphabet.length + 1]
  const expected = [strips.length, count, classes]
  if (output.shape.join() !== expected.join() || output.data.length !== strips.length * count * classes) {
    throw new ModelError('shape', `it gave [${output.shape.join(' ')}], expected [${expected.join(' ')}]`)
  }
  return strips.map((_, index) => {
    const from = index * count * classes
    const probabilities = output.data.subarray(from, from + count * classes)
    const [best] = weighed(decoded({ probabilities, classes, count }, rule.alphabet), rule)
    if (best === undefined) throw new ModelError('output', 'it gave a column without probabilities')
    return { text: best.text, confidence: confidenceOf(best.probability, rule) }
  })
}
