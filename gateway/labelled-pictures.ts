import { readdir } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'

const PICTURES = new Set(['.png', '.jpg', '.jpeg'])

/** A picture of a folder that holds some of each symbol. */
export interface Labelled {
  readonly symbol: string
  readonly file: string
}

/** Pictures by symbol, `DIR/SYMBOL/*.png` or `DIR/SYMBOL.png`, JPEG too, by name. @throws the system's error */
export async function labelledPictures(folder: string): Promise<readonly Labelled[]> {
  const found: Labelled[] = []
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name.localeCompare(b.name, 'en'),
  )) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const files = (await readdir(path)).filter(isPicture).sort()
      found.push(...files.map((file) => ({ symbol: entry.name, file: join(path, file) })))
    } else if (isPicture(entry.name)) {
      found.push({ symbol: basename(entry.name, extname(entry.name)), file: path })
    }
  }
  return found
}

function isPicture(name: string): boolean {
  return PICTURES.has(extname(name).toLowerCase())
}
