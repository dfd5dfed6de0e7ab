import { stat } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import type { Log } from './log.ts'
import { readJson } from './update-status.ts'

/** A file is looked at this often: what stands in it is for people. */
const LOOK_EVERY_MS = 1000

export interface WatchedFileOptions<T extends z.ZodType> {
  readonly file: string
  readonly schema: T
  readonly clock: Clock
  readonly log: Log
  /** What it says is another thing now. */
  readonly changed: () => void
}

/**
 * What a file of another process says, read again whenever that was replaced. It is looked at, not listened to: its
 * folder may not be there yet, and may be replaced as well.
 */
export class WatchedFile<T extends z.ZodType> {
  readonly #options: WatchedFileOptions<T>
  #seen: string | undefined
  #value: z.output<T> | undefined
  #trouble: string | undefined

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options
  }

  /** Undefined where there is no file, or none that can be understood. */
  get value(): z.output<T> | undefined {
    return this.#value
  }

  /** Why a file that is there says nothing. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Looks until the signal aborts. Resolves after the first look. */
  async watch(signal: AbortSignal): Promise<void> {
    await this.look()
    void this.#lookOn(signal)
  }

  /** Looks once. */
  async look(): Promise<void> {
    const { file, schema, log, changed } = this.#options
    const seen = await stampOf(file)
    if (seen === this.#seen) return
    const [before, troubleBefore] = [this.#value, this.#trouble]
    try {
      this.#value = await readJson(file, schema)
      this.#trouble = undefined
    } catch (error) {
      this.#value = undefined
      this.#trouble = error instanceof Error ? error.message : String(error)
      if (this.#trouble !== troubleBefore) log.warn({ err: error }, 'a status file says nothing')
    }
    this.#seen = seen
    if (!isDeepStrictEqual(before, this.#value) || troubleBefore !== this.#trouble) changed()
  }

  async #lookOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(LOOK_EVERY_MS, signal).catch(() => {})
      if (!signal.aborted) await this.look()
    }
  }
}

/** Another one for another file, also of the same size in the same millisecond. */
async function stampOf(file: string): Promise<string> {
  try {
    const { ino, mtimeNs, size } = await stat(file, { bigint: true })
    return `${ino} ${mtimeNs} ${size}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  }
}
