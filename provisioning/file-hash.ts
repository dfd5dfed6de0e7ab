import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** Whether a file is the one that was signed. @param expected SHA-256 or SHA-512, hex */
export async function hasHash(file: string, expected: string): Promise<boolean> {
  const hash = createHash(expected.length === 128 ? 'sha512' : 'sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex') === expected
}
