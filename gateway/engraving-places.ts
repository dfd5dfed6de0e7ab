import { join } from 'node:path'

/** What belongs to the gallery of a station, within its data directory. */
export function galleryPlaces(dataDir: string) {
  return {
    catalogue: join(dataDir, 'catalogue.db'),
    cacheFolder: join(dataDir, 'embeddings'),
    headFile: join(dataDir, 'engraving-head.json'),
  }
}
