import type { Database } from '../database.ts'
import type { ChainTip } from '../log/chain.ts'
import { GENESIS } from '../log/chain.ts'

/** The last inspection of an epoch that retention removed: the chain goes on from there. */
export interface Anchor {
  /** Of the epoch. */
  readonly base: number
  readonly position: number
  /** Its hash, as it said. */
  readonly hash: string
  /** RFC 3339. */
  readonly removedAt: string
  /** What was wrong with the chain of the rows before they went; absent: they were verified, and every link held. */
  readonly broken?: string
}

interface Row {
  readonly base: number
  readonly position: number
  readonly hash: string
  readonly removed_at: string
  readonly broken: string | null
}

/** Every anchor, oldest epoch first; undefined of a schema that knows none. @throws StoreError */
export async function readAnchors(database: Database): Promise<Anchor[] | undefined> {
  const table = await database.get("SELECT 1 AS one FROM sqlite_schema WHERE name = 'anchors'")
  if (table === undefined) return undefined
  const rows = await database.all<Row>('SELECT * FROM anchors ORDER BY base')
  return rows.map(({ base, position, hash, removed_at, broken }) => ({
    ...{ base, position, hash, removedAt: removed_at },
    ...(broken === null ? {} : { broken }),
  }))
}

/** What the chain of an epoch goes on from: its anchor, or its beginning. */
export function tipAt(base: number, anchors: readonly Anchor[]): ChainTip {
  const anchor = anchors.find((other) => other.base === base)
  if (anchor === undefined) return { sequence: 0, hash: GENESIS }
  return { sequence: anchor.position - base, hash: anchor.hash }
}

export const SAVE_ANCHOR = `
  INSERT INTO anchors (base, position, hash, removed_at, broken) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (base) DO UPDATE SET position = excluded.position, hash = excluded.hash,
    removed_at = excluded.removed_at, broken = coalesce(broken, excluded.broken)`
