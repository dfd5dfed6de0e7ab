import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { posix } from 'node:path'
import { createGunzip } from 'node:zlib'
import { extract, Parser, type ReadEntry } from 'tar'
import { IntegrityError, storageError } from './tuf-errors.ts'
import { runChild, troubleOf } from './update-child.ts'

/** What an archive may hold at most. */
export interface UnpackLimits {
  /** Bytes of the whole, unpacked. */
  readonly bytes: number
  readonly entries: number
  /** Whether it may hold symbolic links; true where not said. */
  readonly links?: boolean
}

export const RELEASE_LIMITS: UnpackLimits = { bytes: 3e9, entries: 200_000 }
const MAX_PATH = 1000
const SETUID_SETGID = 0o6000
const SYNC_MS = 600_000

/**
 * Unpacks a `.tar` or `.tar.gz` into an empty folder, after all of it was looked through: only files, folders and
 * symbolic links that stay inside, no name twice, nothing beneath a link. What is there is on the disk when this
 * returns.
 * @returns bytes of its files
 * @throws IntegrityError for an archive that is not as it should be; StorageError
 */
export async function unpack(
  file: string,
  into: string,
  { limits = RELEASE_LIMITS, signal }: { readonly limits?: UnpackLimits; readonly signal: AbortSignal },
): Promise<number> {
  const bytes = await lookThrough(file, limits, signal)
  // A release is read by users of other groups; what the unit's own mask is, is for the updater's notes.
  const before = process.umask(0o022)
  try {
    await extract({ file, cwd: into, strict: true, preserveOwner: false, noMtime: true, umask: 0o022 })
  } catch (error) {
    throw storageError(error, `unpacking into ${into}`)
  } finally {
    process.umask(before)
  }
  signal.throwIfAborted()
  await syncAll(into, signal)
  return bytes
}

/** @returns bytes of its files @throws IntegrityError */
export async function lookThrough(file: string, limits: UnpackLimits, signal: AbortSignal): Promise<number> {
  const look = new Look(limits)
  const parser = new Parser({ strict: true, onReadEntry: (entry) => look.at(entry) })
  parser.on('error', (error: unknown) => look.refuse(messageOf(error)))
  const source = createReadStream(file, { signal })
  const stream = (await isGzip(file)) ? source.pipe(createGunzip()) : source
  source.on('error', (error) => stream.destroy(error))
  try {
    for await (const chunk of stream) {
      look.took(chunk.length)
      parser.write(chunk)
      if (look.refused !== undefined) break
    }
    if (look.refused === undefined) parser.end()
  } catch (error) {
    signal.throwIfAborted()
    look.refuse(messageOf(error))
  } finally {
    source.destroy()
  }
  look.finish()
  if (look.refused !== undefined) throw new IntegrityError('malformed', `${file}: ${look.refused}`)
  return look.bytes
}

/** Looks at each entry of an archive, and keeps the first thing that is wrong. */
class Look {
  readonly #limits: UnpackLimits
  readonly #seen = new Set<string>()
  readonly #links = new Set<string>()
  bytes = 0
  refused: string | undefined
  #read = 0

  constructor(limits: UnpackLimits) {
    this.#limits = limits
  }

  refuse(why: string): void {
    this.refused ??= why
  }

  /** Bytes of the archive itself, unpacked: headers and padding of nothing are bytes too. */
  took(bytes: number): void {
    this.#read += bytes
    if (this.#read > this.#limits.bytes + this.#limits.entries * 1024)
      this.refuse(`unpacks to more than ${this.#limits.bytes} bytes`)
  }

  at(entry: ReadEntry): void {
    this.#check(entry)
    entry.resume()
  }

  finish(): void {
    if (this.#seen.size === 0) this.refuse('holds nothing')
    for (const path of this.#seen) {
      const beneath = parentsOf(path).find((parent) => this.#links.has(parent))
      if (beneath !== undefined) this.refuse(`${path}: lies beneath the link ${beneath}`)
    }
  }

  #check(entry: ReadEntry): void {
    const path = posix.normalize(entry.path).replace(/\/$/, '')
    const wrong = pathProblem(entry.path) ?? this.#typeProblem(entry, path)
    if (wrong !== undefined) this.refuse(`${JSON.stringify(entry.path.slice(0, MAX_PATH))}: ${wrong}`)
    if (path === '.') return
    if (this.#seen.has(path) && entry.type !== 'Directory') this.refuse(`${path}: is there twice`)
    this.#seen.add(path)
    this.bytes += entry.size
    if (this.#seen.size > this.#limits.entries) this.refuse(`more than ${this.#limits.entries} entries`)
    if (this.bytes > this.#limits.bytes) this.refuse(`unpacks to more than ${this.#limits.bytes} bytes`)
  }

  #typeProblem({ type, linkpath = '', mode = 0 }: ReadEntry, path: string): string | undefined {
    if ((mode & SETUID_SETGID) !== 0) return 'runs as somebody else: expected no setuid or setgid bit'
    if (type === 'Directory' || type === 'File' || type === 'OldFile' || type === 'ContiguousFile') return
    if (type !== 'SymbolicLink') return `${type}: expected a file, a folder or a symbolic link`
    if (this.#limits.links === false) return 'SymbolicLink: expected a file or a folder'
    this.#links.add(path)
    // By way of another link, `..` leads elsewhere than it reads.
    if (returnsLate(linkpath)) return `leads to ${linkpath}: expected .. before the first name alone`
    const target = posix.normalize(posix.join(posix.dirname(path), linkpath))
    const leaves =
      linkpath === '' || posix.isAbsolute(linkpath) || target === '..' || target.startsWith('../')
    return leaves ? `leads to ${linkpath}: expected a place inside the archive` : undefined
  }
}

function pathProblem(path: string): string | undefined {
  if (path === '' || path.length > MAX_PATH) return `${path.length} characters: expected 1 to ${MAX_PATH}`
  if (posix.isAbsolute(path) || /^[A-Za-z]:/.test(path)) return 'expected a relative path'
  if (path.split('/').includes('..')) return 'expected no ..'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  return /[\\\u0000-\u001f\u007f]/.test(path) ? 'expected no backslash and no control character' : undefined
}

/** Whether `..` follows a name. */
function returnsLate(linkpath: string): boolean {
  const parts = linkpath.split('/').filter((part) => part !== '' && part !== '.')
  return (
    parts.lastIndexOf('..') > parts.findIndex((part) => part !== '..') && parts.some((part) => part !== '..')
  )
}

function parentsOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await handle.close()
  }
}

/** syncfs(2), by coreutils: thousands of files, one call. @throws StorageError */
async function syncAll(folder: string, signal: AbortSignal): Promise<void> {
  const args = ['-f', folder]
  const end = await runChild({ command: 'sync', args, timeoutMs: SYNC_MS, maxBytes: 1000, signal })
  signal.throwIfAborted()
  const trouble = troubleOf('sync', end, SYNC_MS)
  if (trouble !== undefined) throw storageError(new Error(trouble), `syncing ${folder}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
