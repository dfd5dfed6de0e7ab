/**
 * Cuts text out of simulated pictures of lenses, for training and for choosing: sheets of made-up text all over a lens, or
 * scenes as a station would see them. Needs the compiled project.
 *   node lens-crops.mjs --dist ../../../dist --kind sheets|scenes --count 100 --seed 1 --out crops/sheets
 * Writes OUT.jsonl, a line per box (text, box in its piece, size and place of the piece), and OUT.bin, the pieces' pixels.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { textFrom } from './texts.mjs'

const { values: options } = parseArgs({
  options: {
    dist: { type: 'string', default: new URL('../../../dist', import.meta.url).pathname },
    kind: { type: 'string', default: 'sheets' },
    count: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'crops' },
  },
})
const part = async (name) => await import(join(resolve(options.dist), 'drivers/simulated', `${name}.js`))
const [{ lensScene }, { renderLens }, { boxOf }, { Random }, { FONT }, { strokesOf, extentOf, textOf }] =
  await Promise.all(['lens-scene', 'lens-render', 'lens-marks', 'random', 'glyphs', 'lens-glyphs'].map(part))

const LEVELS = ['usual', 'usual', 'usual', 'hard', 'clean']
/** mm between the middles of the cells of a sheet. */
const CELL = { uMm: 12.5, vMm: 4.6 }

/** Text in the simulation's strokes, its letters wider or narrower, leaning, and set closer or wider. */
function written(text, random) {
  const [aspect, lean, gap] = [
    random.between(0.7, 1.25),
    random.between(-0.15, 0.2),
    random.between(1.6, 3.6),
  ]
  const strokes = []
  let pen = 0
  for (const character of text) {
    if (character === ' ') {
      pen += random.between(3, 6)
      continue
    }
    const drawn = strokesOf(FONT[character])
    const xs = drawn.flatMap((stroke) => stroke.map(([x]) => x))
    const left = Math.min(...xs)
    for (const stroke of drawn) {
      strokes.push(stroke.map(([x, y]) => [(x - left + pen) * aspect + (10 - y) * lean, y]))
    }
    pen += Math.max(...xs) - left + gap
  }
  return { label: text, strokes }
}

/** A lens with text wherever it can stand; every twelfth place stays empty. */
function sheet(random) {
  const level = LEVELS[Math.floor(random.uniform() * LEVELS.length)]
  const scene = lensScene({ level, symbol: 'none', alignment: 'none' }, random)
  const [lens] = scene.lenses
  const engravings = []
  const boxes = []
  for (let v = -26; v <= 26; v += CELL.vMm) {
    for (let u = -25; u <= 25; u += CELL.uMm) {
      if ((u / (lens.edge.semiUMm - 7)) ** 2 + (v / (lens.edge.semiVMm - 3)) ** 2 > 1) continue
      const text = textFrom(random, (character) => Object.hasOwn(FONT, character))
      const what = random.chance(0.5) ? textOf(text) : written(text, random)
      const [left, top, right, bottom] = extentOf(what)
      const heightMm = random.between(1.2, 3)
      const mmPerUnit = Math.min(heightMm / Math.max(bottom - top, 5), 10.5 / (right - left))
      const engraving = {
        kind: 'text',
        label: text,
        what,
        uMm: u + random.between(-0.5, 0.5),
        vMm: v + random.between(-0.4, 0.4),
        mmPerUnit,
        lineMm: random.between(0.1, 0.2),
      }
      const empty = random.chance(1 / 12)
      if (!empty) engravings.push(engraving)
      boxes.push({ text: empty ? '' : text, box: boxOf(lens.pose, engraving) })
    }
  }
  return { boxes, picture: renderLens({ ...scene, lenses: [{ ...lens, engravings }] }) }
}

/** A lens as it is drawn by default: every other one with text of our own. */
function scene(random) {
  const level = random.chance(0.8) ? 'usual' : 'hard'
  const own = random.chance(0.5)
  const writes = () => textFrom(random, (character) => Object.hasOwn(FONT, character))
  const drawn = lensScene({ level, ...(own ? { addition: writes(), nasalText: writes() } : {}) }, random)
  const boxes = drawn.truth.lenses.flatMap(({ engravings }) =>
    engravings
      .filter(({ kind, covered }) => kind === 'text' && covered === 0)
      .map(({ label, box }) => ({ text: label, box })),
  )
  return { boxes, picture: renderLens(drawn) }
}

const kinds = { sheets: sheet, scenes: scene }
const make = kinds[options.kind]
if (make === undefined) throw new RangeError(`kind: "${options.kind}": expected sheets or scenes`)
const lines = openSync(`${options.out}.jsonl`, 'w')
const bytes = openSync(`${options.out}.bin`, 'w')
let at = 0
for (let number = 0; number < Number(options.count); number += 1) {
  const { boxes, picture } = make(new Random(Number(options.seed), number))
  for (const { text, box } of boxes) {
    const reach = Math.ceil(Math.hypot(box.width, box.height) / 2 + 0.8 * box.height + 10)
    const left = Math.max(0, Math.floor(box.x) - reach)
    const top = Math.max(0, Math.floor(box.y) - reach)
    const width = Math.min(picture.width, Math.ceil(box.x) + reach) - left
    const height = Math.min(picture.height, Math.ceil(box.y) + reach) - top
    const line = {
      text,
      at,
      width,
      height,
      box: { ...box, x: box.x - left, y: box.y - top },
      picture: number,
    }
    writeSync(lines, `${JSON.stringify(line)}\n`)
    for (let y = 0; y < height; y += 1) {
      const from = (top + y) * picture.width + left
      writeSync(bytes, picture.pixels, from, width)
    }
    at += width * height
  }
}
closeSync(lines)
closeSync(bytes)
