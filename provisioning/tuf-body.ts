import type { IncomingMessage } from 'node:http'
import { IntegrityError } from './tuf-errors.ts'

/** So much is held at most before the far end is made to wait, bytes. */
const HELD_BYTES = 262_144

/** The bytes behind an answer's head. */
export interface Body {
  /** @returns the next piece, as soon as there is one; undefined: that was all @throws what broke it off */
  next(): Promise<Buffer | undefined>
}

/**
 * Takes over what comes behind an answer's head. A stream that breaks off throws away what nobody has read yet; so it is
 * read as it comes, and a download that is cut again and again still gets on.
 */
export function bodyOf(answer: IncomingMessage): Body {
  const pieces: Buffer[] = []
  let held = 0
  let end: { readonly error?: Error } | undefined
  let wake = (): void => {}
  const over = (error?: Error): void => {
    end ??= error === undefined ? {} : { error }
    wake()
  }
  answer.on('data', (piece: Buffer) => {
    pieces.push(piece)
    held += piece.length
    if (held >= HELD_BYTES) answer.pause()
    wake()
  })
  answer.on('end', () => over())
  answer.on('error', over)
  answer.on('close', () => over(new Error('closed before its end')))
  return {
    async next() {
      while (pieces.length === 0 && end === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const piece = pieces.shift()
      if (piece === undefined && end?.error !== undefined) throw end.error
      held -= piece?.length ?? 0
      if (pieces.length === 0) answer.resume()
      return piece
    },
  }
}

/**
 * All of it, in memory.
 * @throws IntegrityError `endless` when more than `maxLength` bytes come, and what broke it off
 */
export async function wholeOf(url: URL, pieces: AsyncIterable<Buffer>, maxLength: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const piece of pieces) {
    length += piece.length
    if (length > maxLength) {
      throw new IntegrityError('endless', `${url}: more than ${maxLength} bytes, the most it may have`)
    }
    parts.push(piece)
  }
  return Buffer.concat(parts)
}
