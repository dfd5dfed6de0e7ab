import type { Lens, Rejection, Repair } from './lens.ts'

/** What a server said of an answer, so that it need not say the same again (RFC 9110, 8.8). */
export interface Validators {
  readonly etag?: string
  readonly lastModified?: string
}

/** What a crawl was told; it is kept, so that one that was cut off goes on as it began. */
export interface CrawlPlan {
  readonly starts: readonly string[]
  /** Links whose address begins with one of these are followed, on the host of the page that has them. */
  readonly follow: readonly string[]
  /** Hosts, beside a page's own, that pictures may be fetched from. */
  readonly picturesFrom: readonly string[]
  readonly pictures: boolean
  /** How many pages and pictures are asked for at most. */
  readonly most: { readonly pages: number; readonly pictures: number }
  /** An address where whoever keeps the site reaches a person. */
  readonly contact: string
}

export type VisitKind = 'page' | 'picture'

/** An address that a crawl is to fetch. */
export interface Visit {
  readonly url: string
  readonly kind: VisitKind
  /** Of the last good answer, if this release read it. */
  readonly validators: Validators
}

/** An address that a page names. */
export interface FoundAddress {
  readonly url: string
  readonly kind: VisitKind
}

/** What a page says of lenses. */
export interface PageReading {
  /** Rows of its tables of lenses. */
  readonly rows: number
  readonly lenses: readonly Lens[]
  readonly repairs: readonly Repair[]
  readonly rejected: readonly Rejection[]
  readonly found: readonly FoundAddress[]
}

/** What came of a visit. */
export type VisitOutcome =
  | ({ readonly kind: 'page'; readonly reading: PageReading } & Received)
  | ({ readonly kind: 'picture'; readonly picture: Uint8Array; readonly mediaType: string } & Received)
  /** The server says that it is as it was. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'forbidden' | 'failed'; readonly detail: string }

interface Received {
  readonly validators: Validators
  /** Lower-case hex. */
  readonly sha256: string
  readonly bytes: number
}

/** Where a crawl keeps how far it is: each outcome and all that follows from it at once, or nothing of it. */
export interface CrawlLedger {
  /** The next address to fetch, in the order in which they were found. */
  next(): Promise<Visit | undefined>
  record(visit: Visit, outcome: VisitOutcome): Promise<void>
}
