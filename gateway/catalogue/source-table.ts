import { parse } from 'csv-parse/sync'
import readExcel from 'read-excel-file/node'
import { z } from 'zod'
import { folded } from '../lens.ts'
import { type ScrapedRow, scrapedRow } from './scraped-row.ts'

/** A table that is not one, or lacks what a catalogue needs. */
export class TableError extends Error {
  override readonly name = 'TableError'
}

/** What a column may be called; compared without case, accents and spaces. */
const HEADINGS: Readonly<Record<keyof ScrapedRow, readonly string[]>> = {
  glass_name: ['glass_name', 'name', 'nom', 'lens', 'verre'],
  glass_supplier_name: ['glass_supplier_name', 'supplier', 'fournisseur'],
  nasal_engraving: ['nasal_engraving', 'engraving', 'gravure', 'mark', 'marque'],
  glass_index: ['glass_index', 'index', 'indice', 'refractive_index'],
  material: ['material', 'materiau', 'matiere'],
  source_url: ['source_url', 'url', 'url_source'],
}
const NEEDED = ['glass_name', 'glass_supplier_name'] as const
const MOST_BYTES = 64 * 1024 * 1024
/** How the first bytes of a ZIP archive, which an XLSX is, read. */
const ZIP = 'PK\u0003\u0004'

/**
 * The lines of a CSV (comma, semicolon or tab; UTF-8, or Windows-1252 as French spreadsheets write it) or of the first
 * sheet of an XLSX, by the headings of its first line, in French or English.
 * @throws TableError which names the file, and the line or heading that is wrong
 */
export async function readTable(bytes: Buffer, name: string): Promise<readonly ScrapedRow[]> {
  if (bytes.length > MOST_BYTES) {
    throw new TableError(`${name}: ${bytes.length} bytes, expected at most ${MOST_BYTES}`)
  }
  const [heading, ...lines] =
    bytes.toString('latin1', 0, ZIP.length) === ZIP ? await sheet(bytes, name) : csv(bytes, name)
  if (heading === undefined) throw new TableError(`${name}: no lines, expected a line of headings`)
  const columns = columnsOf(heading, name)
  return lines.map((cells) => {
    const named = [...columns].map(([field, at]): [string, string] => [field, cells[at] ?? ''])
    return scrapedRow.parse(Object.fromEntries(named))
  })
}

function columnsOf(heading: readonly string[], name: string): Map<keyof ScrapedRow, number> {
  const words = heading.map((word) => folded(word).replaceAll(' ', '_'))
  const columns = new Map<keyof ScrapedRow, number>()
  for (const field of scrapedRow.keyof().options) {
    const at = words.findIndex((word) => HEADINGS[field].includes(word))
    if (at >= 0) columns.set(field, at)
  }
  const missing = NEEDED.find((field) => !columns.has(field))
  if (missing !== undefined) {
    const expected = HEADINGS[missing].join(', ')
    throw new TableError(`${name}: headings ${heading.join(', ')}: expected one of ${expected}`)
  }
  return columns
}

function csv(bytes: Buffer, name: string): readonly (readonly string[])[] {
  try {
    const rows: unknown = parse(textOf(bytes), {
      bom: true,
      delimiter: delimiterOf(bytes),
      relax_column_count: true,
      skip_empty_lines: true,
    })
    return z.array(z.array(z.string())).parse(rows)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new TableError(`${name}: ${detail}`, { cause: error })
  }
}

/** By what separates the headings. */
function delimiterOf(bytes: Buffer): string {
  const end = bytes.indexOf(0x0a)
  const heading = bytes.toString('latin1', 0, end < 0 ? bytes.length : end)
  const [most = ','] = [',', ';', '\t'].toSorted((a, b) => heading.split(b).length - heading.split(a).length)
  return most
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

async function sheet(bytes: Buffer, name: string): Promise<readonly (readonly string[])[]> {
  try {
    const [first] = await readExcel(bytes)
    return (first?.data ?? []).map((row) => row.map((cell) => (cell === null ? '' : String(cell))))
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new TableError(`${name}: no XLSX: ${detail}`, { cause: error })
  }
}
