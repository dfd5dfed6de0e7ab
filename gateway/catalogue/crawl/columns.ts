import { folded } from '../../lens.ts'
import type { GridRow } from './grid.ts'

/** What a column of a table of lenses is. */
export type Column = 'name' | 'engraving' | 'index' | 'material' | 'supplier' | 'range' | 'series'

/** Words of headings, without case and accents, the surest first. `marque` alone is a maker as often as a mark. */
const WORDS: readonly (readonly [Column, RegExp])[] = [
  ['engraving', /\bnasale?\b/],
  ['engraving', /\b(?:gravures?|engravings?|marquages?|symboles?|symbols?)\b/],
  ['index', /\b(?:indices?|index|refractive)\b|^n$/],
  ['material', /\b(?:matieres?|materiaux?|materials?|matiere)\b/],
  ['range', /\b(?:gammes?|range)\b/],
  ['series', /\b(?:series?)\b/],
  ['supplier', /\b(?:fournisseurs?|fabricants?|suppliers?|makers?|manufacturers?)\b/],
  ['name', /\b(?:noms?|names?|designations?|libelles?)\b/],
  ['name', /\b(?:verres?|produits?|modeles?|lens(?:es)?|products?)\b/],
]
/** The engraving at the other side of a lens is its addition. */
const OTHER_SIDE = /\btemporale?\b/
/** A heading stands within the first rows; titles and captions may stand above it. */
const HEADING_WITHIN = 6

/** Where the columns of a table are, and where its lenses begin. */
export interface Columns {
  readonly at: ReadonlyMap<Column, number>
  /** Rows that are title and heading. */
  readonly headings: number
  /** What the headings say, to know them again further down. */
  readonly words: string
}

/**
 * Finds the columns by what stands above them, for each table by itself: a name, and a thing to tell lenses by.
 * @returns undefined for a table of something else
 */
export function columnsOf(rows: readonly GridRow[]): Columns | undefined {
  for (let first = 0; first < Math.min(HEADING_WITHIN, rows.length); first++) {
    if (isBand(rows[first])) continue
    // Headings of several lines, `Gravure` over `nasale` and `temporale`, are read as one.
    let lines = 1
    while (rows[first + lines]?.cells.every(({ heading }) => heading) === true) lines += 1
    for (; lines > 0; lines--) {
      const words = headingsOf(rows.slice(first, first + lines))
      const at = assigned(words)
      if (at.has('name') && (at.has('engraving') || at.has('index') || at.has('material')))
        return { at, headings: first + lines, words: words.join('|') }
    }
  }
  return undefined
}

/** A row that is one merged cell: a title, or something that is said of the rows below it. */
export function isBand(row: GridRow | undefined): boolean {
  const [first, ...others] = row?.cells ?? []
  return others.length > 0 && others.every((cell) => cell === first)
}

/** What stands above each column. */
export function headingsOf(rows: readonly GridRow[]): readonly string[] {
  const width = Math.max(0, ...rows.map(({ cells }) => cells.length))
  return Array.from({ length: width }, (_, column) => {
    const texts = rows.map(({ cells }) => folded(cells[column]?.text ?? ''))
    return [...new Set(texts)].join(' ').trim()
  })
}

/** Each column to one field and each field to one column: a cell that holds a sentence is no heading. */
function assigned(headings: readonly string[]): Map<Column, number> {
  const at = new Map<Column, number>()
  const taken = new Set<number>()
  for (const [column, word] of WORDS) {
    if (at.has(column)) continue
    const found = headings.findIndex(
      (text, index) => !taken.has(index) && text.length <= 40 && word.test(text) && !OTHER_SIDE.test(text),
    )
    if (found < 0) continue
    at.set(column, found)
    taken.add(found)
  }
  return at
}
