import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { codeOf } from './slots-pointer.ts'

/** Another updater works, or has taken the work over. */
export class LockedError extends Error {
  override readonly name = 'LockedError'
}

const holder = z.object({ pid: z.int().min(1), started: z.string(), boot: z.string() })
type Holder = Readonly<z.infer<typeof holder>>

/**
 * One updater at a time. The file gets its name by link(2), which fails where it is there; a holder is told dead by its
 * process id, the moment that process started, and the boot it started in, so that a process id that is used again
 * misleads nobody. Whoever holds it asks before each write whether it still does.
 */
export class UpdateLock {
  readonly #file: string
  /** What stands in the file, a number of its own in it: the file system gives an inode to the next one again. */
  readonly #text: string

  private constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
  }

  /** @throws LockedError when another process has it */
  static async take(file: string): Promise<UpdateLock> {
    await mkdir(dirname(file), { recursive: true })
    const token = randomUUID()
    const own = `${file}.${process.pid}.${token}`
    const me = await identity(process.pid)
    if (me === undefined) throw new Error(`/proc/${process.pid}: cannot be read: expected this process there`)
    const text = JSON.stringify({ ...me, token })
    await writeFile(own, text, { flag: 'wx', mode: 0o640 })
    try {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        if (await linked(own, file)) return new UpdateLock(file, text)
        await clearDead(file)
      }
      throw new LockedError(`${file}: taken by others again and again: try later`)
    } finally {
      await rm(own, { force: true })
    }
  }

  /** @throws LockedError when somebody took it for dead and has it now */
  async assertHeld(): Promise<void> {
    if ((await textOf(this.#file)) !== this.#text)
      throw new LockedError(`${this.#file}: another updater has taken over`)
  }

  async release(): Promise<void> {
    if ((await textOf(this.#file)) === this.#text) await rm(this.#file, { force: true })
  }
}

async function linked(own: string, file: string): Promise<boolean> {
  try {
    await link(own, file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Takes a dead holder's file away. @throws LockedError when the holder lives */
async function clearDead(file: string): Promise<void> {
  const seen = await textOf(file)
  if (seen === undefined) return
  const held = parsed(seen)
  if (held !== undefined && (await lives(held)))
    throw new LockedError(`an updater is at work already (process ${held.pid}; ${file})`)
  const away = `${file}.dead.${randomUUID()}`
  try {
    await rename(file, away)
    // Somebody else was quicker, and this is the file of one that lives.
    if ((await textOf(away)) !== seen) await linked(away, file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  } finally {
    await rm(away, { force: true })
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** What a power cut left without its content names nobody. */
function parsed(text: string): Holder | undefined {
  try {
    return holder.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

async function lives(one: Holder): Promise<boolean> {
  const now = await identity(one.pid)
  return now !== undefined && now.started === one.started && now.boot === one.boot
}

/** proc(5): field 22 of stat is when the process started, in ticks since boot; the name before it may hold anything. */
async function identity(pid: number): Promise<Holder | undefined> {
  try {
    const [text, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ])
    const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
    return started === undefined ? undefined : { pid, started, boot: boot.trim() }
  } catch {
    return undefined
  }
}
