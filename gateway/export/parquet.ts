import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { ByteWriter, parquetWriteRows, type Writer } from 'hyparquet-writer'
import type { InspectionMessage } from '../message.ts'
import { type ColumnType, columnTypes } from './column-types.ts'
import { COLUMNS, cellsOf, PLACES } from './columns.ts'

/** Names the columns and their types: whoever changes either, other than by adding columns, counts on. */
export const PARQUET_SCHEMA = 'poincon.inspection.parquet/1'

/**
 * Rows of one group, which is all that is in memory at once. Every group has its own directory of each column, which
 * stays in memory to the end: fewer rows would make that grow.
 */
const GROUP_ROWS = 5000

const PARQUET_TYPES = {
  text: 'STRING',
  integer: 'INT64',
  number: 'DOUBLE',
  flag: 'BOOLEAN',
  time: 'TIMESTAMP',
} as const satisfies Readonly<Record<ColumnType, string>>

/** What rows are looked for by: of these every group says its least and greatest value, and is passed over by it. */
const SOUGHT: ReadonlySet<string> = new Set([
  ...['epoch', 'sequence', 'timestamp', 'lot_id', 'recipe_id', 'verdict_grade', 'verdict_action'],
])

type Cell = string | number | boolean | bigint | Date | null

async function parquetInto(
  file: FileHandle,
  messages: AsyncIterable<InspectionMessage>,
  groupRows: number,
): Promise<number> {
  const types = columnTypes(PLACES.map(({ keys }) => keys))
  const [schema = 'schema', ...names] = COLUMNS
  let count = 0
  async function* rows(): AsyncGenerator<Record<string, Cell>> {
    for await (const message of messages) {
      count += 1
      const cells = cellsOf(message).map((value, place): [string, Cell] => [
        names[place] ?? '',
        cellOf(value, types[place] ?? 'text'),
      ])
      yield { [schema]: PARQUET_SCHEMA, ...Object.fromEntries(cells) }
    }
  }
  await parquetWriteRows({
    writer: writerTo(file),
    rows: rows(),
    columns: [
      { name: schema, type: 'STRING', nullable: false, ...indexes(schema) },
      ...names.map((name, place) => ({
        name,
        type: PARQUET_TYPES[types[place] ?? 'text'],
        ...indexes(name),
      })),
    ],
    rowGroupSize: groupRows,
    createdBy: 'poincon',
    kvMetadata: [{ key: 'schema', value: PARQUET_SCHEMA }],
  })
  return count
}

export interface ParquetFile {
  /** The file has this name when it is whole and on disk. */
  readonly path: string
  /** Where it is written. */
  readonly written: string
  readonly messages: AsyncIterable<InspectionMessage>
  /** Rows that are in memory at once. */
  readonly groupRows?: number
}

/** A group is a page or two: an index of its pages would only take memory, up to the end of the file. */
function indexes(name: string): { readonly offsetIndex: boolean; readonly statistics: boolean } {
  return { offsetIndex: false, statistics: SOUGHT.has(name) }
}

/**
 * Inspections as a file of Parquet: the columns of the CSV, each with its type, null where nothing was measured. Pages
 * are compressed with Snappy, which every reader knows.
 * @returns rows that were written; with none there is no file
 */
export async function parquetFile(options: ParquetFile): Promise<number> {
  const { path, written, messages, groupRows = GROUP_ROWS } = options
  const file = await open(written, 'w', 0o644)
  try {
    const count = await parquetInto(file, messages, groupRows)
    await file.sync()
    await file.close()
    if (count > 0) {
      await rename(written, path)
      await syncFolder(path)
    } else await rm(written)
    return count
  } catch (error) {
    await file.close().catch(() => {})
    await rm(written, { force: true })
    throw error
  }
}

/** The inspections of a file of lines. */
export async function* messagesIn(path: string): AsyncGenerator<InspectionMessage> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  // The log's own JSON: it was checked when it was appended.
  for await (const line of lines) yield JSON.parse(line)
}

/** @throws RangeError for a value that is not of its column's type */
function cellOf(value: unknown, type: ColumnType): Cell {
  if (value === undefined || value === null) return null
  if (type === 'text' && typeof value === 'string') return value
  if (type === 'number' && typeof value === 'number') return value
  if (type === 'flag' && typeof value === 'boolean') return value
  if (type === 'integer' && typeof value === 'number') return BigInt(value)
  if (type === 'time' && typeof value === 'string') return new Date(value)
  throw new RangeError(`expected ${type} in a column, got ${JSON.stringify(value)}`)
}

/** Everything of one group is gathered, and goes to the file at its end. */
function writerTo(file: FileHandle): Writer {
  const writer = new ByteWriter(1 << 20)
  const flush = async (): Promise<void> => {
    const bytes = writer.getBytes()
    for (let done = 0; done < bytes.length; )
      done += (await file.write(bytes, done, bytes.length - done)).bytesWritten
    writer.index = 0
  }
  return Object.assign(writer, { flush, finish: flush })
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
