import { createHash } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'
import { codeOf, syncFolder } from './slots-pointer.ts'
import type { Step } from './update-steps.ts'

/** A journal far beyond this was not written by us. */
const MAX_BYTES = 16 * 1024 * 1024
const SUM_DIGITS = 16

export interface JournalOptions<State> {
  readonly file: string
  readonly schema: z.ZodType<State>
  readonly step: Step
  /** Called before each write; throws when this process may not write any more. */
  readonly permitted?: () => Promise<void>
}

/**
 * The last state of the updater, one line a record: the first digits of the SHA-256 of the rest, then the whole state as
 * JSON. Each record says everything, so that the last whole one is the truth, whatever is torn behind it. A record is on
 * the disk when `write` returns.
 */
export class Journal<State> {
  readonly #options: JournalOptions<State>
  /** Length of what is known to be whole. */
  #bytes: number
  #last: State | undefined
  /** Bytes behind the last whole record that did not count, when it was opened. */
  readonly tornBytes: number

  private constructor(options: JournalOptions<State>, found: Found<State>, size: number) {
    this.#options = options
    this.#last = found.last
    this.#bytes = found.bytes
    this.tornBytes = size - found.bytes
  }

  /** Reads it; writes nothing. @throws when it cannot be read */
  static async open<State>(options: JournalOptions<State>): Promise<Journal<State>> {
    const text = await readText(options.file)
    return new Journal(options, lastWhole(text, options.schema), text.length)
  }

  get last(): State | undefined {
    return this.#last
  }

  /** @throws when this process may not write any more */
  async permitted(): Promise<void> {
    await this.#options.permitted?.()
  }

  /** Appends a state; a torn record before it is cut off first. @throws when it is not on the disk */
  async write(name: string, state: State): Promise<void> {
    await this.permitted()
    await this.#options.step(`journal ${name}`, () => this.#append(recordOf(state)))
    this.#last = state
  }

  /** Replaces everything by one state, when an update is over: the file does not grow for ever. */
  async compact(state: State): Promise<void> {
    await this.permitted()
    const record = recordOf(state)
    await this.#options.step('journal compact', () => replaceFile(this.#options.file, record, 0o640))
    this.#bytes = record.length
    this.#last = state
  }

  async #append(record: Buffer): Promise<void> {
    const { file } = this.#options
    await mkdir(dirname(file), { recursive: true })
    const handle = await open(file, 'a+', 0o640)
    try {
      await handle.truncate(this.#bytes)
      await handle.writeFile(record)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (this.#bytes === 0) await syncFolder(dirname(file))
    this.#bytes += record.length
  }
}

interface Found<State> {
  readonly last: State | undefined
  /** Up to the end of the last whole record. */
  readonly bytes: number
}

function lastWhole<State>(text: Buffer, schema: z.ZodType<State>): Found<State> {
  let found: Found<State> = { last: undefined, bytes: 0 }
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf(0x0a, from)
    if (end < 0) break
    const state = stateOf(text.subarray(from, end), schema)
    if (state !== undefined) found = { last: state, bytes: end + 1 }
    from = end + 1
  }
  return found
}

function stateOf<State>(line: Buffer, schema: z.ZodType<State>): State | undefined {
  const json = line.subarray(SUM_DIGITS + 1)
  if (line.subarray(0, SUM_DIGITS).toString('latin1') !== sumOf(json)) return undefined
  const state = schema.safeParse(JSON.parse(json.toString('utf8')))
  return state.success ? state.data : undefined
}

function recordOf(state: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(state), 'utf8')
  return Buffer.concat([Buffer.from(`${sumOf(json)} `, 'latin1'), json, Buffer.from('\n')])
}

function sumOf(json: Uint8Array): string {
  return createHash('sha256').update(json).digest('hex').slice(0, SUM_DIGITS)
}

async function readText(file: string): Promise<Buffer> {
  try {
    const text = await readFile(file)
    if (text.length > MAX_BYTES)
      throw new Error(`${file}: ${text.length} bytes: expected at most ${MAX_BYTES}: move it away`)
    return text
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}
