import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import type { Test } from 'tap'
import { CatalogueFile } from '../../gateway/catalogue-file.ts'
import { EngravingDesk } from '../../gateway/engraving-desk.ts'
import { galleryPlaces } from '../../gateway/engraving-places.ts'
import type { SymbolReader } from '../../gateway/engraving-search.ts'
import { openSymbolReader } from '../../gateway/symbol-reader.ts'
import { readPicture } from '../../gateway/vision/picture.ts'

const MODEL = fileURLToPath(new URL('../../../models/engraving-embedder/', import.meta.url))

/** Symbols that nobody sells, in a field of 100 by 100. */
export const SHAPES = {
  triangle: '<path d="M20 80 L50 20 L80 80 Z"/>',
  cross: '<path d="M50 15 V85 M15 50 H85"/>',
  eye: '<path d="M10 50 Q50 5 90 50 Q50 95 10 50 Z"/><circle cx="50" cy="50" r="12"/>',
  key: '<circle cx="28" cy="50" r="18"/><path d="M46 50 H92 M76 50 V70 M92 50 V66"/>',
} as const
export type Shape = keyof typeof SHAPES

/** A symbol as a PNG, as somebody draws it: its own size, stroke and slant. */
export function drawing(shape: Shape, { side = 120, stroke = 3, degrees = 0 } = {}): Promise<Buffer> {
  const turned = `<g transform="rotate(${degrees} 50 50)" fill="none" stroke="#000" stroke-width="${stroke}">${SHAPES[shape]}</g>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 120 120" width="${side}" height="${side}"><rect x="-10" y="-10" width="120" height="120" fill="#fff"/>${turned}</svg>`
  return sharp(Buffer.from(svg)).png().toBuffer()
}

/** Looks at pictures in this thread, with the model of the release. */
export async function symbolReader(t: Test): Promise<SymbolReader> {
  const { reader, close } = await openSymbolReader(MODEL, {
    providers: ['cpu'],
    threads: 1,
    refused: () => {},
  })
  t.teardown(close)
  return {
    match: async (picture, top) => await reader.match(await readPicture(picture), top),
    prototypes: async (picture, symbol) => await reader.prototypes(await readPicture(picture), symbol),
    setGallery: (prototypes, head) => reader.use(prototypes, typeof head === 'object' ? head : undefined),
  }
}

/** What every desk says that its network is. */
export const EMBEDDER = 'ab'.repeat(32)

/** A desk over a catalogue of its own, which goes with the test. @param dir of a desk before, which goes with its own test */
export async function deskOf(t: Test, reader?: SymbolReader, dir?: string) {
  const place = dir ?? (await mkdtemp(join(tmpdir(), 'poincon-desk-')))
  const { catalogue: file, ...places } = galleryPlaces(place)
  const catalogue = new CatalogueFile(file)
  t.teardown(async () => {
    await catalogue.close()
    if (dir === undefined) await rm(place, { recursive: true, force: true })
  })
  const leftOut: string[] = []
  const desk = new EngravingDesk({
    catalogue,
    reader: reader ?? (await symbolReader(t)),
    places: {
      ...places,
      embedder: () => Promise.resolve(EMBEDDER),
      notKept: (error) => {
        throw error
      },
    },
    leftOut: (symbol) => leftOut.push(symbol),
    wall: () => Date.UTC(2026, 10, 21, 12),
  })
  return { dir: place, file, catalogue, desk, leftOut, places }
}
