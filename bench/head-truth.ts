/**
 * What a head learnt on the device is worth: of 36 of the 48 symbols five drawings are enrolled and learnt from, their other
 * drawings and all of the 12 left out are asked. Split by drawing, five draws. Every drawing was among those that the network
 * itself was trained on, so that prototypes err little; what a station's own hands do, its own trial says.
 *   POINCON_SHARED=… node dist/bench/head-truth.js
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Random } from '../drivers/simulated/random.ts'
import { labelledPictures } from '../gateway/labelled-pictures.ts'
import { openSymbolReader } from '../gateway/symbol-reader.ts'
import { decide, standingOf } from '../gateway/vision/decision.ts'
import { evaluate } from '../gateway/vision/evaluation.ts'
import { galleryOf, nearest } from '../gateway/vision/gallery.ts'
import { type Head, scored } from '../gateway/vision/head.ts'
import type { LabelledPicture } from '../gateway/vision/head-fit.ts'
import { trained } from '../gateway/vision/head-trial.ts'
import { readPicture } from '../gateway/vision/picture.ts'

const MODEL = fileURLToPath(new URL('../../models/engraving-embedder/', import.meta.url))
/** Not those on which the head's constants were chosen (1 to 3). */
const SEEDS = [11, 12, 13, 14, 15]
const KNOWN = 36
const ENROLLED = 5

const shared = process.env.POINCON_SHARED
if (shared === undefined) {
  console.log('POINCON_SHARED names no folder with the drawings: nothing is measured')
  process.exit(0)
}
const { reader, rule, close } = await openSymbolReader(MODEL, {
  ...{ providers: ['cpu'], threads: 1, refused: () => {} },
})
const pictures: LabelledPicture[] = []
for (const { symbol, file } of await labelledPictures(join(shared, 'data/engravings/drawings'))) {
  const bytes = await readFile(file)
  const prototypes = await reader.prototypes(await readPicture(bytes, file), symbol)
  pictures.push({ symbol, name: file, sha256: createHash('sha256').update(bytes).digest('hex'), prototypes })
}
await close()

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, key: random.uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

console.log('seed          top-1   AUROC  named  rejected   its own trial')
for (const seed of SEEDS) {
  const random = new Random(seed)
  const symbols = shuffled([...new Set(pictures.map(({ symbol }) => symbol))].sort(), random).slice(0, KNOWN)
  const drawn = symbols.map((symbol) =>
    shuffled(
      pictures.filter((picture) => picture.symbol === symbol),
      random,
    ),
  )
  const enrolled = drawn.flatMap((of) => of.slice(0, ENROLLED))
  const asked = drawn.flatMap((of) => of.slice(ENROLLED))
  const strange = pictures.filter(({ symbol }) => !symbols.includes(symbol))
  const beganAt = performance.now()
  const { head, trial } = trained(enrolled, rule)
  const seconds = ((performance.now() - beganAt) / 1000).toFixed(1)
  const { verdict, chance, known } = trial
  const its = `${verdict}: ${known.prototypes} → ${known.head} of ${known.asked}, chance ${chance.toFixed(2)}, ${seconds} s`
  say(`${seed} prototypes`, { enrolled, asked, strange })
  say(`${seed} head`, { enrolled, asked, strange }, head, its)
}

interface Draw {
  readonly enrolled: readonly LabelledPicture[]
  readonly asked: readonly LabelledPicture[]
  /** Of symbols that are not enrolled. */
  readonly strange: readonly LabelledPicture[]
}

function say(name: string, { enrolled, asked, strange }: Draw, head?: Head, more = ''): void {
  const gallery = galleryOf(enrolled.flatMap(({ prototypes }) => prototypes))
  const answers = (of: readonly LabelledPicture[]) =>
    of.flatMap(({ symbol: truth, prototypes: [upright] }) => {
      if (upright === undefined) return []
      const { vector } = upright
      const search = { most: 64, turnPenaltyPer45Deg: rule.turn_penalty_per_45_deg }
      const candidates = scored(nearest(gallery, vector, search), vector, head)
      return [{ truth, candidates, standing: standingOf(candidates, rule), said: decide(candidates, rule) }]
    })
  const [known, unknown] = [answers(asked), answers(strange)]
  const { top1, unknown: open } = evaluate(
    known,
    unknown.map(({ standing }) => standing),
  )
  const named = known.filter(({ truth, said }) => said.kind === 'known' && said.symbol === truth).length
  const rejected = unknown.filter(({ said }) => said.kind === 'unknown').length
  const shares = [top1, open?.auroc ?? 0, named / known.length, rejected / unknown.length]
  console.log(`${name.padEnd(14)}${shares.map((share) => share.toFixed(4)).join('  ')}   ${more}`)
}
