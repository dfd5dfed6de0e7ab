/**
 * Whole pictures of lenses, end to end, beside what is truly engraved: is the mark the right one, is the right lens among
 * the first three of the catalogue. The gallery is one printed reference of each symbol; every symbol has a lens of each
 * index, so that mark and index both have to be read. Networks were trained on other seeds.
 *   node dist/bench/lens-truth.bench.js [SEED] [COUNT]     default 4000001 100
 */
import { fileURLToPath } from 'node:url'
import { systemClock } from '../drivers/clock.ts'
import type { FaultLevel } from '../drivers/simulated/lens-faults.ts'
import { DEMO_GALLERY } from '../drivers/simulated/lens-glyphs.ts'
import { renderLens } from '../drivers/simulated/lens-render.ts'
import { lensScene } from '../drivers/simulated/lens-scene.ts'
import { Random } from '../drivers/simulated/random.ts'
import { lensCandidates, lensIndex } from '../gateway/catalogue/lens-candidates.ts'
import { pictureOf } from '../gateway/demo-lenses.ts'
import { engravingsOf } from '../gateway/lens-sight.ts'
import { silentLog } from '../gateway/log.ts'
import type { Prototype } from '../gateway/vision/gallery.ts'
import { modelsIn } from '../gateway/vision/model.ts'
import { VisionThread } from '../gateway/vision/vision-thread.ts'
import { load } from './figures.ts'

const SEED = Number(process.argv[2] ?? 4_000_001)
const COUNT = Number(process.argv[3] ?? 100)
const LEVELS: readonly FaultLevel[] = ['clean', 'usual', 'hard']
const CODES = ['50', '53', '56', '59', '60', '67', '70', '74'] as const

const vision = new VisionThread({
  models: modelsIn(fileURLToPath(new URL('../../models/', import.meta.url))),
  ...{ providers: ['cpu'], threads: 1, clock: systemClock, log: silentLog, random: Math.random },
})
await vision.start(new AbortController().signal)
const prototypes: Prototype[] = []
for (const what of DEMO_GALLERY) {
  prototypes.push(...(await vision.prototypes(await pictureOf(what), what.label)))
}
vision.setGallery(prototypes)
const lenses = DEMO_GALLERY.flatMap(({ label }, symbol) =>
  CODES.map((code, place) => ({
    ...{
      id: symbol * CODES.length + place,
      supplier: 'Demo',
      name: `${label} ${code}`,
      index: Number(`1.${code}`),
    },
    ...{ treatments: [], marks: [], symbols: [{ symbol: label, confidence: 1 }] },
  })),
)
const index = lensIndex(lenses)

console.log(`whole pictures of lenses, seed ${SEED}, ${COUNT} a level; load ${load()}`)
console.log('level     refused  mark right  said wrongly  lens first  among three   (of all pictures)')
for (const [stream, level] of LEVELS.entries()) {
  const tally = { refused: 0, right: 0, wrong: 0, first: 0, three: 0 }
  for (let number = 0; number < COUNT; number += 1) {
    const random = new Random(SEED, stream, number)
    const symbol = DEMO_GALLERY[Math.floor(random.uniform() * DEMO_GALLERY.length)]
    const code = CODES[Math.floor(random.uniform() * CODES.length)] ?? '50'
    if (symbol === undefined) throw new Error('no symbols')
    const picture = renderLens(lensScene({ level, symbol, nasalText: code }, random))
    const reading = await vision.read(picture, new AbortController().signal)
    if (reading.view.kind === 'unseen') tally.refused += 1
    const seen = engravingsOf(reading)
    const marks = seen.filter((one) => one.kind === 'symbol')
    if (marks.some(({ candidates: [best] }) => best?.symbol === symbol.label)) tally.right += 1
    if (marks.some(({ outcome, symbols: [one] }) => outcome === 'known' && one !== symbol.label))
      tally.wrong += 1
    const named = lensCandidates(index, seen, undefined).map(({ name }) => name)
    if (named[0] === `${symbol.label} ${code}`) tally.first += 1
    if (named.slice(0, 3).includes(`${symbol.label} ${code}`)) tally.three += 1
  }
  const share = (count: number): string => (count / COUNT).toFixed(3).padStart(11)
  const { refused, right, wrong, first, three } = tally
  console.log(
    `${level.padEnd(6)}${share(refused)} ${share(right)}   ${share(wrong)} ${share(first)}  ${share(three)}`,
  )
}
console.log('goals, usual: mark right 0.95, lens among three 0.95')
await vision.stop()
