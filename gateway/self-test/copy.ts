import { existsSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import sqlite3 from 'sqlite3'

/** A database that is no larger is copied whole; of a larger one the newest rows of every table. */
const WHOLE_BYTES = 128 * 1024 * 1024
/** What a copy may come to, and what must be free for it: migrations write tables anew. */
const ROOM_FACTOR = 2
const SPARE_BYTES = 16 * 1024 * 1024
/** Of a table of a large database: recipes, calibrations and state are far fewer. */
const MOST_ROWS = 5000
const LOCK_WAIT_MS = 5000

export interface CopyOptions {
  /** Newest rows of `inspections` and of `raw` that a copy of a large database holds. */
  readonly newest: number
  /** Ends the copy. */
  readonly signal: AbortSignal
  /** Default 128 MiB. */
  readonly wholeBytes?: number
  /** Room in a folder, bytes. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** A copy, and of how much it is one. */
export interface Copied {
  /** Of the database as it lies there, its write-ahead log included, bytes. */
  readonly sourceBytes: number
  /** All rows; else the newest ones of each table. */
  readonly whole: boolean
}

/**
 * Copies a database that another process may write to, as it is at one instant, into a new file beside which nothing of
 * the source is needed. The source is opened for reading alone: not even its write-ahead log is folded.
 * @throws Error that says how much room is missing, what SQLite said, or the signal's reason
 */
export async function copyDatabase(source: string, target: string, options: CopyOptions): Promise<Copied> {
  const { signal, newest, wholeBytes = WHOLE_BYTES } = options
  const sourceBytes = (await stat(source)).size + (await sizeOf(`${source}-wal`))
  const whole = sourceBytes <= wholeBytes
  const mostBytes = ROOM_FACTOR * Math.min(sourceBytes, wholeBytes) + SPARE_BYTES
  await expectRoom(dirname(target), mostBytes, options.freeBytes ?? roomIn)
  const connection = await Connection.open(pathToFileURL(target).href)
  const interrupt = (): void => connection.interrupt()
  signal.addEventListener('abort', interrupt)
  try {
    signal.throwIfAborted()
    // Of a station that stands SQLite would leave `-wal` and `-shm` behind, owned by whoever tests.
    const stands = !existsSync(`${source}-wal`)
    const address = `${pathToFileURL(source).href}?mode=ro${stands ? '&immutable=1' : ''}`
    await connection.run('ATTACH ? AS live', [address])
    await shape(connection, mostBytes)
    await fill(connection, whole ? undefined : newest)
    if (stands && existsSync(`${source}-wal`)) throw new Error('the station began to write meanwhile')
    return { sourceBytes, whole }
  } catch (error) {
    signal.throwIfAborted()
    throw new Error(`${source} cannot be copied: ${messageOf(error)}`, { cause: error })
  } finally {
    signal.removeEventListener('abort', interrupt)
    await connection.close()
  }
}

/** Page size and vacuum mode can only be chosen before the first page is written; nothing of it must outlive a crash. */
async function shape(connection: Connection, mostBytes: number): Promise<void> {
  const pageBytes = await connection.number('PRAGMA live.page_size')
  const vacuum = await connection.number('PRAGMA live.auto_vacuum')
  await connection.exec(
    `PRAGMA main.page_size = ${pageBytes}; PRAGMA main.auto_vacuum = ${vacuum};
     PRAGMA main.journal_mode = OFF; PRAGMA main.synchronous = OFF;
     PRAGMA main.max_page_count = ${Math.ceil(mostBytes / pageBytes)}`,
  )
}

interface SchemaRow {
  readonly type: string
  readonly name: string
  readonly sql: string
}

/** Everything is read in one transaction: at one instant. @param newest undefined: all rows */
async function fill(connection: Connection, newest: number | undefined): Promise<void> {
  await connection.exec('BEGIN')
  // SQLite's own tables have no statement that could be said again.
  const schema = await connection.all<SchemaRow>(
    "SELECT type, name, sql FROM live.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
  )
  for (const { name, sql } of schema.filter((row) => row.type === 'table')) {
    await connection.exec(sql)
    await connection.exec(
      `INSERT INTO main.${quoted(name)} SELECT * FROM live.${quoted(name)} ${await bound(connection, name, newest)}`,
    )
  }
  for (const { sql } of schema.filter((row) => row.type !== 'table')) await connection.exec(sql)
  await connection.exec(`PRAGMA main.user_version = ${await connection.number('PRAGMA live.user_version')}`)
  await connection.exec('COMMIT')
}

/** The newest rows are the last ones by the primary key: keys are positions, moments, or ids that begin with the time. */
async function bound(connection: Connection, table: string, newest: number | undefined): Promise<string> {
  if (newest === undefined) return ''
  const columns = await connection.all<{ name: string; pk: number }>(
    `SELECT name, pk FROM pragma_table_info(${text(table)}, 'live') WHERE pk > 0 ORDER BY pk`,
  )
  const rows = table === 'inspections' || table === 'raw' ? newest : MOST_ROWS
  const order =
    columns.length === 0 ? 'rowid DESC' : columns.map(({ name }) => `${quoted(name)} DESC`).join(', ')
  return `ORDER BY ${order} LIMIT ${rows}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

async function expectRoom(
  folder: string,
  needed: number,
  freeBytes: (folder: string) => Promise<number>,
): Promise<void> {
  const free = await freeBytes(folder)
  if (free >= needed) return
  const [has, wants] = [free, needed].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`)
  throw new Error(`no room in ${folder}: ${has} free, a copy of the store needs ${wants}`)
}

async function roomIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A connection to a new file that may attach another one read-only, which takes SQLite's addresses (`file:…?mode=ro`). */
class Connection {
  readonly #database: sqlite3.Database

  private constructor(database: sqlite3.Database) {
    this.#database = database
  }

  static open(url: string): Promise<Connection> {
    const flags = sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE | sqlite3.OPEN_URI
    return new Promise((resolve, reject) => {
      const database = new sqlite3.Database(url, flags, (error) => {
        if (error !== null) return reject(error)
        database.configure('busyTimeout', LOCK_WAIT_MS)
        resolve(new Connection(database))
      })
    })
  }

  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#database.exec(sql, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  run(sql: string, values: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#database.run(sql, values, (error: Error | null) => (error === null ? resolve() : reject(error)))
    })
  }

  all<Row>(sql: string): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#database.all<Row>(sql, (error, rows) => (error === null ? resolve(rows) : reject(error)))
    })
  }

  /** The one value of a pragma. */
  async number(sql: string): Promise<number> {
    const [row] = await this.all<Record<string, number>>(sql)
    return Object.values(row ?? {})[0] ?? 0
  }

  interrupt(): void {
    this.#database.interrupt()
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#database.close(() => resolve()))
  }
}
