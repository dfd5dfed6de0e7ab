import type { Lens } from '../../lens.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { lensesOf } from './catalogue.ts'
import { besides, elsewhere } from './crawl-figures.ts'
import { closeCrawl, type OpenCrawl, openCrawl } from './crawl-ledger.ts'
import { putLenses } from './put-lenses.ts'
import { byKey, type CatalogueDiff, changes } from './staging.ts'
import { transaction } from './transaction.ts'

/** What became of a page, or of one that was crawled before and that nothing led to this time. */
export interface ReviewedPage {
  readonly url: string
  readonly outcome: 'page' | 'unchanged' | 'forbidden' | 'failed' | 'not-found-again' | null
  readonly detail?: string
  readonly rows: number
  readonly lenses: number
  /** Live lenses that it does not name any more, and that stay all the same: it may not mean it. */
  readonly withheld: number
}

/** What a crawl would change. */
export interface CrawlReview extends Pick<OpenCrawl, 'begunAt' | 'waiting'> {
  readonly diff: CatalogueDiff
  readonly pages: readonly ReviewedPage[]
  readonly pictures: {
    readonly kept: number
    readonly failed: readonly { readonly url: string; readonly detail: string }[]
  }
  /** Addresses beyond the limits of the plan. */
  readonly leftOut: number
  /** Hosts that have pictures of marks, and that nobody named. */
  readonly elsewhere: readonly { readonly host: string; readonly pictures: number }[]
}

interface Page {
  readonly url: string
  readonly outcome: ReviewedPage['outcome']
  readonly detail: string | null
  readonly rows: number | null
}

interface Live {
  readonly id: number
  readonly key: string
  readonly source: string
}

/** What is to be done, and what is said of it. */
interface Decision {
  readonly review: CrawlReview
  readonly staged: readonly { readonly source: string; readonly key: string }[]
  readonly dropped: readonly Live[]
}

/**
 * What `acceptCrawl` would do. Where a page that was read does not name more than a third of its lenses any more, or
 * failed, none of them goes unless `removable` has its address.
 * @throws StoreError `invalid` when no crawl is open, or `removable` has another address
 */
export async function reviewCrawl(
  database: Database,
  removable: readonly string[] = [],
): Promise<CrawlReview> {
  return (await decide(database, removable)).review
}

/**
 * Makes what was crawled live, all of it or nothing.
 * @throws StoreError `invalid` when no crawl is open, or it has addresses to fetch, or nobody accepts it
 */
export async function acceptCrawl(
  database: Database,
  { by, at, removable }: { readonly by: string; readonly at: string; readonly removable: readonly string[] },
): Promise<CrawlReview> {
  if (by.trim() === '') throw new StoreError('invalid', `accepted by ${JSON.stringify(by)}: expected a name`)
  return await transaction(database, async () => {
    const { review, staged, dropped } = await decide(database, removable)
    if (review.waiting > 0) {
      throw new StoreError(
        'invalid',
        `the crawl of ${review.begunAt} has ${review.waiting} addresses to fetch still`,
      )
    }
    const { added, changed } = review.diff
    await putLenses(database, [...added, ...changed.map(({ after }) => after)], at)
    await database.run(
      `INSERT INTO lens_sources (lens, source) SELECT lenses.id, value ->> 'source'
       FROM json_each(?) JOIN lenses ON lenses.key = value ->> 'key' WHERE TRUE ON CONFLICT DO NOTHING`,
      [JSON.stringify(staged)],
    )
    await database.run(
      `DELETE FROM lens_sources WHERE (lens, source) IN
         (SELECT value ->> 'id', value ->> 'source' FROM json_each(?))`,
      [JSON.stringify(dropped)],
    )
    await database.run('DELETE FROM lenses WHERE id NOT IN (SELECT lens FROM lens_sources)')
    await closeCrawl(database, { at, by })
    return review
  })
}

