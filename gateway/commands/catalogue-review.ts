import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Lens } from '../lens.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { crawlNotes } from '../store/catalogue/crawl-figures.ts'
import { closeCrawl, openCrawl } from '../store/catalogue/crawl-ledger.ts'
import {
  acceptCrawl,
  type CrawlReview,
  type ReviewedPage,
  reviewCrawl,
} from '../store/catalogue/crawl-review.ts'
import { markPictures } from '../store/catalogue/mark-pictures.ts'
import type { Database } from '../store/database.ts'
import { lockDirectory } from '../store/lock.ts'
import type { Streams } from '../streams.ts'
import { ndjson } from './catalogue-import.ts'

/** How a crawl is looked at, and accepted. */
export interface ReviewOptions {
  readonly by?: string | undefined
  readonly gone?: readonly string[] | undefined
  readonly report?: string | undefined
  readonly limit: string
  readonly json: boolean
}

/** What would change. Exit 0 shown, 1 no crawl is open. */
export async function review(file: string, options: ReviewOptions, streams: Streams): Promise<number> {
  return await withCrawl(file, streams, async (database) => {
    const found = await reviewCrawl(database, options.gone)
    if (options.report !== undefined) {
      const notes = await crawlNotes(database)
      const lines = notes.map(({ url, note }) => ({ url, ...JSON.parse(note) }))
      await writeFile(options.report, ndjson([...lines, ...failuresOf(found)]))
    }
    streams.output.write(
      options.json ? ndjson([lineOf(found)]) : reviewText(found, Number(options.limit), false),
    )
    return 0
  })
}

/** Makes it live. Exit 0 done, 1 no crawl is open, or it is not finished. */
export async function accept(
  file: string,
  { by, gone = [], limit, json }: ReviewOptions & { readonly by: string },
  streams: Streams,
): Promise<number> {
  return await withCrawl(file, streams, async (database) => {
    const open = await openCrawl(database)
    if (open !== undefined && open.waiting > 0) {
      streams.errors.write(
        `${open.waiting} addresses are to be fetched still: poincon catalogue crawl goes on\n`,
      )
      return 1
    }
    const done = await acceptCrawl(database, { by, at: new Date().toISOString(), removable: gone })
    streams.output.write(json ? ndjson([lineOf(done)]) : reviewText(done, Number(limit), true))
    return 0
  })
}

/** Drops the open crawl; what is live stays. Exit 0 done, 1 no crawl is open. */
export async function discard(file: string, streams: Streams): Promise<number> {
  return await withCrawl(file, streams, async (database) => {
    const lock = await lockDirectory(join(dirname(file), 'crawl'))
    try {
      await closeCrawl(database, { at: new Date().toISOString() })
      return 0
    } finally {
      await lock.close()
    }
  })
}

const ENDINGS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
}

/** Writes the pictures of marks that were crawled into a folder, each called by its hash. Exit 0 done, 1 there is none. */
export async function pictures(file: string, out: string, json: boolean, streams: Streams): Promise<number> {
  const database = await openCatalogue(file)
  try {
    const found = await markPictures(database)
    await mkdir(out, { recursive: true })
    for (const { sha256, mediaType, picture, urls, lenses } of found) {
      const path = join(out, `${sha256}.${ENDINGS[mediaType] ?? 'bin'}`)
      await writeFile(path, picture)
      const [first = ''] = urls
      streams.output.write(
        json ? ndjson([{ file: path, sha256, lenses, urls }]) : `${path}: ${lenses} lenses, ${first}\n`,
      )
    }
    return found.length === 0 ? 1 : 0
  } finally {
    await database.close()
  }
}

async function withCrawl(
  file: string,
  { errors }: Streams,
  work: (database: Database) => Promise<number>,
): Promise<number> {
  const database = await openCatalogue(file, 'write')
  try {
    if ((await openCrawl(database)) !== undefined) return await work(database)
    errors.write('no crawl is open: poincon catalogue crawl URL… --contact WHERE\n')
    return 1
  } finally {
    await database.close()
  }
}

function failuresOf({ pages, pictures: { failed } }: CrawlReview): readonly object[] {
  const unread = pages.filter(({ detail }) => detail !== undefined)
  return [...unread.map(({ url, outcome, detail }) => ({ url, outcome, detail })), ...failed]
}

function lineOf({ begunAt, leftOut, ...found }: CrawlReview): object {
  return { begun_at: begunAt, ...found, left_out: leftOut }
}

function reviewText(found: CrawlReview, limit: number, live: boolean): string {
  const { diff, pages, pictures: marks, waiting, leftOut, elsewhere, begunAt } = found
  const open = waiting === 0 ? '' : `; ${waiting} addresses are to be fetched still`
  const standing = live ? '' : ' — nothing of it is live'
  const { added, changed, removed, same } = diff
  const shown = <T>(title: string, all: readonly T[], text: (one: T) => string): readonly string[] => [
    ...all.slice(0, limit).map((one) => `  ${title} ${text(one)}`),
    ...(all.length > limit ? [`  … and ${all.length - limit} more ${title}: --limit, or --json`] : []),
  ]
  return [
    `crawl of ${begunAt}: ${pages.length} pages, ${marks.kept} pictures${open}`,
    `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${same} as before${standing}`,
    ...shown('added', added, lensText),
    ...shown('changed', changed, ({ after, fields }) => `${lensText(after)} (${fields.join(', ')})`),
    ...shown('removed', removed, lensText),
    ...pages.flatMap(pageText),
    ...shown('picture', marks.failed, ({ url, detail }) => `${url}: ${detail}`),
    ...elsewhere.map(
      ({ host, pictures: many }) => `  ${many} pictures are at ${host}: --pictures-from ${host} fetches them`,
    ),
    ...(leftOut === 0 ? [] : [`${leftOut} addresses were beyond --pages and --pictures`]),
    '',
  ].join('\n')
}

/** A page that has nothing to be said of is not mentioned. */
function pageText({ url, outcome, detail, rows, withheld }: ReviewedPage): readonly string[] {
  const stays =
    withheld === 0 ? '' : `; ${withheld} lenses that it does not name stay, --gone ${url} lets them go`
  switch (outcome) {
    case 'failed':
    case 'forbidden':
      return [`  page ${url}: ${outcome}: ${detail ?? ''}${stays}`]
    case 'not-found-again':
      return [`  page ${url}: nothing led to it this time${stays}`]
    case null:
      return []
    default:
      return withheld === 0 ? [] : [`  page ${url}: ${rows} rows${stays}`]
  }
}

function lensText({ supplier, name, index, material }: Lens): string {
  return `${supplier}: ${name}, ${index ?? 'index unknown'}, ${material ?? 'material unknown'}`
}
