import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutboxEntry } from '../outbox.ts'
import { dayOf, type Form } from './form.ts'
import { type FileName, nameOf, parseName } from './names.ts'
import { readTail } from './tail.ts'

export interface DayFilesOptions {
  readonly dir: string
  readonly form: Form
  /** A file that reaches this is closed. */
  readonly maxBytes: number
  /** Entries that `write` is given at most. */
  readonly window: number
  /** Called with the path of every file that is closed, at start also of those that were before. */
  readonly closed: (path: string) => void
}

/** The file that grows. */
interface Growing {
  readonly file: FileHandle
  readonly name: FileName
  bytes: number
  last: number
}

const DAY_MS = 86_400_000

/**
 * The files of one form. Each holds a stretch of one epoch without a gap, of one day (UTC), in order; its name says
 * which. What `write` returned from is on disk, once.
 */
export class DayFiles {
  readonly #options: DayFilesOptions
  #growing: Growing | undefined
  /** Newest sequence written, by epoch; undefined: it must be read from the disk first. */
  #written: Map<string, number> | undefined

  constructor(options: DayFilesOptions) {
    this.#options = options
  }

  /** The day of the file that grows. */
  get day(): string | undefined {
    return this.#growing?.name.day
  }

  /**
   * Writes what is not written yet, in order, and syncs it.
   * @throws Error of the file system; what of it is on disk is found at the next call
   */
  async write(entries: readonly OutboxEntry[]): Promise<void> {
    try {
      this.#written ??= await this.#recover()
      const written = this.#written
      const fresh = entries.filter(({ epoch, sequence }) => sequence > (written.get(epoch) ?? 0))
      for (let from = 0; from < fresh.length; ) {
        const rest = fresh.slice(from)
        const stretch = await this.#take(rest)
        await this.#append(stretch, written)
        from += stretch.length
      }
    } catch (error) {
      await this.stop().catch(() => {})
      throw error
    }
  }

  /** Closes the file that grows, if there is one: it gets the name that it keeps. */
  async close(): Promise<void> {
    try {
      this.#written ??= await this.#recover()
      if (this.#growing !== undefined) await this.#finish(this.#growing)
    } catch (error) {
      await this.stop().catch(() => {})
      throw error
    }
  }

  /** Leaves the file that grows as it is; whoever writes next looks first how far it got. */
  async stop(): Promise<void> {
    const growing = this.#growing
    this.#growing = undefined
    this.#written = undefined
    await growing?.file.close()
  }

  /** As many of the entries as belong into one file, which is open then. */
  async #take(entries: readonly OutboxEntry[]): Promise<readonly OutboxEntry[]> {
    const [first] = entries
    if (first === undefined) return entries
    const growing = this.#growing
    if (growing !== undefined && !this.#fits(growing, first)) await this.#finish(growing)
    const { name } = this.#growing ?? (await this.#begin(first))
    const end = entries.findIndex(
      (entry, index) =>
        entry.sequence !== first.sequence + index || entry.epoch !== name.epoch || dayEnds(name.day, entry),
    )
    return end === -1 ? entries : entries.slice(0, Math.max(1, end))
  }

  #fits({ name, bytes, last }: Growing, entry: OutboxEntry): boolean {
    const follows = entry.epoch === name.epoch && entry.sequence === last + 1
    return follows && bytes < this.#options.maxBytes && !dayEnds(name.day, entry)
  }

  async #begin(entry: OutboxEntry): Promise<Growing> {
    const { dir, form } = this.#options
    const { epoch, sequence: first } = entry
    const name: FileName = { day: dayOf(entry), epoch, first, form: form.name }
    const file = await open(join(dir, nameOf(name)), 'wx+', 0o644)
    const growing = { file, name, bytes: 0, last: first - 1 }
    this.#growing = growing
    growing.bytes = await writeAll(file, form.header, 0)
    await syncDirectory(dir)
    return growing
  }

  async #append(entries: readonly OutboxEntry[], written: Map<string, number>): Promise<void> {
    const growing = this.#growing
    const last = entries.at(-1)
    if (growing === undefined || last === undefined) return
    const text = entries.map((entry) => this.#options.form.record(entry)).join('')
    growing.bytes += await writeAll(growing.file, text, growing.bytes)
    await growing.file.datasync()
    growing.last = last.sequence
    written.set(last.epoch, last.sequence)
  }

  async #finish({ file, name, last }: Growing): Promise<void> {
    const { dir, form } = this.#options
    await file.sync()
    this.#growing = undefined
    await file.close()
    const path = join(dir, nameOf({ ...name, last, rows: form.rows }))
    await rename(join(dir, nameOf(name)), path)
    await syncDirectory(dir)
    this.#options.closed(path)
  }

  /** The newest sequence of each epoch on disk; cuts off what a crash left half written. */
  async #recover(): Promise<Map<string, number>> {
    const { dir, form, closed } = this.#options
    await mkdir(dir, { recursive: true })
    const written = new Map<string, number>()
    const names = (await readdir(dir))
      .map(parseName)
      .filter((name) => name !== undefined)
      .filter((name) => name.form === form.name)
    for (const name of names) {
      if (name.last === undefined) continue
      written.set(name.epoch, Math.max(written.get(name.epoch) ?? 0, name.last))
      closed(join(dir, nameOf(name)))
    }
    for (const name of names.filter(({ last }) => last === undefined)) {
      // A second one only where somebody put it there.
      if (this.#growing !== undefined) await this.#finish(this.#growing)
      const growing = await this.#resume(name)
      if (growing === undefined) continue
      this.#growing = growing
      written.set(name.epoch, Math.max(written.get(name.epoch) ?? 0, growing.last))
    }
    return written
  }

  async #resume(name: FileName): Promise<Growing | undefined> {
    const { dir, form, window } = this.#options
    const path = join(dir, nameOf(name))
    const file = await open(path, 'r+')
    try {
      const { bytes, last } = await readTail(file, form, { ...name, unsure: window })
      if (last === undefined) {
        await file.close()
        await rm(path)
        return undefined
      }
      await file.truncate(bytes)
      await file.sync()
      return { file, name, bytes, last }
    } catch (error) {
      await file.close()
      throw error
    }
  }
}

/**
 * Whether the entry belongs to another day than that of the file. Parts are stored in another order than they came, so
 * the first minutes of a day may still bring some of the day before; a clock that was set back begins another file.
 */
function dayEnds(day: string, entry: OutboxEntry): boolean {
  const behind = Date.parse(dayOf(entry)) - Date.parse(day)
  return behind > 0 || behind < -DAY_MS
}

/** @returns bytes written */
async function writeAll(file: FileHandle, text: string, position: number): Promise<number> {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }
  return bytes.length
}

async function syncDirectory(dir: string): Promise<void> {
  const directory = await open(dir)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
