import type { IncomingMessage } from 'node:http'
import { RepositoryAway } from './tuf-errors.ts'

/** The longest answer of the API, bytes. */
const ANSWER_BYTES = 512 * 1024

/** An answer's text. @throws RepositoryAway when it is too long */
export async function collected(answer: IncomingMessage, url: URL): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const piece of answer) {
    length += piece.length
    if (length > ANSWER_BYTES) {
      answer.destroy()
      throw new RepositoryAway('answer', `${url.pathname}: more than ${ANSWER_BYTES} bytes`)
    }
    parts.push(piece)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** RFC 9110 §10.2.3: seconds, or a date. @returns ms, at most a day; undefined: it does not say */
export function retryAfter(answer: IncomingMessage, wallMs: number): number | undefined {
  const said = answer.headers['retry-after']
  if (said === undefined) return undefined
  const ms = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - wallMs
  return Number.isFinite(ms) ? Math.min(86_400_000, Math.max(0, ms)) : undefined
}
