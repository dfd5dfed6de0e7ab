import { parseArgs } from 'node:util'

export const USAGE = `poincon catalogue import FILE [--source NAME] [--dry-run] [--remove] [--report FILE] [--json]
poincon catalogue search [WORDS…] [--text MARK] [--symbol NAME]… [--tag TAG]… [--any] [--index N[-N]] [--supplier NAME]
                         [--limit N] [--json]
poincon catalogue link LENS_ID SYMBOL [--confidence C] [--validated-by NAME] [--json]
poincon catalogue unlink LENS_ID SYMBOL
poincon catalogue tag SYMBOL TAG…
poincon catalogue untag SYMBOL TAG…
poincon catalogue crawl [URL… --contact WHERE [--follow URL]… [--pictures-from HOST]… [--no-pictures] [--pages N]
                         [--pictures N]] [--json]
poincon catalogue review [--gone URL]… [--report FILE] [--limit N] [--json]
poincon catalogue accept --by WHO [--gone URL]… [--json]
poincon catalogue discard
poincon catalogue pictures --out DIR [--json]

The lenses that an engraving can belong to. import reads a CSV or XLSX of a supplier, or of the old scraper, or the
verres.db of the system before, puts right what is surely wrong, and goes live all at once; --report writes down every line
that was put right or left out, --dry-run shows what would change. Where a fifth of a source's lenses would go, it wants
--remove. search finds
lenses by a name as somebody remembers it, by the text or the symbols that are engraved, tags (all, or --any), refractive
index, supplier. link says that an enrolled symbol stands on a lens, by the number that search gives it, with a confidence
of 0 to 1 (1 when nothing is said), and who has seen it there; unlink takes that back; tag gives a symbol tags to be found
by, untag takes them away.

crawl fetches suppliers' pages, as robots.txt allows it, a request every three seconds a host; without an address it goes on
with one that was cut off. --contact is a mail address or a page by which a person is reached, --follow begins the links that
lead to more pages. Nothing is live then: review shows what would be added, changed and removed, accept makes it so, discard
drops it. A page that failed, or names less than two thirds of its lenses, removes none unless --gone names it. pictures
writes down the pictures of marks, to enrol from.

All work on catalogue.db of the data directory (--config FILE), whether the station runs or not.
`

/** What the command was told. @throws TypeError for an option that it does not have */
export function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      source: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      remove: { type: 'boolean', default: false },
      report: { type: 'string' },
      text: { type: 'string' },
      symbol: { type: 'string', multiple: true },
      tag: { type: 'string', multiple: true },
      any: { type: 'boolean', default: false },
      confidence: { type: 'string' },
      'validated-by': { type: 'string' },
      index: { type: 'string' },
      supplier: { type: 'string' },
      limit: { type: 'string', default: '20' },
      contact: { type: 'string' },
      follow: { type: 'string', multiple: true },
      'pictures-from': { type: 'string', multiple: true },
      'no-pictures': { type: 'boolean', default: false },
      pages: { type: 'string', default: '500' },
      pictures: { type: 'string', default: '5000' },
      by: { type: 'string' },
      gone: { type: 'string', multiple: true },
      out: { type: 'string', short: 'o' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

export type Values = ReturnType<typeof parsed>['values']
