import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  FirmwareError,
  type FirmwareImage,
  imageOf,
  parseUldHeader,
  unpackImage,
} from '../drivers/vl53l8ch/firmware.ts'

/** What an image for the ranging heads is called as an update. */
export const RANGING_FIRMWARE = 'vl53l8ch'

/** Where `firmware import` puts the image, for every ranging head that names no file of its own. */
export function importedFirmware(dataDir: string): string {
  return join(dataDir, 'firmware', 'vl53l8ch.bin')
}

const PACKED = 'PCNTOFFW'

/**
 * The image in a file: ST's header, or what `firmware import` made of it.
 * @throws FirmwareError naming the file; the system's error when it cannot be read
 */
export async function readFirmware(file: string): Promise<FirmwareImage> {
  const bytes = await readFile(file)
  try {
    if (bytes.toString('latin1', 0, PACKED.length) === PACKED) return unpackImage(new Uint8Array(bytes))
    return imageOf(parseUldHeader(bytes.toString('utf8')))
  } catch (error) {
    if (!(error instanceof FirmwareError)) throw error
    throw new FirmwareError(`${file}: ${error.message}`, { cause: error })
  }
}
