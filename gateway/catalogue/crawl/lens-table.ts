import { LENS_LIMITS, type Lens, type Mark, type Rejection, type Repair } from '../../lens.ts'
import { readRow, type ScrapedRow } from '../scraped-row.ts'
import { type Column, columnsOf, headingsOf, isBand } from './columns.ts'
import type { Cell, GridRow } from './grid.ts'
import { attribute, type Element } from './html.ts'

/** What the page itself says of all its rows. */
export interface PageFacts {
  /** What its addresses are relative to. */
  readonly base: string
  readonly url: string
  /** Its heading: a supplier's name, perhaps with words before it. */
  readonly supplier: string
}

/** What a table says. */
export interface TableReading {
  readonly rows: number
  readonly lenses: readonly Lens[]
  readonly repairs: readonly Repair[]
  readonly rejected: readonly Rejection[]
}

/** @returns undefined for a table of something else than lenses */
export function readLensTable(rows: readonly GridRow[], facts: PageFacts): TableReading | undefined {
  const columns = columnsOf(rows)
  if (columns === undefined) return undefined
  const lenses: Lens[] = []
  const repairs: Repair[] = []
  const rejected: Rejection[] = []
  let read = 0
  for (const row of rows.slice(columns.headings)) {
    if (row.cells.every(({ text, pictures }) => text === '' && pictures.length === 0)) continue
    if (headingsOf([row]).join('|') === columns.words || row.cells.every(({ heading }) => heading)) continue
    read += 1
    const cell: CellAt = (column) => row.cells[columns.at.get(column) ?? -1]
    const expected = noLens(row, cell)
    if (expected !== undefined) {
      rejected.push({ line: row.line, field: 'row', value: row.cells[0]?.text ?? '', expected })
      continue
    }
    const one = readCells(cell, row.line, facts)
    lenses.push(...one.lenses)
    repairs.push(...one.repairs)
    rejected.push(...one.rejected)
  }
  return { rows: read, lenses, repairs, rejected }
}

/** Why a row is a title of those below it, and no lens. @returns what a lens would have */
function noLens(row: GridRow, cell: CellAt): string | undefined {
  const name = cell('name')
  const others = [cell('engraving'), cell('index'), cell('material')]
  if (isBand(row) || (name !== undefined && others.includes(name))) return 'a cell for each column'
  const empty = others.every(
    (other) => other === undefined || (other.text === '' && other.pictures.length === 0),
  )
  return name !== undefined && name.text !== '' && empty ? 'an engraving, an index or a material' : undefined
}

type CellAt = (column: Column) => Cell | undefined

function readCells(cell: CellAt, line: number, facts: PageFacts): Omit<TableReading, 'rows'> {
  const text = (column: Column): string => cell(column)?.text ?? ''
  const engraving = cell('engraving')
  const pictures = picturesOf(engraving?.pictures ?? [], facts.base)
  const said = text('supplier')
  const cells: ScrapedRow = {
    glass_name: text('name'),
    glass_supplier_name: said === '' ? facts.supplier : said,
    nasal_engraving: [...pictures.keys(), engraving?.text ?? ''].filter((part) => part !== '').join(' ou '),
    glass_index: text('index'),
    material: text('material'),
    range: text('range'),
    series: text('series'),
    source_url: facts.url,
  }
  const { lenses, repairs, rejection } = readRow(cells, line)
  const named = lenses.map((lens) => ({ ...lens, marks: lens.marks.map((mark) => withAlt(mark, pictures)) }))
  // A supplier's name stands above the whole table: put right once, not on every line.
  const own = repairs.filter(({ field }) => said !== '' || field !== 'glass_supplier_name')
  return { lenses: named, repairs: own, rejected: rejection === undefined ? [] : [rejection] }
}

/** By address, with the words that stand for each; a page that shows pictures late has their address elsewhere. */
function picturesOf(pictures: readonly Element[], base: string): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const picture of pictures) {
    const sources = ['src', 'data-src', 'data-original'].flatMap((name) => attribute(picture, name) ?? [])
    const source = sources.find(
      (text) => URL.canParse(text, base) && /^https?:$/.test(new URL(text, base).protocol),
    )
    if (source === undefined) continue
    const url = new URL(source, base)
    url.hash = ''
    found.set(url.href, attribute(picture, 'alt')?.replace(/\s+/g, ' ').slice(0, LENS_LIMITS.name))
  }
  return found
}

function withAlt(mark: Mark, pictures: ReadonlyMap<string, string | undefined>): Mark {
  if (mark.kind === 'text') return mark
  const alt = pictures.get(mark.url)
  return alt === undefined ? mark : { ...mark, alt }
}
