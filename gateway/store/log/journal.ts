import { closeSync, openSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** The triggers of one run of the process, as it left them. */
export interface TriggerCount {
  /** Counts the starts of the store, from 1. */
  readonly run: number
  /** Highest trigger number that was noted. */
  readonly noted: number
  /** The boot of the machine it was in; empty where the system does not say. */
  readonly boot: string
}

const WIDTH = 120
const line = z.strictObject({ run: z.int().min(0), noted: z.int().min(0), boot: z.string().max(64) })

/**
 * The number of the newest trigger, in one line of a file, written over in place and never synced. What `write`
 * returned from is the kernel's and outlives the process, not the machine: after SIGKILL the count is exact, after a
 * power cut it is a lower bound. A note takes microseconds, so it can stand before the gate moves.
 */
export class TriggerJournal {
  readonly #descriptor: number
  readonly #run: number
  readonly #boot: string
  #noted = 0
  #fault: Error | undefined

  private constructor(descriptor: number, run: number, boot: string) {
    this.#descriptor = descriptor
    this.#run = run
    this.#boot = boot
  }

  /** Begins the count of a run; what the file said before is gone. @throws when it cannot be written */
  static begin(file: string, run: number, boot: string): TriggerJournal {
    const journal = new TriggerJournal(openSync(file, 'w'), run, boot)
    journal.#write()
    return journal
  }

  /** Highest trigger number of this run. */
  get noted(): number {
    return this.#noted
  }

  /** Why the newest note is not in the file, if it is not. */
  get fault(): Error | undefined {
    return this.#fault
  }

  /** A part has come. @param trigger counts from 1 in this run; a smaller one than before says nothing new */
  note(trigger: number): void {
    if (trigger <= this.#noted) return
    this.#noted = trigger
    try {
      this.#write()
      this.#fault = undefined
    } catch (error) {
      this.#fault = error instanceof Error ? error : new Error(String(error))
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #write(): void {
    const text = JSON.stringify({ run: this.#run, noted: this.#noted, boot: this.#boot })
    writeSync(this.#descriptor, `${text.padEnd(WIDTH - 1)}\n`, 0)
  }
}

/** What the last run left; undefined when there is no file or no sense in it. */
export async function readTriggerJournal(file: string): Promise<TriggerCount | undefined> {
  try {
    return line.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** Names the machine's present boot; empty where the system does not say (proc(5)). */
export async function bootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    return ''
  }
}
