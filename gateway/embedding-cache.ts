import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Prototype } from './vision/gallery.ts'
import { PREPROCESSING } from './vision/preprocessing.ts'

/** Of a file: how many prototypes there are, and how long their vectors; then each with its angle; a SHA-256 of all at the end. */
const HEAD_BYTES = 4
const HASH_BYTES = 32

/**
 * What enrolled pictures put into the gallery, a file for each in a folder for each network: looking at a picture takes tens of
 * ms, reading this one. Nothing depends on it: what is missing, damaged, or of another network or preprocessing is made anew.
 */
export class EmbeddingCache {
  readonly #root: string
  #folder: string

  /** @param root a folder that holds nothing else @param embedder SHA-256 of the network that makes the vectors */
  constructor(root: string, embedder: string) {
    this.#root = root
    this.#folder = join(root, `${embedder.slice(0, 16)}-${PREPROCESSING}`)
  }

  /** @returns undefined for a picture that was not kept, or whose file cannot be read. Prototypes of nobody: `symbol` is empty. */
  async find(sha256: string): Promise<readonly Prototype[] | undefined> {
    const bytes = await readFile(join(this.#folder, sha256)).catch(() => undefined)
    return bytes === undefined ? undefined : decoded(bytes)
  }

  /** Whole or not at all; not flushed: what a power failure takes is made again. @throws the system's error */
  async keep(sha256: string, prototypes: readonly Prototype[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const path = join(this.#folder, sha256)
    await writeFile(`${path}.${process.pid}`, encoded(prototypes))
    await rename(`${path}.${process.pid}`, path)
  }

  /** Takes away what belongs to other networks, and to pictures that are not enrolled any more. @throws the system's error */
  async sweep(enrolled: ReadonlySet<string>): Promise<void> {
    for (const name of await namesIn(this.#root)) {
      const folder = join(this.#root, name)
      if (folder !== this.#folder) await rm(folder, { recursive: true, force: true })
    }
    for (const name of await namesIn(this.#folder)) {
      if (!enrolled.has(name)) await rm(join(this.#folder, name), { force: true })
    }
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
}

function encoded(prototypes: readonly Prototype[]): Uint8Array {
  const dimensions = prototypes[0]?.vector.length ?? 0
  const each = 2 + 4 * dimensions
  const bytes = Buffer.alloc(HEAD_BYTES + prototypes.length * each)
  bytes.writeUInt16LE(prototypes.length, 0)
  bytes.writeUInt16LE(dimensions, 2)
  for (const [index, { degrees, vector }] of prototypes.entries()) {
    const at = HEAD_BYTES + index * each
    bytes.writeInt16LE(degrees, at)
    for (const [d, part] of vector.entries()) bytes.writeFloatLE(part, at + 2 + 4 * d)
  }
  return Buffer.concat([bytes, digestOf(bytes)])
}

function decoded(bytes: Buffer): readonly Prototype[] | undefined {
  if (bytes.length < HEAD_BYTES + HASH_BYTES) return undefined
  const body = bytes.subarray(0, -HASH_BYTES)
  if (!digestOf(body).equals(bytes.subarray(-HASH_BYTES))) return undefined
  const [count, dimensions] = [body.readUInt16LE(0), body.readUInt16LE(2)]
  const each = 2 + 4 * dimensions
  if (body.length !== HEAD_BYTES + count * each) return undefined
  return Array.from({ length: count }, (_, index) => {
    const at = HEAD_BYTES + index * each
    const vector = Float32Array.from({ length: dimensions }, (_part, d) => body.readFloatLE(at + 2 + 4 * d))
    return { symbol: '', degrees: body.readInt16LE(at), vector }
  })
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
