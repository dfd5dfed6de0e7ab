/**
 * Pictures of simulated lenses with what is true of them, to train and to measure `models/lens-locator`.
 *   node dist/test/tools/lens-pictures.js --out DIR --seed 1 --count 100 [--half] [--crowded]
 * DIR/pictures.bin: the pictures one behind the other, a byte a pixel; DIR/truth.jsonl: a line for each. `--half`: 640 × 480
 * with the noise that the mean of four pixels has; `--crowded`: more marks on each lens than a maker engraves, at places
 * of their own, so that each picture teaches more.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { renderLens } from '../../drivers/simulated/lens-render.ts'
import { Random } from '../../drivers/simulated/random.ts'
import { crowdedScene, ordinaryScene } from './lens-training-scene.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '10' },
    half: { type: 'boolean', default: false },
    crowded: { type: 'boolean', default: false },
  },
})
const { out, half, crowded } = values
const [seed, count] = [Number(values.seed), Number(values.count)]
if (out === undefined || !Number.isSafeInteger(seed) || !(Number.isInteger(count) && count > 0)) {
  console.error('--out DIR --seed WHOLE --count WHOLE [--half] [--crowded]')
  process.exit(2)
}
await mkdir(out, { recursive: true })
const [pictures, truths] = [join(out, 'pictures.bin'), join(out, 'truth.jsonl')]
await writeFile(pictures, '')
await writeFile(truths, '')
for (let which = 0; which < count; which += 1) {
  const random = new Random(seed, which)
  const scene = crowded ? crowdedScene(half, random) : ordinaryScene(half, random)
  const { pixels, width, height } = renderLens(scene)
  const { subject, truth, reflections } = scene
  const lenses = truth.lenses.map(({ outline, visible, nasalMark, temporalMark, engravings }) => {
    return { outline, visible, nasalMark, temporalMark, engravings }
  })
  await appendFile(pictures, pixels)
  await appendFile(truths, `${JSON.stringify({ width, height, subject, lenses, reflections })}\n`)
}
