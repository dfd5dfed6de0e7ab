import { below, type Element, elementsOf, isElement, textOf } from './html.ts'

/** A cell, also in the places into which it reaches. */
export interface Cell {
  readonly text: string
  readonly pictures: readonly Element[]
  readonly heading: boolean
}

export interface GridRow {
  /** Of the page, from 1, over all its tables. */
  readonly line: number
  /** By column; a merged cell stands in each of its places. */
  readonly cells: readonly Cell[]
}

// A cell may say that it reaches over millions of places; 65534 rows are HTML's own limit (4.9.11).
const MOST_COLUMNS = 32
const MOST_ROWS = 65_534

/** The rows of a table, merged cells unfolded; those of tables within its cells are not its own. */
export function rowsOf(table: Element, firstLine: number): readonly GridRow[] {
  const rows: GridRow[] = []
  // A cell that reaches down ends with its `tbody`, whatever it says.
  for (const section of sectionsOf(table)) rows.push(...unfolded(section, firstLine + rows.length))
  return rows
}

function sectionsOf(table: Element): readonly (readonly Element[])[] {
  const sections = new Map<unknown, Element[]>()
  for (const node of below(table, ({ tagName }) => tagName === 'table' || tagName === 'tr')) {
    if (!isElement(node) || node.tagName !== 'tr') continue
    const of = sections.get(node.parentNode)
    if (of === undefined) sections.set(node.parentNode, [node])
    else of.push(node)
  }
  return [...sections.values()]
}

function unfolded(section: readonly Element[], firstLine: number): readonly GridRow[] {
  // By column: a cell of a row above, and how many rows it still reaches into.
  const hanging = new Map<number, { readonly cell: Cell; left: number }>()
  return section.map((tr, index) => {
    const cells: Cell[] = []
    const take = (): void => {
      for (let from = hanging.get(cells.length); from !== undefined; from = hanging.get(cells.length)) {
        from.left -= 1
        if (from.left === 0) hanging.delete(cells.length)
        cells.push(from.cell)
      }
    }
    for (const td of ownCells(tr)) {
      take()
      const cell = { text: textOf(td), pictures: elementsOf(td, 'img'), heading: td.tagName === 'th' }
      // rowspan="0" reaches to the end of its section (HTML, 4.9.11).
      const below = span(td, 'rowspan', section.length - index) - 1
      for (let wide = Math.min(span(td, 'colspan', 1), MOST_COLUMNS - cells.length); wide > 0; wide--) {
        if (below > 0) hanging.set(cells.length, { cell, left: below })
        cells.push(cell)
      }
    }
    take()
    return { line: firstLine + index, cells }
  })
}

function ownCells(tr: Element): readonly Element[] {
  return tr.childNodes.filter(
    (node): node is Element => isElement(node) && ['td', 'th'].includes(node.tagName),
  )
}

function span(cell: Element, name: string, whenZero: number): number {
  const value = Number.parseInt(cell.attrs.find((one) => one.name === name)?.value ?? '1', 10)
  if (value === 0) return Math.max(1, whenZero)
  return value > 0 ? Math.min(value, MOST_ROWS) : 1
}
