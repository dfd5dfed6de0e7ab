import { createHash } from 'node:crypto'
import type { CrawlLedger, CrawlPlan, Visit, VisitOutcome } from '../../lens-crawl.ts'
import type { Want } from './ask.ts'
import { readPage } from './page.ts'
import { mediaTypeOf } from './picture-type.ts'
import type { Fetched, PoliteFetcher } from './polite-fetcher.ts'

export const PAGE: Want = {
  accept: 'text/html, application/xhtml+xml',
  types: /^(?:text\/html|application\/xhtml\+xml)$/,
  mostBytes: 4 * 1024 * 1024,
}
export const PICTURE: Want = {
  accept: 'image/png, image/jpeg, image/gif, image/webp',
  types: /^image\/(?:png|jpe?g|pjpeg|gif|webp)$/,
  mostBytes: 2 * 1024 * 1024,
}
/** After so many addresses of a host in a row that failed by its fault, the others of it are not asked for. */
const GIVE_UP_AFTER = 3

type Fetching = Pick<PoliteFetcher, 'get'>

/**
 * Fetches, reads and records one address after the other, until there is none left.
 * @throws the reason of the fetcher's signal, StoreError
 */
export async function crawl(
  ledger: CrawlLedger,
  fetcher: Fetching,
  plan: Pick<CrawlPlan, 'follow' | 'picturesFrom' | 'pictures'>,
  said: (visit: Visit, outcome: VisitOutcome) => void = () => {},
): Promise<void> {
  const failures = new Map<string, number>()
  for (let visit = await ledger.next(); visit !== undefined; visit = await ledger.next()) {
    const { hostname } = new URL(visit.url)
    const inARow = failures.get(hostname) ?? 0
    const given = inARow >= GIVE_UP_AFTER
    const fetched = given ? GIVEN_UP : await fetcher.get(visit.url, wantOf(visit), visit.validators)
    const trouble = fetched.kind === 'failed' && fetched.host
    if (!given) failures.set(hostname, trouble ? inARow + 1 : 0)
    const outcome = outcomeOf(visit, fetched, plan)
    await ledger.record(visit, outcome)
    said(visit, outcome)
  }
}

const GIVEN_UP: Fetched = {
  kind: 'failed',
  detail: `not asked for: its host failed ${GIVE_UP_AFTER} times in a row`,
  host: true,
}

function wantOf({ kind }: Visit): Want {
  return kind === 'page' ? PAGE : PICTURE
}

function outcomeOf(
  visit: Visit,
  fetched: Fetched,
  plan: Pick<CrawlPlan, 'follow' | 'picturesFrom' | 'pictures'>,
): VisitOutcome {
  if (fetched.kind !== 'got') return fetched
  const { bytes, contentType, url, validators } = fetched
  const received = {
    validators,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
  if (visit.kind === 'page')
    return { kind: 'page', reading: readPage(bytes, contentType, url, plan), ...received }
  const mediaType = mediaTypeOf(bytes)
  if (mediaType === undefined) {
    return {
      kind: 'failed',
      detail: `no picture: it begins with ${bytes.toString('hex', 0, 4) || 'nothing'}`,
    }
  }
  return { kind: 'picture', picture: bytes, mediaType, ...received }
}
