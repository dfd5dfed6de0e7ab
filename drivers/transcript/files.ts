import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { transferBits } from '../bus.ts'
import { type Entry, isTransfer, type RegisterBytes, type Transcript, type TransferEntry } from './entries.ts'
import { TranscriptError } from './fields.ts'
import { lineOf } from './lines.ts'
import { entryOf } from './parse.ts'
import type { Recording } from './recording-bus.ts'

/** What an index says of one transcript. */
export interface IndexEntry {
  readonly file: string
  readonly name: string
  readonly prelude: string
  readonly recorded: string
  readonly transactions: number
  /** Bytes behind registers. */
  readonly tx_bytes: number
  readonly rx_bytes: number
  readonly wait_ms: number
  /** On the wire, starts, addresses and acknowledges included. */
  readonly bus_bits: number
  readonly bus_ms_400k: number
  readonly bus_ms_1M: number
  readonly calls: Recording['calls']
  readonly [fact: string]: unknown
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
const INDEX = 'index.json'

/**
 * Writes a recording into a folder of transcripts: `<name>.jsonl`, long answers under `blobs/`, and its entry in
 * `index.json`, in place of one of the same name. Each file appears whole or not at all, the index last.
 * @param name up to 64 of letters, digits, `_`, `.` and `-`
 * @param facts what else the index is to say, e.g. which device it was
 * @throws RangeError for another name; TranscriptError for an index that is none
 */
export async function writeTranscript(
  folder: string,
  recording: Recording,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<IndexEntry> {
  const { name, entries, registerBytes } = recording
  const file = transcriptFile(name)
  await mkdir(join(folder, 'blobs'), { recursive: true })
  const index = await readIndex(join(folder, INDEX))
  const lines = entries.map((entry) => lineOf(entry, registerBytes))
  for (const { blob } of lines) {
    if (blob !== undefined) await replaceFile(join(folder, blob.path), blob.bytes)
  }
  const entry = indexEntry(recording, facts)
  await replaceFile(join(folder, file), lines.map(({ text }) => `${text}\n`).join(''))
  const others = index.filter((other) => fileOf(other) !== file)
  await replaceFile(join(folder, INDEX), `${JSON.stringify([...others, entry], null, 1)}\n`)
  return entry
}

/** The file of a transcript of this name. @throws RangeError for a name that it cannot have */
export function transcriptFile(name: string): string {
  if (!NAME.test(name)) throw new RangeError(`name ${JSON.stringify(name)}: expected ${NAME.source}`)
  return `${name}.jsonl`
}

/** Pure. */
export function indexEntry(recording: Recording, facts: Readonly<Record<string, unknown>> = {}): IndexEntry {
  const { name, entries, calls, registerBytes } = recording
  const transfers = entries.filter(isTransfer)
  const moved = transfers.filter(({ fault }) => fault === undefined)
  const sum = (of: readonly TransferEntry[], what: (transfer: TransferEntry) => number): number =>
    of.reduce((total, transfer) => total + what(transfer), 0)
  const bits = sum(transfers, (transfer) => bitsOf(transfer, registerBytes))
  return {
    file: transcriptFile(name),
    name,
    ...facts,
    prelude: '',
    recorded: calls.map(({ cmd }) => cmd).join('; '),
    transactions: transfers.length,
    tx_bytes: sum(moved, ({ op, length, argument }) => (op === 'write' ? length : (argument?.length ?? 0))),
    rx_bytes: sum(moved, ({ op, length }) => (op === 'read' ? length : 0)),
    wait_ms: entries.reduce((total, entry) => total + waitMs(entry), 0),
    bus_bits: bits,
    bus_ms_400k: Math.round(bits / 4) / 100,
    bus_ms_1M: Math.round(bits / 10) / 100,
    calls,
  }
}

function waitMs(entry: Entry): number {
  return entry.op === 'wait' ? Math.round(entry.ms) : 0
}

/** What was not acknowledged ended behind the address. */
function bitsOf(
  { op, register, pointed = true, argument, length, fault }: TransferEntry,
  registerBytes: RegisterBytes,
): number {
  if (fault !== undefined) return transferBits(0, 0)
  const addressed = register === undefined || (op === 'read' && !pointed) ? 0 : registerBytes
  return op === 'write'
    ? transferBits(addressed + length, 0)
    : transferBits(addressed + (argument?.length ?? 0), length)
}

/**
 * Reads a transcript, and what stands beside it under `blobs/`.
 * @throws TranscriptError with file and line; Error of the file system
 */
export async function readTranscript(path: string): Promise<Transcript> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const blobs = await readBlobs(path, lines)
  const file = basename(path)
  const read = lines.map((text, at) => {
    try {
      return entryOf(text, (blob) => blobs.get(blob))
    } catch (error) {
      if (!(error instanceof TranscriptError)) throw error
      throw new TranscriptError(`${file}:${at + 1}: ${error.message}`, { cause: error })
    }
  })
  const widths = new Set(read.flatMap(({ registerBytes }) => registerBytes ?? []))
  if (widths.size > 1) throw new TranscriptError(`${file}: registers of one and of two bytes`)
  const [registerBytes = 1] = widths
  const name = file.replace(/\.jsonl$/, '')
  return { name, registerBytes, entries: read.map(({ entry }) => entry) }
}

/** Files that are named and not there leave their content unknown: the maker's bytes are not passed on. */
async function readBlobs(path: string, lines: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const named = new Set(lines.flatMap((line) => /"blob": ?"(blobs\/[0-9a-f]+\.bin)"/.exec(line)?.[1] ?? []))
  const blobs = new Map<string, Uint8Array>()
  for (const blob of named) {
    const bytes = await readFile(join(dirname(path), blob)).catch(absent)
    if (bytes !== undefined) blobs.set(blob, Uint8Array.from(bytes))
  }
  return blobs
}

async function readIndex(path: string): Promise<readonly unknown[]> {
  const text = await readFile(path, 'utf8').catch(absent)
  if (text === undefined) return []
  const index: unknown = JSON.parse(text)
  if (!Array.isArray(index)) throw new TranscriptError(`${path}: expected a list of transcripts`)
  return index
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

function fileOf(entry: unknown): unknown {
  return typeof entry === 'object' && entry !== null && 'file' in entry ? entry.file : undefined
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const written = `${path}.${randomUUID()}`
  try {
    await writeFile(written, content, { flush: true })
    await rename(written, path)
  } catch (error) {
    await rm(written, { force: true })
    throw error
  }
}
