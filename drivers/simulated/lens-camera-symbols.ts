import { readdir } from 'node:fs/promises'
import { join, parse } from 'node:path'
import sharp from 'sharp'
import { type Engravable, inkOf } from './lens-glyphs.ts'

const PICTURES = /\.(png|jpe?g)$/i
const MAX_PIXELS = 4_000_000

/**
 * The pictures of a folder as what can be engraved: dark ink on white, each named as its file without the ending; in the
 * order of their names.
 * @throws RangeError where the folder holds no picture, or one without ink; the system's and the decoder's errors
 */
export async function readSymbols(folder: string): Promise<readonly Engravable[]> {
  const names = (await readdir(folder)).filter((name) => PICTURES.test(name)).sort()
  if (names.length === 0) throw new RangeError(`symbols: ${folder}: expected pictures, .png or .jpg`)
  const symbols: Engravable[] = []
  for (const name of names) symbols.push(await readSymbol(join(folder, name)))
  return symbols
}

async function readSymbol(path: string): Promise<Engravable> {
  const { name, base } = parse(path)
  try {
    const { data, info } = await sharp(path, { limitInputPixels: MAX_PIXELS })
      .flatten({ background: '#fff' })
      .toColourspace('b-w')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return inkOf(name, data, info.width, info.height)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new RangeError(`symbols: ${base}: ${detail}`, { cause: error })
  }
}
