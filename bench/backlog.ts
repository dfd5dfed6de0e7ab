/** A log of many inspections, made in a fraction of the time that appending them would take. */
import { systemClock } from '../drivers/clock.ts'
import { silentLog } from '../gateway/log.ts'
import type { OutboxEntry } from '../gateway/outbox.ts'
import { Database, type Value } from '../gateway/store/database.ts'
import { CanonicalWriter } from '../gateway/store/log/canonical.ts'
import { prepare, seal, sha256, type Unsealed } from '../gateway/store/log/chain.ts'
import { LogRows } from '../gateway/store/log/rows.ts'
import { openStore } from '../gateway/store/open.ts'
import type { Store } from '../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../test/gateway/store/drafts.ts'

const BODIES = 1000
const ROWS_A_STATEMENT = 50
const ROWS_A_TRANSACTION = 20_000
const ANY_ID = '01980000-0000-7000-9000-000000000000'

export function openLog(dir: string): Promise<Store> {
  return openStore({ dir, deviceId: 'bench', clock: systemClock, log: silentLog })
}

/**
 * Fills a directory's log up to `rows` inspections: rows as an append writes them, chained as a start verifies them, in
 * large transactions that nothing syncs. Nobody else may have the log open.
 */
export async function fillLog(dir: string, rows: number): Promise<void> {
  const store = await openLog(dir)
  const { epoch, end } = store
  await store.close()
  const database = await Database.open(`${dir}/poincon.db`, 'write')
  // What a crash takes is made again; the store sets both anew when it opens.
  await database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -64000')
  let { tip } = await (await LogRows.over(database, { epoch, run: 1 })).readEnd()
  const unsealed = bodies(epoch.epoch)
  const filler = await Filler.over(database)
  for (let stored = end; stored < rows; ) {
    const upTo = Math.min(stored + ROWS_A_TRANSACTION, rows)
    await database.exec('BEGIN')
    await filler.raw(stored, upTo)
    for (let position = stored + 1; position <= upTo; position += 1) {
      const id = idOf(position)
      const sealed = seal(unsealed(id), tip)
      tip = sealed.tip
      await filler.inspection(position, id, sealed.payload)
    }
    await filler.flush()
    await database.exec('COMMIT')
    stored = upTo
  }
  await database.close()
}

/** Ascending, as ids that are made in time order are. */
function idOf(position: number): string {
  return ANY_ID.slice(0, -12) + position.toString(16).padStart(12, '0')
}

/** Bodies that come again, under ids that do not. */
function bodies(epoch: string): (id: string) => Unsealed {
  const random = randomFrom(1)
  const writer = new CanonicalWriter()
  const raw = sha256(rawRecord(random))
  const made = Array.from({ length: BODIES }, () =>
    prepare(writer, { ...inspectionDraft(random), id: ANY_ID }, epoch, raw),
  )
  let count = 0
  return (id) => {
    const body = made[count++ % made.length]
    if (body === undefined) throw new RangeError('no body')
    return { ...body, beforeHash: body.beforeHash.replace(ANY_ID, id) }
  }
}

/** Rows on their way into the database: the next ones are made while those before are written. */
class Filler {
  readonly #database: Database
  readonly #insert: Awaited<ReturnType<Database['prepare']>>
  readonly #record = rawRecord(randomFrom(1))
  #values: Value[] = []
  #writing: Promise<void> = Promise.resolve()

  private constructor(database: Database, insert: Awaited<ReturnType<Database['prepare']>>) {
    this.#database = database
    this.#insert = insert
  }

  static async over(database: Database): Promise<Filler> {
    return new Filler(database, await database.prepare(insertOf(ROWS_A_STATEMENT)))
  }

  /** The raw records of a stretch, all the same one. */
  raw(after: number, upTo: number): Promise<void> {
    return this.#database.run(
      `WITH RECURSIVE places (position) AS (VALUES (?) UNION ALL SELECT position + 1 FROM places WHERE position < ?)
       INSERT INTO raw SELECT position, ? FROM places`,
      [after + 1, upTo, this.#record],
    )
  }

  async inspection(position: number, id: string, payload: string): Promise<void> {
    this.#values.push(position, id, payload)
    if (this.#values.length < 3 * ROWS_A_STATEMENT) return
    const values = this.#values
    this.#values = []
    await this.#writing
    this.#writing = this.#insert.run(values)
  }

  async flush(): Promise<void> {
    await this.#writing
    const values = this.#values
    this.#values = []
    if (values.length > 0) await this.#database.run(insertOf(values.length / 3), values)
  }
}

function insertOf(rows: number): string {
  const row = '(1, 0, 0, ?, ?, ?)'
  const values = Array.from({ length: rows }, () => row).join(', ')
  return `INSERT INTO inspections (run, noted, recorded, position, id, payload) VALUES ${values}`
}

/** The oldest inspections of a log. */
export async function oldest(dir: string, count: number): Promise<readonly OutboxEntry[]> {
  const store = await openLog(dir)
  const entries = await store.from(1, count)
  await store.close()
  return entries
}
