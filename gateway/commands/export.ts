import { once } from 'node:events'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { commandConfig } from '../config-file.ts'
import { FORMS, messageOf } from '../export/form.ts'
import { parquetFile } from '../export/parquet.ts'
import type { InspectionMessage } from '../message.ts'
import type { OutboxEntry } from '../outbox.ts'
import { decodeRaw, rawLine } from '../raw.ts'
import { Archive } from '../rejudge/archive.ts'
import { Progress } from '../rejudge/progress.ts'
import {
  RequestError,
  type Selection,
  STRETCH_OPTIONS,
  type Stretch,
  selectionOf,
  stretchOf,
} from '../rejudge/range.ts'

const USAGE = `poincon export [--from T|SEQ] [--to T|SEQ] [--epoch ID] [--format ndjson|csv|parquet|raw] [--out FILE] [--config FILE]

Writes inspections of the station's log, oldest first: whole messages one a line (ndjson), their scalars (csv,
RFC 4180), the same with types (parquet, into a FILE only), or the raw data of the heads as 'run --replay' and 'rejudge'
read them (raw). T is a time (2026-03-01T08:00:00Z), SEQ a sequence of the epoch (default: the newest). Without --out to
standard output; a FILE is there whole or not at all. Reads only; the station may run meanwhile.

Exit codes: 0 written · 1 nothing found, or it cannot be written · 2 wrong usage
`

const FORMATS = ['ndjson', 'csv', 'parquet', 'raw'] as const
type Format = (typeof FORMATS)[number]
type LineFormat = Exclude<Format, 'parquet'>

/** Nobody reads any further. */
class EnoughError extends Error {
  override readonly name = 'EnoughError'
}

/** Where lines go. */
interface Output {
  write(text: string): Promise<void>
  /** It is whole. */
  done(): Promise<void>
  /** It is not, and goes. */
  giveUp(): Promise<void>
}

/** `poincon export`: what the log holds, as lines. */
export async function exportCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      ...STRETCH_OPTIONS,
      format: { type: 'string', short: 'f', default: 'ndjson' },
      out: { type: 'string', short: 'o' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config } = commandConfig(values.config)
  try {
    const format = formatOf(values.format)
    return await exported(config.data_dir, { stretch: stretchOf(values), format, out: values.out })
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    process.stderr.write(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

function formatOf(text: string): Format {
  const format = FORMATS.find((one) => one === text)
  if (format !== undefined) return format
  throw new RequestError(`--format ${text}: expected one of ${FORMATS.join(', ')}`)
}

async function exported(
  dir: string,
  asked: { readonly stretch: Stretch; readonly format: Format; readonly out: string | undefined },
): Promise<number> {
  const archive = await Archive.open(dir)
  try {
    const selection = selectionOf(archive, asked.stretch)
    if (asked.format === 'parquet') return await exportedParquet(archive, selection, asked.out)
    const output = asked.out === undefined ? standardOutput() : await fileOutput(asked.out)
    try {
      const { written, missing } = await writeAll(archive, selection, { format: asked.format, output })
      if (missing > 0) process.stderr.write(`${missing} inspections have no raw record any more\n`)
      if (written === 0) {
        await output.giveUp()
        return sayNothingFound(archive)
      }
      await output.done()
      return 0
    } catch (error) {
      await output.giveUp()
      if (error instanceof EnoughError) return 0
      throw error
    }
  } finally {
    await archive.close()
  }
}

function sayNothingFound(archive: Archive): number {
  process.stderr.write(`${archive.file}: nothing in this stretch of the log\n`)
  return 1
}

async function exportedParquet(
  archive: Archive,
  selection: Selection,
  out: string | undefined,
): Promise<number> {
  if (out === undefined) throw new RequestError('--format parquet: expected --out FILE, it is no text')
  const progress = progressOfInspections()
  async function* messages(): AsyncGenerator<InspectionMessage> {
    for await (const entry of selected(archive, selection)) {
      yield messageOf(entry)
      progress.one()
    }
  }
  const written = await parquetFile({ path: out, written: `${out}.${process.pid}`, messages: messages() })
  return written === 0 ? sayNothingFound(archive) : 0
}

async function* selected(archive: Archive, selection: Selection): AsyncGenerator<OutboxEntry> {
  for await (const entry of archive.entries(selection.begin)) {
    if (entry.position > selection.end) return
    if (selection.includes(entry.payload)) yield entry
  }
}

function progressOfInspections(): Progress {
  return new Progress({
    what: 'inspections',
    now: () => performance.now(),
    say: (line) => process.stderr.write(`${line}\n`),
  })
}

async function writeAll(
  archive: Archive,
  selection: Selection,
  { format, output }: { readonly format: LineFormat; readonly output: Output },
): Promise<{ readonly written: number; readonly missing: number }> {
  const progress = progressOfInspections()
  let missing = 0
  for await (const entry of selected(archive, selection)) {
    const line = await lineOf(archive, entry, format)
    if (line === undefined) {
      missing += 1
      continue
    }
    if (progress.done === 0 && format !== 'raw') await output.write(FORMS[format].header)
    await output.write(line)
    progress.one()
  }
  return { written: progress.done, missing }
}

/** @returns undefined where retention has taken the raw record */
async function lineOf(archive: Archive, entry: OutboxEntry, format: LineFormat): Promise<string | undefined> {
  if (format !== 'raw') return FORMS[format].record(entry)
  const raw = await archive.raw(entry)
  return raw === undefined ? undefined : `${rawLine(decodeRaw(raw))}\n`
}

/** A reader that has seen enough (`| head`) is no fault. */
function standardOutput(): Output {
  const { stdout } = process
  let ended: NodeJS.ErrnoException | undefined
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    ended = error
  })
  return {
    write: async (text) => {
      if (ended !== undefined) throw ended.code === 'EPIPE' ? new EnoughError() : ended
      if (!stdout.write(text)) await Promise.race([once(stdout, 'drain'), once(stdout, 'close')])
    },
    done: () => Promise.resolve(),
    giveUp: () => Promise.resolve(),
  }
}

const GATHERED = 1 << 18

/** A file that has its name when it is whole and on disk. */
async function fileOutput(path: string): Promise<Output> {
  const written = `${path}.${process.pid}`
  const file = await open(written, 'wx', 0o644)
  let gathered = ''
  return {
    write: async (text) => {
      gathered += text
      if (gathered.length < GATHERED) return
      await file.appendFile(gathered)
      gathered = ''
    },
    done: async () => {
      await file.appendFile(gathered)
      await file.sync()
      await file.close()
      await rename(written, path)
      await syncFolder(path)
    },
    giveUp: () => discard(file, written),
  }
}

async function discard(file: FileHandle, path: string): Promise<void> {
  await file.close().catch(() => {})
  await rm(path, { force: true })
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
