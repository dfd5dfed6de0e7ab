import type { CrawlPlan, FoundAddress, PageReading } from '../../lens-crawl.ts'
import { supplierOf } from '../supplier-name.ts'
import { rowsOf } from './grid.ts'
import { attribute, documentOf, type Element, elementsOf, textOf } from './html.ts'
import { readLensTable, type TableReading } from './lens-table.ts'
import { textOfPage } from './page-text.ts'

type Document = ReturnType<typeof documentOf>

/** What a page says of lenses, and where it leads. @param url of the page, after its redirects */
export function readPage(
  bytes: Buffer,
  contentType: string,
  url: string,
  plan: Pick<CrawlPlan, 'follow' | 'picturesFrom' | 'pictures'>,
): PageReading {
  const document = documentOf(textOfPage(bytes, contentType))
  const base = baseOf(document, url)
  const heading = headingOf(document)
  const read: TableReading[] = []
  let line = 1
  for (const table of elementsOf(document, 'table')) {
    const rows = rowsOf(table, line)
    line += rows.length
    const one = readLensTable(rows, { base, url, supplier: heading })
    if (one !== undefined) read.push(one)
  }
  const lenses = read.flatMap((table) => table.lenses)
  const supplier = supplierOf(heading).name
  const renamed = supplier !== heading && lenses.some((lens) => lens.supplier === supplier)
  return {
    rows: read.reduce((sum, { rows }) => sum + rows, 0),
    lenses,
    repairs: [
      ...(renamed
        ? [{ line: 0, field: 'supplier', from: heading, to: supplier, rule: 'heading of the page' }]
        : []),
      ...read.flatMap(({ repairs }) => repairs),
    ],
    rejected: read.flatMap(({ rejected }) => rejected),
    found: [...linksOf(document, base, url, plan), ...picturesOf(lenses, url, plan)],
  }
}

function baseOf(document: Document, url: string): string {
  const href = elementsOf(document, 'base').flatMap((base) => attribute(base, 'href') ?? [])[0]
  return href !== undefined && URL.canParse(href, url) ? new URL(href, url).href : url
}

/** The first heading; where it was cut short, the title of the page that says more of the same. */
function headingOf(document: Document): string {
  const texts = [...elementsOf(document, 'h1'), ...elementsOf(document, 'caption', 'h2', 'title')].map(textOf)
  const [first = ''] = texts.filter((text) => text !== '')
  const cut = supplierOf(first)
  if (cut.complete) return first
  const longer = texts.find((text) => {
    const other = supplierOf(text)
    return other.complete && other.name.startsWith(cut.name)
  })
  return longer ?? first
}

/** `rel=nofollow` and a page's `robots` are heard. */
function linksOf(
  document: Document,
  base: string,
  url: string,
  { follow }: Pick<CrawlPlan, 'follow'>,
): readonly FoundAddress[] {
  const closed = elementsOf(document, 'meta').some(
    (meta) =>
      attribute(meta, 'name')?.toLowerCase() === 'robots' &&
      /\b(?:nofollow|none)\b/i.test(attribute(meta, 'content') ?? ''),
  )
  if (closed) return []
  const links = elementsOf(document, 'a', 'link').flatMap((link) => linkOf(link, base, url, follow) ?? [])
  return [...new Set(links)].map((link) => ({ url: link, kind: 'page' }))
}

/** @returns undefined for one that is not followed */
function linkOf(link: Element, base: string, url: string, follow: readonly string[]): string | undefined {
  const href = attribute(link, 'href')
  const rel = (attribute(link, 'rel') ?? '').toLowerCase().split(/\s+/)
  if (href === undefined || rel.includes('nofollow') || !URL.canParse(href, base)) return undefined
  const to = new URL(href, base)
  to.hash = ''
  if (to.origin !== new URL(url).origin || to.username !== '') return undefined
  const wanted = link.tagName === 'a' && follow.some((start) => to.href.startsWith(start))
  // The next page of the same table belongs to it.
  return wanted || rel.includes('next') ? to.href : undefined
}

function picturesOf(
  lenses: PageReading['lenses'],
  url: string,
  { pictures, picturesFrom }: Pick<CrawlPlan, 'pictures' | 'picturesFrom'>,
): readonly FoundAddress[] {
  if (!pictures) return []
  const hosts = [new URL(url).hostname, ...picturesFrom]
  const marks = lenses.flatMap(({ marks: all }) =>
    all.flatMap((mark) => (mark.kind === 'image' ? mark.url : [])),
  )
  const near = [...new Set(marks)].filter((mark) => hosts.includes(new URL(mark).hostname))
  return near.map((mark) => ({ url: mark, kind: 'picture' }))
}
