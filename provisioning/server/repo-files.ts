import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { TargetFile } from '@tufjs/models'
import { isMissing, RepoError } from './repo-error.ts'
import type { RepoFolder } from './repo-folder.ts'

/** What a file holds. */
export interface Content {
  /** Bytes. */
  readonly length: number
  /** Hexadecimal. */
  readonly sha256: string
}

/** Where the web server keeps a target: its name begins with its hash, so that no two contents share an address. */
export function publicPath(path: string, sha256: string): string {
  const { dir, base } = posix.parse(path)
  return posix.join(dir, `${sha256}.${base}`)
}

/** Copies a file to where devices will fetch it, whole or not at all. @throws RepoError when it cannot be read */
export async function placeFile({ targets }: RepoFolder, path: string, source: string): Promise<Content> {
  const incoming = join(targets, `.incoming-${randomUUID()}`)
  await mkdir(targets, { recursive: true })
  try {
    try {
      await copyFile(source, incoming)
    } catch (error) {
      throw isMissing(error) ? new RepoError(`${source}: no such file`) : error
    }
    const content = await contentOf(incoming)
    if (content.length === 0) throw new RepoError(`${source}: empty`)
    await settle(incoming, join(targets, publicPath(path, content.sha256)))
    return content
  } finally {
    await rm(incoming, { force: true })
  }
}

async function settle(written: string, place: string): Promise<void> {
  await synced(written)
  await mkdir(dirname(place), { recursive: true })
  await rename(written, place)
  await synced(dirname(place))
}

async function synced(path: string): Promise<void> {
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Gives a published file a second address, without a second copy where the disk knows links. */
export async function linkFile({ targets }: RepoFolder, from: TargetFile, path: string): Promise<void> {
  const sha256 = from.hashes.sha256
  if (sha256 === undefined) throw new RepoError(`${from.path}: hashes.sha256: missing: expected one`)
  const [source, place] = [
    join(targets, publicPath(from.path, sha256)),
    join(targets, publicPath(path, sha256)),
  ]
  const { length, sha256: found } = await contentOf(source)
  if (length !== from.length || found !== sha256) {
    throw new RepoError(`${source}: ${length} bytes of sha256 ${found}: expected ${from.length} of ${sha256}`)
  }
  const incoming = join(targets, `.incoming-${randomUUID()}`)
  try {
    await link(source, incoming)
  } catch {
    await copyFile(source, incoming)
  }
  await settle(incoming, place)
  // rename(2) of two names of one file does nothing: the second promotion of the same target.
  await rm(incoming, { force: true })
}

export async function contentOf(file: string): Promise<Content> {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk)
    length += chunk.length
  }
  return { length, sha256: hash.digest('hex') }
}

/** The entry of a target in its role's metadata. */
export function targetEntry(
  path: string,
  { length, sha256 }: Content,
  custom?: Readonly<Record<string, string | number>>,
): TargetFile {
  return new TargetFile({
    ...{ path, length, hashes: { sha256 } },
    unrecognizedFields: custom === undefined ? {} : { custom: { ...custom } },
  })
}
