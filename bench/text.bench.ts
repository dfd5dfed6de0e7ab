/**
 * Reading engraved text: ms of each step for the three boxes of a usual lens on one thread beside the goal; what is read
 * off simulated lenses is measured by `models/training/text/evaluate.py`.
 *   node dist/bench/text.bench.js
 */
import { fileURLToPath } from 'node:url'
import { textOf } from '../drivers/simulated/lens-glyphs.ts'
import { renderLens } from '../drivers/simulated/lens-render.ts'
import { lensScene } from '../drivers/simulated/lens-scene.ts'
import { Random } from '../drivers/simulated/random.ts'
import { readModel } from '../gateway/vision/model.ts'
import { Network } from '../gateway/vision/onnx.ts'
import { readTexts } from '../gateway/vision/text.ts'
import { decoded } from '../gateway/vision/text-decode.ts'
import { readTextRule } from '../gateway/vision/text-rule.ts'
import { STRIP_HEIGHT, stripOf } from '../gateway/vision/text-strip.ts'

const MODEL = fileURLToPath(new URL('../../models/engraving-text/', import.meta.url))
const ROUNDS = 300
const GOAL_MS = 2

/** Of a piece of work, ms; the best is what it takes where nothing else runs. */
type Times = readonly [best: number, p50: number, p99: number]

async function timed(work: () => unknown): Promise<Times> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const beganAt = performance.now()
    await work()
    times.push(performance.now() - beganAt)
  }
  times.sort((a, b) => a - b)
  return [times[0] ?? 0, times[Math.floor(0.5 * ROUNDS)] ?? 0, times[Math.floor(0.99 * ROUNDS)] ?? 0]
}

function say(name: string, times: Times, beside = ''): void {
  console.log(`${name.padEnd(44)}${times.map((time) => time.toFixed(3).padStart(9)).join('')}   ${beside}`)
}

const rule = await readTextRule(MODEL)
const network = await Network.open(await readModel(MODEL), {
  providers: ['cpu'],
  threads: 1,
  refused: () => {},
})
// A number stands where else the symbol is, so that one lens has three texts.
const scene = lensScene({ addition: '2.25', nasalText: 'HD', symbol: textOf('67') }, new Random(1))
const picture = renderLens(scene)
const engraved = scene.truth.lenses[0]?.engravings ?? []
const boxes = engraved.flatMap(({ kind, box }) => (kind === 'alignment' ? [] : [box]))
const strips = boxes.map((box) => stripOf(picture, box))
const inputs = strips.map(({ values, width }) => ({ data: values, shape: [1, 1, STRIP_HEIGHT, width] }))
const outputs = await Promise.all(inputs.map((input) => network.run(input)))

const readings = await readTexts(picture, boxes, (input) => network.run(input), rule)
console.log(readings.map(({ text, confidence }) => `"${text}" (${confidence.toFixed(3)})`).join(', '))
console.log(`${'ms, three boxes'.padEnd(44)}${'best'.padStart(9)}${'p50'.padStart(9)}${'p99'.padStart(9)}`)
say('boxes to strips', await timed(() => boxes.map((box) => stripOf(picture, box))))
say(
  `network, strips of ${strips.map(({ width }) => width).join(', ')} columns`,
  await timed(async () => {
    for (const input of inputs) await network.run(input)
  }),
)
say(
  'probabilities to text',
  await timed(() =>
    outputs.map(({ data, shape: [, count = 0, classes = 0] }) =>
      decoded({ probabilities: data, classes, count }, rule.alphabet),
    ),
  ),
)
const whole = await timed(() => readTexts(picture, boxes, (input) => network.run(input), rule))
say(
  'picture and boxes to texts',
  whole,
  `goal ${GOAL_MS}; at best ${(GOAL_MS / whole[0]).toFixed(1)} × as fast`,
)
await network.close()
