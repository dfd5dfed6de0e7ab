import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { crawl } from '../catalogue/crawl/crawl.ts'
import { MANNERS, PoliteFetcher } from '../catalogue/crawl/polite-fetcher.ts'
import type { CrawlPlan, Visit, VisitOutcome } from '../lens-crawl.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { beginCrawl, ledgerOf, openCrawl } from '../store/catalogue/crawl-ledger.ts'
import { reviewCrawl } from '../store/catalogue/crawl-review.ts'
import type { Database } from '../store/database.ts'
import { lockDirectory } from '../store/lock.ts'
import type { Streams } from '../streams.ts'
import { packageVersion } from '../version.ts'
import { ndjson } from './catalogue-import.ts'

/** How a crawl is asked for. */
export interface CrawlOptions {
  readonly contact?: string | undefined
  readonly follow?: readonly string[] | undefined
  readonly 'pictures-from'?: readonly string[] | undefined
  readonly 'no-pictures': boolean
  readonly pages: string
  readonly pictures: string
  readonly json: boolean
}

/** What a test has in place of the machine's. */
export interface CrawlSurroundings {
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** What a robots.txt calls it. */
const PRODUCT = 'poincon'
const LIMITS = { pages: 10_000, pictures: 100_000 } as const

/** What is wrong with how a crawl was asked for. */
class PlanError extends Error {
  override readonly name = 'PlanError'
}

/**
 * Fetches suppliers' pages; nothing of them is live until they are accepted.
 * @param starts none: goes on with the crawl that was cut off
 * Exit 0 all is fetched, or failed for good; 1 not one page was, nothing to go on with, another is not finished, or cut
 * off; 2 wrong usage.
 */
export async function crawlPages(
  file: string,
  starts: readonly string[],
  options: CrawlOptions,
  streams: Streams,
  surroundings?: CrawlSurroundings,
): Promise<number> {
  const plan = starts.length === 0 ? undefined : planOf(starts, options)
  if (plan instanceof PlanError) {
    streams.errors.write(`poincon catalogue: ${plan.message}\n`)
    return 2
  }
  const lock = await lockDirectory(join(dirname(file), 'crawl'))
  try {
    const database = await openCatalogue(file, 'write')
    try {
      const begun = await planToFollow(database, plan)
      if (typeof begun === 'string') {
        streams.errors.write(`${begun}\n`)
        return 1
      }
      return await run(database, begun, options, streams, surroundings ?? ofTheMachine())
    } finally {
      await database.close()
    }
  } finally {
    await lock.close()
  }
}

function planOf(starts: readonly string[], options: CrawlOptions): CrawlPlan | PlanError {
  const { contact = '', follow = [] } = options
  const picturesFrom = (options['pictures-from'] ?? []).map((host) => host.toLowerCase())
  const most = { pages: Number(options.pages), pictures: Number(options.pictures) }
  const address = [...starts, ...follow].find((text) => !isWebAddress(text))
  if (address !== undefined) return new PlanError(`${address}: expected an address, https://…`)
  if (
    !(/^[^\s@()]+@[^\s@()]+\.[^\s@()]+$/.test(contact) || (isWebAddress(contact) && !/[\s()]/.test(contact)))
  ) {
    return new PlanError(
      `--contact ${contact}: expected a mail address or https://…, for whoever keeps the pages`,
    )
  }
  for (const kind of ['pages', 'pictures'] as const) {
    if (Number.isInteger(most[kind]) && most[kind] >= 1 && most[kind] <= LIMITS[kind]) continue
    return new PlanError(`--${kind} ${options[kind]}: expected a number from 1 to ${LIMITS[kind]}`)
  }
  const plain = (text: string): string => Object.assign(new URL(text), { hash: '' }).href
  return {
    starts: starts.map(plain),
    follow: follow.map(plain),
    picturesFrom,
    pictures: !options['no-pictures'],
    most,
    contact,
  }
}

function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

/** @returns the plan of the crawl that is open then, or why there is none */
async function planToFollow(database: Database, plan: CrawlPlan | undefined): Promise<CrawlPlan | string> {
  const open = await openCrawl(database)
  const unfinished = open !== undefined && open.waiting > 0
  if (plan === undefined) {
    if (unfinished) return open.plan
    return open === undefined
      ? 'there is no crawl to go on with: poincon catalogue crawl URL… --contact WHERE'
      : `the crawl of ${open.begunAt} is done: poincon catalogue review`
  }
  if (unfinished) {
    if (isDeepStrictEqual(open.plan, plan)) return plan
    const [go, drop] = ['poincon catalogue crawl goes on with it', 'poincon catalogue discard drops it']
    return `another crawl, of ${open.begunAt}, has ${open.waiting} addresses to fetch still: ${go}, ${drop}`
  }
  await beginCrawl(database, plan, new Date().toISOString())
  return plan
}

async function run(
  database: Database,
  plan: CrawlPlan,
  { json }: CrawlOptions,
  streams: Streams,
  { clock, signal }: CrawlSurroundings,
): Promise<number> {
  const software = packageVersion()
  const manners = { ...MANNERS, product: PRODUCT, agent: `${PRODUCT}/${software} (+${plan.contact})` }
  const fetcher = new PoliteFetcher({ manners, clock, signal })
  const ledger = await ledgerOf(database, { software, now: () => new Date(clock.wall()).toISOString() })
  try {
    await crawl(ledger, fetcher, plan, (visit, outcome) => {
      const said = { url: visit.url, outcome: outcome.kind, ...figuresOf(outcome) }
      streams.output.write(json ? ndjson([said]) : visitText(visit, outcome))
    })
  } catch (error) {
    if (!signal.aborted) throw error
    streams.errors.write('cut off: poincon catalogue crawl goes on with it\n')
    return 1
  }
  const { pages, pictures, leftOut } = await reviewCrawl(database)
  const failed = pages.filter(({ outcome }) => outcome === 'failed' || outcome === 'forbidden').length
  const counts = `${pages.length} pages, ${failed} of them not read; ${pictures.kept} pictures`
  const beyond = leftOut === 0 ? '' : `; ${leftOut} addresses beyond --pages and --pictures`
  streams.errors.write(`${counts}${beyond}; nothing of it is live: poincon catalogue review\n`)
  return failed === pages.length ? 1 : 0
}

function figuresOf(outcome: VisitOutcome): object {
  if (outcome.kind === 'page') {
    const { rows, lenses, repairs, rejected } = outcome.reading
    return { rows, lenses: lenses.length, repaired: repairs.length, rejected: rejected.length }
  }
  if (outcome.kind === 'picture') return { bytes: outcome.bytes, sha256: outcome.sha256 }
  return outcome.kind === 'unchanged' ? {} : { detail: outcome.detail }
}

function visitText({ url }: Visit, outcome: VisitOutcome): string {
  if (outcome.kind === 'page') {
    const { rows, lenses, rejected } = outcome.reading
    return `${url}: ${rows} rows, ${lenses.length} lenses, ${rejected.length} rows left out\n`
  }
  if (outcome.kind === 'picture') return `${url}: ${outcome.mediaType}, ${outcome.bytes} bytes\n`
  return outcome.kind === 'unchanged' ? `${url}: as before\n` : `${url}: ${outcome.kind}: ${outcome.detail}\n`
}

/** Ends between two requests when somebody wants it to; a kill does no harm either. */
function ofTheMachine(): CrawlSurroundings {
  const ended = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort())
  return { clock: systemClock, signal: ended.signal }
}
