import type { Database } from '../database.ts'
import type { Writer } from '../writer.ts'
import { canonicalOrInvalid } from './recipes.ts'

export const DOCUMENT_KINDS = ['lot', 'alert', 'override', 'shift', 'quarantine', 'checkpoint'] as const
export type DocumentKind = (typeof DOCUMENT_KINDS)[number]

/** One document, in its newest state. */
export interface StoredDocument {
  readonly id: string
  /** RFC 3339: when it began. */
  readonly at: string
  /** Whether it is still at work: a lot that runs, an alert that nobody cleared. */
  readonly open: boolean
  /** As JSON gave it: the caller parses. */
  readonly value: unknown
}

interface Row {
  readonly id: string
  readonly at: string
  readonly open: number
  readonly value: string
}

const COLUMNS = 'SELECT id, at, open, value FROM documents'

/** Reads lots, alerts, overrides, shifts, checkpoints; also beside the process that writes them. */
export class DocumentReader {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** @throws StoreError */
  async get(kind: DocumentKind, id: string): Promise<StoredDocument | undefined> {
    const row = await this.#database.get<Row>(`${COLUMNS} WHERE kind = ? AND id = ?`, [kind, id])
    return row === undefined ? undefined : stored(row)
  }

  /** The newest, newest first. @throws StoreError */
  async newest(kind: DocumentKind, limit: number): Promise<StoredDocument[]> {
    const rows = await this.#database.all<Row>(
      `${COLUMNS} WHERE kind = ? ORDER BY at DESC, id DESC LIMIT ?`,
      [kind, limit],
    )
    return rows.map(stored)
  }

  /** Those with the greatest ids, greatest first: an order that no clock is asked for. @throws StoreError */
  async lastById(kind: DocumentKind, limit: number): Promise<StoredDocument[]> {
    const rows = await this.#database.all<Row>(`${COLUMNS} WHERE kind = ? ORDER BY id DESC LIMIT ?`, [
      kind,
      limit,
    ])
    return rows.map(stored)
  }

  /** All that are still at work, oldest first. @throws StoreError */
  async open(kind: DocumentKind): Promise<StoredDocument[]> {
    const rows = await this.#database.all<Row>(`${COLUMNS} WHERE kind = ? AND open = 1 ORDER BY at, id`, [
      kind,
    ])
    return rows.map(stored)
  }
}

/** Lots, alerts, overrides, shifts, checkpoints: small, few beside the inspections, kept until somebody deletes them. */
export class Documents extends DocumentReader {
  readonly #writer: Writer

  constructor(writer: Writer, reader: Database) {
    super(reader)
    this.#writer = writer
  }

  /** Writes it in place of what had its id; resolves when it is on disk. @throws StoreError `invalid` when it is not JSON */
  save(kind: DocumentKind, { id, at, open, value }: StoredDocument): Promise<void> {
    return this.#writer.transaction(async () => {
      const { database } = this.#writer
      const [text, state] = [canonicalOrInvalid(value, `${kind} ${id}`), open ? 1 : 0]
      // SQLite writes every index of a column that is set, changed or not: a page each, for nothing.
      const same = await database.get(
        'SELECT 1 FROM documents WHERE kind = ? AND id = ? AND at = ? AND open = ?',
        [...[kind, id, at, state]],
      )
      if (same !== undefined) {
        await database.run('UPDATE documents SET value = ? WHERE kind = ? AND id = ?', [text, kind, id])
        return
      }
      await database.run(
        `INSERT INTO documents (kind, id, at, open, value) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at, open = excluded.open, value = excluded.value`,
        [kind, id, at, state, text],
      )
    })
  }
}

function stored({ id, at, open, value }: Row): StoredDocument {
  return { id, at, open: open === 1, value: JSON.parse(value) }
}
