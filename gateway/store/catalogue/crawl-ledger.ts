import type {
  CrawlLedger,
  CrawlPlan,
  FoundAddress,
  PageReading,
  Visit,
  VisitKind,
  VisitOutcome,
} from '../../lens-crawl.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { byKey, putStaged } from './staging.ts'
import { transaction } from './transaction.ts'

/** A crawl that nobody has accepted or discarded. */
export interface OpenCrawl {
  readonly id: number
  readonly plan: CrawlPlan
  /** RFC 3339. */
  readonly begunAt: string
  /** Addresses that are to be fetched still. */
  readonly waiting: number
}

/** @returns undefined when there is none @throws StoreError */
export async function openCrawl(database: Database): Promise<OpenCrawl | undefined> {
  const row = await database.get<{ id: number; plan: string; begun_at: string; waiting: number }>(
    `SELECT id, plan, begun_at,
       (SELECT count(*) FROM crawl_visits WHERE crawl = id AND outcome IS NULL) AS waiting
     FROM crawls WHERE closed_at IS NULL`,
  )
  if (row === undefined) return undefined
  // Written by `beginCrawl` alone.
  const plan: CrawlPlan = JSON.parse(row.plan)
  return { id: row.id, plan, begunAt: row.begun_at, waiting: row.waiting }
}

/** Begins one; another that was fetched to its end and not accepted gives way. @param at RFC 3339 @throws StoreError */
export async function beginCrawl(database: Database, plan: CrawlPlan, at: string): Promise<void> {
  await transaction(database, async () => {
    const open = await openCrawl(database)
    if (open !== undefined && open.waiting > 0) {
      throw new StoreError(
        'invalid',
        `the crawl of ${open.begunAt} has ${open.waiting} addresses to fetch still`,
      )
    }
    await closeCrawl(database, { at })
    // Of those before, who accepted them is kept; where they went is not.
    await database.run(
      'DELETE FROM crawl_visits WHERE crawl IN (SELECT id FROM crawls WHERE closed_at IS NOT NULL)',
    )
    await database.run(
      `DELETE FROM mark_pictures WHERE sha256 NOT IN (SELECT sha256 FROM crawled WHERE kind = 'picture')`,
    )
    await database.run('INSERT INTO crawls (plan, begun_at) VALUES (?, ?)', [JSON.stringify(plan), at])
    const begun = await database.get<{ id: number }>('SELECT id FROM crawls WHERE closed_at IS NULL')
    const starts = plan.starts.map((url): FoundAddress => ({ url, kind: 'page' }))
    await putFound(database, begun?.id ?? 0, plan, starts)
  })
}

/** What was fetched stays for the next one to compare with. @returns whether one was open. @throws StoreError */
export async function closeCrawl(
  database: Database,
  { at, by }: { readonly at: string; readonly by?: string },
): Promise<boolean> {
  const open = await database.get('SELECT id FROM crawls WHERE closed_at IS NULL')
  await database.run('UPDATE crawls SET closed_at = ?, accepted_by = ? WHERE closed_at IS NULL', [
    at,
    by ?? null,
  ])
  return open !== undefined
}

/**
 * The ledger of the open crawl.
 * @param software the release: what another one read is fetched again, whether it has changed or not
 * @throws StoreError `invalid` when none is open
 */
export async function ledgerOf(
  database: Database,
  { software, now }: { readonly software: string; readonly now: () => string },
): Promise<CrawlLedger> {
  const open = await openCrawl(database)
  if (open === undefined) throw new StoreError('invalid', 'no crawl is open')
  const { id, plan } = open
  const { follow, pictures, picturesFrom } = plan
  const readAs = JSON.stringify({ software, follow, pictures, picturesFrom })
  return {
    next: () => nextVisit(database, id, readAs),
    record: (visit, outcome) =>
      transaction(database, async () => {
        const at = now()
        const detail = 'detail' in outcome ? outcome.detail : null
        await database.run(
          'UPDATE crawl_visits SET outcome = ?, detail = ?, at = ? WHERE crawl = ? AND url = ?',
          [outcome.kind, detail, at, id, visit.url],
        )
        const found = await keep(database, visit, outcome, { readAs, at })
        await putFound(database, id, plan, found)
      }),
  }
}