async function decide(database: Database, removable: readonly string[]): Promise<Decision> {
  const open = await openCrawl(database)
  if (open === undefined) throw new StoreError('invalid', 'no crawl is open')
  const pages = await pagesOf(database, open.id)
  const stray = removable.find((url) => !pages.some((page) => page.url === url))
  if (stray !== undefined) throw new StoreError('invalid', `--gone ${stray}: expected a page of the review`)
  const staged = await stagedBy(database, pages)
  const live = await database.all<Live>(
    'SELECT id, key, source FROM lens_sources JOIN lenses ON lenses.id = lens',
  )
  const judged = pages.map((page) => judge(page, { staged, live, removable }))
  const dropped = judged.flatMap((one) => one.dropped)
  const lenses = new Map((await lensesOf(database)).map((lens) => [lens.id, lens]))
  const before = new Map(live.map(({ id, key }) => [key, lenses.get(id)]))
  const after = byKey(staged.map(({ lens }) => lens))
  const gone = orphans(live, dropped, after)
  const review: CrawlReview = {
    ...{ begunAt: open.begunAt, waiting: open.waiting },
    diff: { ...changes(before, after), removed: gone.flatMap((id) => lenses.get(id) ?? []) },
    pages: judged.map(({ page }) => page),
    ...(await besides(database, open.id)),
    elsewhere: open.plan.pictures
      ? elsewhere(staged, [...pages.map(({ url }) => new URL(url).hostname), ...open.plan.picturesFrom])
      : [],
  }
  return { review, staged: staged.map(({ source, key }) => ({ source, key })), dropped }
}

async function pagesOf(database: Database, crawl: number): Promise<readonly Page[]> {
  const visited = await database.all<Page>(
    `SELECT visit.url, outcome, detail, crawled.rows FROM crawl_visits AS visit LEFT JOIN crawled USING (url)
     WHERE crawl = ? AND visit.kind = 'page' ORDER BY position, visit.url`,
    [crawl],
  )
  const origins = new Set(visited.map(({ url }) => new URL(url).origin))
  const before = await database.all<{ url: string }>(
    `SELECT DISTINCT source AS url FROM lens_sources JOIN crawled ON crawled.url = source AND kind = 'page'
     WHERE source NOT IN (SELECT url FROM crawl_visits WHERE crawl = ?) ORDER BY source`,
    [crawl],
  )
  const lost = before.filter(({ url }) => origins.has(new URL(url).origin))
  return [
    ...visited,
    ...lost.map(({ url }): Page => ({ url, outcome: 'not-found-again', detail: null, rows: null })),
  ]
}

function isRead({ outcome }: Pick<Page, 'outcome'>): boolean {
  return outcome === 'page' || outcome === 'unchanged'
}

/** A lens as a page names it. */
export interface StagedLens {
  readonly source: string
  readonly key: string
  readonly lens: Lens
}

/** In the order of the pages, so that the first one that names a lens is the one it is said to be of. */
async function stagedBy(database: Database, pages: readonly Page[]): Promise<readonly StagedLens[]> {
  const read = pages.filter(isRead).map(({ url }) => url)
  const rows = await database.all<{ source: string; key: string; lens: string }>(
    `SELECT source, staged.key AS key, lens FROM json_each(?) AS page JOIN staged ON source = page.value
     ORDER BY page.key, staged.key`,
    [JSON.stringify(read)],
  )
  // Written by `putStaged` alone.
  return rows.map(({ source, key, lens }) => ({ source, key, lens: JSON.parse(lens) }))
}

function judge(
  page: Page,
  known: {
    readonly staged: readonly StagedLens[]
    readonly live: readonly Live[]
    readonly removable: readonly string[]
  },
): { readonly page: ReviewedPage; readonly dropped: readonly Live[] } {
  const { url, outcome, detail, rows } = page
  const named = new Set(known.staged.flatMap(({ source, key }) => (source === url ? key : [])))
  const theirs = known.live.filter(({ source }) => source === url)
  const missing = theirs.filter(({ key }) => !named.has(key))
  const doubtful = !isRead(page) || 3 * missing.length > theirs.length
  const withheld = doubtful && !known.removable.includes(url)
  return {
    page: {
      ...{ url, outcome, rows: isRead(page) ? (rows ?? 0) : 0, lenses: named.size },
      ...(detail === null ? {} : { detail }),
      withheld: withheld ? missing.length : 0,
    },
    dropped: withheld ? [] : missing,
  }
}

/** The lenses that nobody names when all of that is done. */
function orphans(
  live: readonly Live[],
  dropped: readonly Live[],
  after: ReadonlyMap<string, Lens>,
): readonly number[] {
  const going = new Set(dropped)
  const named = new Set(live.flatMap((one) => (going.has(one) ? [] : one.id)))
  return [...new Set(dropped.flatMap(({ id, key }) => (named.has(id) || after.has(key) ? [] : id)))]
}
