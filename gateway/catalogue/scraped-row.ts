import { z } from 'zod'
import { LENS_LIMITS, type Lens, type Rejection, type Repair, TREATMENTS } from '../lens.ts'
import { marksOf } from './engraving-cell.ts'
import { heightIn } from './fitting-height.ts'
import { type MaterialCell, materialOf } from './material.ts'
import { indexInName, indicesOf } from './refractive-index.ts'
import { supplierOf } from './supplier-name.ts'
import { treatmentsIn } from './treatments.ts'

/** A line as the crawler, the old scraper, or a user's table gives it; cells that are not there are empty. */
export const scrapedRow = z.object({
  glass_name: z.string(),
  glass_supplier_name: z.string(),
  nasal_engraving: z.string().default(''),
  glass_index: z.string().default(''),
  material: z.string().default(''),
  range: z.string().default(''),
  series: z.string().default(''),
  source_url: z.string().default(''),
})
export type ScrapedRow = Readonly<z.infer<typeof scrapedRow>>

/** What became of a line: a lens for each refractive index that it names, or a reason. */
export interface ReadRow {
  readonly lenses: readonly Lens[]
  readonly repairs: readonly Repair[]
  readonly rejection?: Rejection
}

type Note = (field: string, from: string, to: string, rule: string) => void

/**
 * Reads a line without guessing: what is unclear stays absent, what is read otherwise than it stands is a repair.
 * @param line where it stands in its file, from 1, heading included
 */
export function readRow(cells: ScrapedRow, line: number): ReadRow {
  const repairs: Repair[] = []
  const note: Note = (field, from, to, rule) => repairs.push({ line, field, from, to, rule })
  const wrong = problemOf(cells)
  if (wrong !== undefined) return { lenses: [], repairs: [], rejection: { line, ...wrong } }
  const name = tidy(cells.glass_name)
  const { indices, material } = indexAndMaterial(cells, name, note)
  const supplier = supplierOf(cells.glass_supplier_name)
  if (supplier.name !== cells.glass_supplier_name) {
    const rule = supplier.complete ? 'page heading before the name' : 'page heading that was cut'
    note('glass_supplier_name', cells.glass_supplier_name, supplier.name, rule)
  }
  const marks = marksOf(cells.nasal_engraving) ?? []
  if (/<[a-z]/i.test(cells.nasal_engraving)) {
    note('nasal_engraving', cells.nasal_engraving, JSON.stringify(marks), 'HTML in the cell')
  }
  const named = new Set([...treatmentsIn(name), ...material.treatments])
  const heightMm = heightIn(name)
  const [range, series] = [tidy(cells.range), tidy(cells.series)]
  const common = {
    supplier: supplier.name,
    name,
    ...(material.material === undefined ? {} : { material: material.material }),
    ...(material.trade === undefined ? {} : { materialTrade: material.trade }),
    treatments: TREATMENTS.filter((treatment) => named.has(treatment)),
    ...(range === '' ? {} : { range }),
    ...(series === '' ? {} : { series }),
    ...(heightMm === undefined ? {} : { heightMm }),
    marks,
    ...(cells.source_url === '' ? {} : { sourceUrl: cells.source_url }),
  }
  const lenses = indices.length === 0 ? [common] : indices.map((index) => ({ ...common, index }))
  return { lenses, repairs }
}

function tidy(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

function problemOf(cells: ScrapedRow): Omit<Rejection, 'line'> | undefined {
  const name = tidy(cells.glass_name)
  if (name === '' || name.length > LENS_LIMITS.name) {
    return { field: 'glass_name', value: name, expected: `1 to ${LENS_LIMITS.name} characters` }
  }
  const supplier = supplierOf(cells.glass_supplier_name).name
  if (supplier === '' || supplier.length > LENS_LIMITS.supplier) {
    const expected = `the name of a supplier, 1 to ${LENS_LIMITS.supplier} characters`
    return { field: 'glass_supplier_name', value: cells.glass_supplier_name, expected }
  }
  for (const field of ['range', 'series'] as const) {
    const most = LENS_LIMITS[field]
    const value = tidy(cells[field])
    if (value.length > most) return { field, value, expected: `at most ${most} characters` }
  }
  if (marksOf(cells.nasal_engraving) === undefined) {
    const expected = `marks of at most ${LENS_LIMITS.mark} characters, or a URL`
    return { field: 'nasal_engraving', value: cells.nasal_engraving, expected }
  }
  return undefined
}

const NO_MATERIAL: MaterialCell = { treatments: [] }

/** Index and material, the two put right where the one stands in the other's place. */
function indexAndMaterial(
  cells: ScrapedRow,
  name: string,
  note: Note,
): { readonly indices: readonly number[]; readonly material: MaterialCell } {
  const { glass_index: index, material } = cells
  const indices = indicesOf(index)
  const swapped = indices === undefined ? indicesOf(material) : undefined
  const other = materialOf(index)
  if (swapped !== undefined && other !== undefined) {
    note('glass_index', index, swapped.join(', '), 'index and material swapped')
    note('material', material, index, 'index and material swapped')
    return { indices: swapped, material: other }
  }
  const known = indices === undefined ? fromName(index, name, note) : tidied(indices, index, note)
  return { indices: known, material: materialIn(material, name, known, note) }
}

/** Polycarbonate's index is 1.586 to 1.591; no other plastic of lenses has it. */
function isPolycarbonate(indices: readonly number[]): boolean {
  return indices.length > 0 && indices.every((index) => index >= 1.585 && index <= 1.592)
}

function materialIn(cell: string, name: string, indices: readonly number[], note: Note): MaterialCell {
  const named = materialOf(name)
  if (/<[a-z]/i.test(cell)) {
    // The scraper took one cell for the whole page: it says nothing of this line.
    const material = isPolycarbonate(indices) ? ('polycarbonate' as const) : named?.material
    note('material', cell, material ?? '', 'the same HTML cell on every line: material from name or index')
    return material === undefined ? NO_MATERIAL : { material, treatments: [] }
  }
  const read = materialOf(cell)
  if (read?.material === 'organic' && named?.material === 'polycarbonate' && isPolycarbonate(indices)) {
    note('material', cell, 'polycarbonate', 'name and index say polycarbonate')
    return { material: 'polycarbonate', treatments: read.treatments }
  }
  if (read === undefined && cell.trim() !== '') note('material', cell, '', 'no material known by this name')
  return read ?? NO_MATERIAL
}

/** The index that the name gives, where the cell gives none. */
function fromName(cell: string, name: string, note: Note): readonly number[] {
  const index = indexInName(name)
  if (index === undefined) {
    note('glass_index', cell, '', 'no index: left open')
    return []
  }
  note('glass_index', cell, String(index), 'index taken from the name')
  return [index]
}

function tidied(indices: readonly number[], cell: string, note: Note): readonly number[] {
  if (indices.length > 1) note('glass_index', cell, indices.join(', '), 'several indices: a lens each')
  else if (!/^\d[.,]\d+$/.test(cell.trim()))
    note('glass_index', cell, String(indices[0]), 'slip of the keyboard')
  return indices
}
