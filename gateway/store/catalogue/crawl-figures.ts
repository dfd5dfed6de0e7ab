import type { Database } from '../database.ts'
import type { CrawlReview, StagedLens } from './crawl-review.ts'

/** Hosts of pictures that are none of `named`. */
export function elsewhere(staged: readonly StagedLens[], named: readonly string[]): CrawlReview['elsewhere'] {
  const near = new Set(named)
  const marks = staged.flatMap(({ lens }) =>
    lens.marks.flatMap((mark) => (mark.kind === 'image' ? mark.url : [])),
  )
  const hosts = new Map<string, number>()
  for (const url of new Set(marks)) {
    const host = new URL(url).hostname
    if (!near.has(host)) hosts.set(host, (hosts.get(host) ?? 0) + 1)
  }
  return [...hosts].map(([host, pictures]) => ({ host, pictures }))
}

/** What of a crawl is no page. */
export async function besides(
  database: Database,
  crawl: number,
): Promise<Pick<CrawlReview, 'pictures' | 'leftOut'>> {
  const kept = await database.get<{ count: number }>(
    `SELECT count(*) AS count FROM crawl_visits WHERE crawl = ? AND kind = 'picture' AND outcome IN ('picture', 'unchanged')`,
    [crawl],
  )
  const failed = await database.all<{ url: string; detail: string }>(
    `SELECT url, detail FROM crawl_visits
     WHERE crawl = ? AND kind = 'picture' AND outcome IN ('failed', 'forbidden') ORDER BY position, url`,
    [crawl],
  )
  const row = await database.get<{ left_out: number }>('SELECT left_out FROM crawls WHERE id = ?', [crawl])
  return { pictures: { kept: kept?.count ?? 0, failed }, leftOut: row?.left_out ?? 0 }
}

/** What was read otherwise than it stands, or left out, on the pages of the open crawl: a JSON text each, by page. */
export async function crawlNotes(
  database: Database,
): Promise<readonly { readonly url: string; readonly note: string }[]> {
  return await database.all(
    `SELECT visit.url, note FROM crawls JOIN crawl_visits AS visit ON crawl = id
       JOIN crawl_notes ON crawl_notes.url = visit.url
     WHERE closed_at IS NULL AND outcome IN ('page', 'unchanged') ORDER BY position, visit.url, line`,
  )
}