/** Pages before pictures, so that what they say is known early. */
async function nextVisit(database: Database, crawl: number, readAs: string): Promise<Visit | undefined> {
  const row = await database.get<{
    url: string
    kind: VisitKind
    etag: string | null
    modified: string | null
  }>(
    `SELECT visit.url, visit.kind, etag, last_modified AS modified FROM crawl_visits AS visit
       LEFT JOIN crawled ON crawled.url = visit.url AND crawled.kind = visit.kind AND read_as = ?2
     WHERE crawl = ?1 AND outcome IS NULL ORDER BY visit.kind, position LIMIT 1`,
    [crawl, readAs],
  )
  if (row === undefined) return undefined
  const { url, kind, etag, modified } = row
  const validators = {
    ...(etag === null ? {} : { etag }),
    ...(modified === null ? {} : { lastModified: modified }),
  }
  return { url, kind, validators }
}

type How = { readonly readAs: string; readonly at: string }

/** @returns the addresses that follow from it */
async function keep(
  database: Database,
  visit: Visit,
  outcome: VisitOutcome,
  how: How,
): Promise<readonly FoundAddress[]> {
  switch (outcome.kind) {
    case 'page': {
      const { reading } = outcome
      await putCrawled(database, visit, outcome, { ...how, rows: reading.rows, found: reading.found })
      await putStaged(database, visit.url, byKey(reading.lenses))
      await putNotes(database, visit.url, reading)
      return reading.found
    }
    case 'picture':
      await database.run(
        'INSERT INTO mark_pictures (sha256, media_type, picture) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        [outcome.sha256, outcome.mediaType, outcome.picture],
      )
      await putCrawled(database, visit, outcome, { ...how, rows: 0, found: [] })
      return []
    case 'unchanged':
      return await foundBefore(database, visit.url)
    case 'forbidden':
    case 'failed':
      return []
  }
}

async function foundBefore(database: Database, url: string): Promise<readonly FoundAddress[]> {
  const row = await database.get<{ found: string }>('SELECT found FROM crawled WHERE url = ?', [url])
  // Written by `putCrawled` alone.
  return row === undefined ? [] : JSON.parse(row.found)
}

async function putCrawled(
  database: Database,
  { url, kind }: Visit,
  { validators, sha256, bytes }: Extract<VisitOutcome, { kind: VisitKind }>,
  how: How & { readonly rows: number; readonly found: readonly FoundAddress[] },
): Promise<void> {
  const { etag = null, lastModified = null } = validators
  await database.run(
    `INSERT OR REPLACE INTO crawled (url, kind, read_as, etag, last_modified, sha256, bytes, rows, found, read_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [url, kind, how.readAs, etag, lastModified, sha256, bytes, how.rows, JSON.stringify(how.found), how.at],
  )
}

async function putNotes(database: Database, url: string, { repairs, rejected }: PageReading): Promise<void> {
  await database.run('DELETE FROM crawl_notes WHERE url = ?', [url])
  await database.run(
    `INSERT INTO crawl_notes (url, line, note)
     SELECT ?, value ->> 'line', value FROM json_each(?)`,
    [url, JSON.stringify([...repairs, ...rejected])],
  )
}

/** Those that are new and within the plan's limits; the others are counted. */
async function putFound(
  database: Database,
  crawl: number,
  { most }: CrawlPlan,
  found: readonly FoundAddress[],
): Promise<void> {
  for (const kind of ['page', 'picture'] as const) {
    const urls = [...new Set(found.filter((one) => one.kind === kind).map(({ url }) => url))]
    if (urls.length === 0) continue
    const [limit, json] = [kind === 'page' ? most.pages : most.pictures, JSON.stringify(urls)]
    const fresh = `SELECT value AS url, key AS place FROM json_each(?1)
      WHERE value NOT IN (SELECT url FROM crawl_visits WHERE crawl = ?2) ORDER BY key`
    const room = `max(0, ?3 - (SELECT count(*) FROM crawl_visits WHERE crawl = ?2 AND kind = ?4))`
    const values = [json, crawl, limit, kind]
    await database.run(
      `UPDATE crawls SET left_out = left_out + max(0, (SELECT count(*) FROM (${fresh})) - ${room}) WHERE id = ?2`,
      values,
    )
    await database.run(
      `INSERT INTO crawl_visits (crawl, position, url, kind)
       SELECT ?2, (SELECT count(*) FROM crawl_visits WHERE crawl = ?2) + place, url, ?4
       FROM (${fresh}) LIMIT ${room}`,
      values,
    )
  }
}
