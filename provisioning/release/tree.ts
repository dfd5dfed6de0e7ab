import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'

/** Something that goes into an archive. Owner is root, and no time but that of the commit is told. */
export type Entry = Folder | PlainFile | Link

export interface Folder {
  readonly kind: 'folder'
  readonly path: string
}

export interface PlainFile {
  readonly kind: 'file'
  /** Relative, with `/`, without a leading `./`. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** 0o644 or 0o755; what the builder's umask made of the file does not count. */
  readonly mode: number
  readonly content: () => AsyncIterable<Uint8Array>
}

export interface Link {
  readonly kind: 'link'
  readonly path: string
  readonly target: string
}

/** A file whose content is at hand. */
export function textFile(path: string, text: string | Uint8Array, mode = 0o644): PlainFile {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return { kind: 'file', path, size: bytes.length, mode, content: () => Readable.from([bytes]) }
}

/**
 * Everything below a folder. Which files are programs is told by the caller, never by the disk: a package's archive
 * carries whatever modes its author's machine had.
 */
export async function entriesBelow(root: string, isProgram: (path: string) => boolean): Promise<Entry[]> {
  const found: Entry[] = []
  async function walk(folder: string): Promise<void> {
    for (const name of await readdir(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      const stat = await lstat(join(root, path))
      if (stat.isDirectory()) {
        found.push({ kind: 'folder', path })
        await walk(path)
      } else if (stat.isSymbolicLink()) {
        found.push({ kind: 'link', path, target: await readlink(join(root, path)) })
      } else if (stat.isFile()) {
        const content = (): AsyncIterable<Uint8Array> => createReadStream(join(root, path))
        found.push({ kind: 'file', path, size: stat.size, mode: isProgram(path) ? 0o755 : 0o644, content })
      }
    }
  }
  await walk('')
  return sorted(found)
}

/** The same entries below another folder. */
export function below(folder: string, entries: readonly Entry[]): Entry[] {
  return entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }))
}

/** Entries with all folders that lead to them, in the order of their bytes: a folder comes before what is in it. */
export function complete(entries: readonly Entry[]): Entry[] {
  const byPath = new Map<string, Entry>()
  for (const entry of entries) {
    const parts = entry.path.split('/')
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = parts.slice(0, depth).join('/')
      if (!byPath.has(path)) byPath.set(path, { kind: 'folder', path })
    }
    byPath.set(entry.path, entry)
  }
  return sorted([...byPath.values()])
}

/** By UTF-8 bytes: no locale of a builder has a say. */
function sorted(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}
