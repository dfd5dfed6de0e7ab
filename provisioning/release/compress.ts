import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { outputOf } from './run.ts'
import type { Tools } from './tools.ts'

/** Writes gzip without a name and a time in it. @returns SHA-256 of the file, hexadecimal, and its length */
export async function writeGzip(
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  const counted = new Transform({
    transform(piece: Uint8Array, _encoding, done): void {
      hash.update(piece)
      bytes += piece.length
      done(null, piece)
    },
  })
  await pipeline(Readable.from(content), createGzip({ level: 9 }), counted, createWriteStream(path))
  return { sha256: hash.digest('hex'), bytes }
}

/** The same in memory. */
export function gzipped(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return collected(Readable.from(content).pipe(createGzip({ level: 9 })))
}

/** All of a stream, in memory. */
export async function collected(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** xz of one thread: with several its bytes would depend on the builder's processors. */
export function xz(content: Uint8Array, tools: Tools): Promise<Uint8Array> {
  return outputOf('xz', ['--threads=1', '-6', '--stdout'], { input: content, env: tools.env })
}
