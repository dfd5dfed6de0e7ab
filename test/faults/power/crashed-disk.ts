import type { Random } from '../../../drivers/simulated/random.ts'
import type { Call, Recorded } from './trace.ts'

/** What a power cut does with whatever was written since the last sync of a file. */
export type Cut =
  /** Nothing of it reached the disk. */
  | 'dropped'
  /** Some of it did, sector by sector, in any order. */
  | 'partial'
  /** All of it did. */
  | 'kept'

/** Sectors are written whole (SQLite's own assumption without power-safe overwrite is not asked for). */
const SECTOR = 512

type Change = Extract<Call, { kind: 'write' | 'truncate' }>
type Naming = Extract<Call, { kind: 'create' | 'rename' | 'unlink' }>

interface Pending<T> {
  readonly change: T
  readonly doneAt: number
}

/** One file, whatever it is called. */
class File {
  /** What is on the disk for certain. */
  durable = Buffer.alloc(0)
  pending: Pending<Change>[] = []

  sync(beganAt: number): void {
    const covered = this.pending.filter(({ doneAt }) => doneAt < beganAt)
    for (const { change } of covered) this.durable = applied(this.durable, change)
    this.pending = this.pending.filter(({ doneAt }) => doneAt >= beganAt)
  }

  after(cut: Cut, random: Random): Buffer {
    let content = Buffer.from(this.durable)
    if (cut === 'dropped') return content
    for (const { change } of this.pending) {
      if (cut === 'kept') content = applied(content, change)
      else if (change.kind === 'truncate') content = random.chance(0.5) ? applied(content, change) : content
      else content = partly(content, change, random)
    }
    return content
  }
}

function applied(content: Buffer<ArrayBuffer>, change: Change): Buffer<ArrayBuffer> {
  if (change.kind === 'truncate') return resized(content, change.size)
  const whole = resized(content, Math.max(content.length, change.offset + change.bytes.length))
  change.bytes.copy(whole, change.offset)
  return whole
}

/** The sectors of a write that reached the disk. What a later write covers and loses is this one's: any order. */
function partly(
  content: Buffer<ArrayBuffer>,
  { path, offset, bytes }: Extract<Change, { kind: 'write' }>,
  random: Random,
): Buffer<ArrayBuffer> {
  // All, none, or a torn one: the torn ones alone would leave nearly no write whole.
  const torn = random.chance(0.3)
  const whole = random.chance(0.5)
  let after = content
  for (let from = 0; from < bytes.length; from += SECTOR) {
    if (!(torn ? random.chance(0.5) : whole)) continue
    const sector = bytes.subarray(from, from + SECTOR)
    after = applied(after, { kind: 'write', path, offset: offset + from, bytes: sector })
  }
  return after
}

function resized(content: Buffer<ArrayBuffer>, size: number): Buffer<ArrayBuffer> {
  if (size === content.length) return content
  if (size < content.length) return content.subarray(0, size)
  const larger = Buffer.alloc(size)
  content.copy(larger)
  return larger
}

/**
 * The disk under a recorded process, as pessimistic as POSIX allows: what a file holds is safe when the file was synced
 * after the write had returned; what a file is called is safe when its directory was.
 */
export class CrashedDisk {
  readonly #folder: string
  #names = new Map<string, File>()
  #safeNames = new Map<string, File>()
  #namings: Pending<Naming & { readonly file: File | undefined }>[] = []

  /** @param folder the only directory */
  constructor(folder: string) {
    this.#folder = folder
  }

  apply({ call, beganAt, doneAt }: Recorded): void {
    switch (call.kind) {
      case 'write':
      case 'truncate':
        this.#names.get(call.path)?.pending.push({ change: call, doneAt })
        return
      case 'sync':
        this.#sync(call.path, beganAt)
        return
      case 'create':
        if (this.#names.has(call.path)) return
        this.#name({ ...call, file: new File() }, doneAt)
        return
      case 'rename':
      case 'unlink':
        this.#name({ ...call, file: this.#names.get(call.path) }, doneAt)
        return
      case 'acknowledge':
    }
  }

  /** The files that a power cut at this instant leaves, by name within the folder. */
  after(cut: Cut, random: Random): ReadonlyMap<string, Buffer> {
    const names = new Map(this.#safeNames)
    // A file system with a journal keeps the order of names; how many of them it kept is its secret.
    const kept = {
      dropped: 0,
      partial: Math.floor(random.between(0, this.#namings.length + 1)),
      kept: Infinity,
    }
    for (const { change } of this.#namings.slice(0, kept[cut])) renamed(names, change)
    return new Map(
      [...names].map(([path, file]) => [path.slice(this.#folder.length + 1), file.after(cut, random)]),
    )
  }

  #name(change: Naming & { readonly file: File | undefined }, doneAt: number): void {
    renamed(this.#names, change)
    this.#namings.push({ change, doneAt })
  }

  #sync(path: string, beganAt: number): void {
    if (path !== this.#folder) {
      this.#names.get(path)?.sync(beganAt)
      return
    }
    const covered = this.#namings.filter(({ doneAt }) => doneAt < beganAt)
    for (const { change } of covered) renamed(this.#safeNames, change)
    this.#namings = this.#namings.filter(({ doneAt }) => doneAt >= beganAt)
  }
}

function renamed(names: Map<string, File>, change: Naming & { readonly file: File | undefined }): void {
  const { kind, path, file } = change
  if (kind !== 'create') names.delete(path)
  if (kind !== 'unlink' && file !== undefined) names.set(kind === 'rename' ? change.to : path, file)
}
