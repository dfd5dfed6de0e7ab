import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { ReleaseError } from './error.ts'
import type { Subject } from './provenance.ts'

/** SHA-256 of a file, hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

/** `SHA256SUMS`, as sha256sum(1) writes and checks it. */
export function sumsText(subjects: readonly Subject[]): string {
  const ordered = [...subjects].sort((a, b) => (a.name < b.name ? -1 : 1))
  return ordered.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('')
}

/** @throws ReleaseError where a line is none of sha256sum's */
export function sumsIn(text: string): readonly Subject[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, sha256, name] = /^([0-9a-f]{64}) [ *]([^/]+)$/.exec(line) ?? []
      if (sha256 === undefined || name === undefined) throw new ReleaseError(`SHA256SUMS: ${line}`)
      return { name, sha256 }
    })
}
