import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { KeyError } from './device-key.ts'
import { secretFile, secretIn } from './secret-file.ts'

/** What a label is stuck to. */
export interface Labelled {
  readonly kind: 'lot' | 'part'
  /** Of the lot, or of the inspection. */
  readonly id: string
}

const KEY_BYTES = 32
/** HMAC-SHA256 cut to half, the least that RFC 2104 §5 allows: 128 bits that nobody guesses. */
const TAG_BYTES = 16
/** Of the form of tokens: another algorithm is another version, and old labels stay readable. */
const VERSION = '1'
const LETTERS = { lot: 'l', part: 'p' } as const
const TOKEN = /^1([lp])-([A-Za-z0-9._-]{1,64})\.([A-Za-z0-9_-]{22})$/
/** No token is longer. */
export const LONGEST_TOKEN = 3 + 64 + 1 + 22

/** Makes and reads what stands on labels: it names a lot or a part of this station, and only the station can make it. */
export class LabelTokens {
  readonly #key: Buffer

  private constructor(key: Buffer) {
    this.#key = key
  }

  /** With the key of a data directory, made at the first start. @throws KeyError, or what the file system throws */
  static async open(dataDir: string): Promise<LabelTokens> {
    const path = fileIn(dataDir)
    return LabelTokens.#over(
      await secretFile(path, () => `${randomBytes(KEY_BYTES).toString('hex')}\n`),
      path,
    )
  }

  /** Undefined where the station never started: only it makes the key. @throws KeyError */
  static async in(dataDir: string): Promise<LabelTokens | undefined> {
    const path = fileIn(dataDir)
    const content = await secretIn(path)
    return content === undefined ? undefined : LabelTokens.#over(content, path)
  }

  static #over(content: string, path: string): LabelTokens {
    const digits = content.trim()
    if (!/^[0-9a-f]{64}$/.test(digits)) {
      throw new KeyError(
        `${path}: expected 64 hex digits: put back the file that was there, or labels in use lead nowhere`,
      )
    }
    return new LabelTokens(Buffer.from(digits, 'hex'))
  }

  /** URL-safe, at most `LONGEST_TOKEN` characters. */
  token({ kind, id }: Labelled): string {
    const token = `${VERSION}${LETTERS[kind]}-${id}.${this.#tag({ kind, id }).toString('base64url')}`
    if (!TOKEN.test(token))
      throw new RangeError(`${kind} ${id}: expected 1 to 64 of letters, digits, ., _ and -`)
    return token
  }

  /** Undefined for what this station did not make. Takes as long for a wrong tag as for a right one. */
  read(token: string): Labelled | undefined {
    const [, letter, id, tag] = TOKEN.exec(token) ?? []
    if (id === undefined || tag === undefined) return undefined
    const labelled: Labelled = { kind: letter === LETTERS.lot ? 'lot' : 'part', id }
    const given = Buffer.from(tag, 'base64url')
    // The last character of 22 holds four bits that say nothing: only one spelling counts.
    if (given.toString('base64url') !== tag) return undefined
    return timingSafeEqual(given, this.#tag(labelled)) ? labelled : undefined
  }

  #tag({ kind, id }: Labelled): Buffer {
    const mac = createHmac('sha256', this.#key).update(`poincon.label/${VERSION}\n${kind}\n${id}`)
    return mac.digest().subarray(0, TAG_BYTES)
  }
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'label-key')
}
