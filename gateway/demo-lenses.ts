import sharp from 'sharp'
import { DEMO_GALLERY, type Engravable, extentOf } from '../drivers/simulated/lens-glyphs.ts'
import type { CatalogueFile } from './catalogue-file.ts'
import type { Lens } from './lens.ts'
import { lensesOf } from './store/catalogue/catalogue.ts'
import { keepExamples } from './store/catalogue/gallery.ts'
import { linkSymbol, tagSymbol } from './store/catalogue/links.ts'
import { goLive, stage } from './store/catalogue/staging.ts'
import { exampleKeys } from './store/catalogue/symbols.ts'
import { transaction } from './store/catalogue/transaction.ts'
import type { Database } from './store/database.ts'

/** Name of the made-up supplier, of the source that its lenses come from, and of the tag of its symbols. */
const DEMO = 'Demo'
const INDICES = [1.5, 1.6, 1.67] as const

/**
 * Gives a catalogue in which nobody has enrolled anything the demonstration's symbols, and made-up lenses that carry them:
 * what the simulated camera shows.
 * @param at RFC 3339
 * @returns how many symbols; 0 where the catalogue was in use
 * @throws StoreError
 */
export async function seedDemo(
  catalogue: Pick<CatalogueFile, 'reader' | 'writing'>,
  at: string,
): Promise<number> {
  if ((await exampleKeys(await catalogue.reader())).length > 0) return 0
  const drawn: { label: string; picture: Uint8Array }[] = []
  for (const what of DEMO_GALLERY) drawn.push({ label: what.label, picture: await pictureOf(what) })
  // All or nothing: half of a demonstration would be taken for a catalogue in use.
  await catalogue.writing((database) => transaction(database, () => putDemo(database, drawn, at)))
  return DEMO_GALLERY.length
}

async function putDemo(
  database: Database,
  drawn: readonly { readonly label: string; readonly picture: Uint8Array }[],
  at: string,
): Promise<void> {
  for (const { label, picture } of drawn) {
    await keepExamples(database, label, [picture], { by: DEMO, at })
    await tagSymbol(database, label, [DEMO])
  }
  await stage(database, DEMO, DEMO_GALLERY.flatMap(demoLenses))
  await goLive(database, DEMO, at)
  await linkAll(database, at)
}

function demoLenses({ label }: Engravable): Lens[] {
  return INDICES.map((index) => ({
    supplier: DEMO,
    name: `${label} ${index}`,
    index,
    material: 'organic',
    treatments: [],
    marks: [],
  }))
}

async function linkAll(database: Database, at: string): Promise<void> {
  for (const { id, name } of await lensesOf(database, { supplier: DEMO })) {
    const symbol = name.slice(0, name.lastIndexOf(' '))
    await linkSymbol(database, { lens: id, symbol }, { validatedBy: DEMO, at })
  }
}

/** Pixels along the longer side, without the margin; thickness of the pen. */
const SIZE = 160
const PEN = 6

/** A symbol as a printed reference shows it: black on white, PNG. @throws RangeError for one that is no strokes */
export async function pictureOf(what: Engravable): Promise<Uint8Array> {
  if (!('strokes' in what)) throw new RangeError(`${what.label}: expected strokes, not a picture`)
  const [left, top, right, bottom] = extentOf(what)
  const scale = SIZE / Math.max(right - left, bottom - top)
  const lines = what.strokes.map((stroke) => {
    const points = stroke.map(
      ([x, y]) => `${((x - left) * scale).toFixed(2)},${((y - top) * scale).toFixed(2)}`,
    )
    return `<polyline points="${points.join(' ')}"/>`
  })
  const [width, height] = [(right - left) * scale + 4 * PEN, (bottom - top) * scale + 4 * PEN]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width.toFixed(0)}" height="${height.toFixed(0)}">
    <rect width="100%" height="100%" fill="#fff"/>
    <g transform="translate(${2 * PEN} ${2 * PEN})" fill="none" stroke="#000" stroke-width="${PEN}"
      stroke-linecap="round" stroke-linejoin="round">${lines.join('')}</g></svg>`
  return await sharp(Buffer.from(svg)).flatten({ background: '#fff' }).png().toBuffer()
}
