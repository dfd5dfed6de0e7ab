import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from './replace-file.ts'

/** In the data directory. */
export const UPDATER_TOKEN_FILE = 'update-token'

/** The station and its group, which the updater is of. */
const MODE = 0o640

/**
 * What the updater of this machine shows when it asks for the line: whoever can read it
 * may read the store as well. Another one at every start, so that an old copy opens nothing.
 */
export class UpdaterToken {
  readonly file: string
  readonly #token = randomBytes(32).toString('base64url')

  /** @param dataDir of the station */
  constructor(dataDir: string) {
    this.file = join(dataDir, UPDATER_TOKEN_FILE)
  }

  /** Leaves it for the updater. @throws Error when the file cannot be written: then nobody has the line */
  async write(): Promise<void> {
    await replaceFile(this.file, `${this.#token}\n`, MODE)
    // Whatever the umask left out.
    await chmod(this.file, MODE)
  }

  /** In a time that says nothing of where they differ. */
  isShown(text: string): boolean {
    return timingSafeEqual(hashOf(text), hashOf(this.#token))
  }
}

/** Of one length, whatever is shown. */
function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
