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
  range: ['range', 'gamme'],
  series: ['series', 'serie'],
  source_url: ['source_url', 'url', 'url_source'],
}
const NEEDED = ['glass_name', 'glass_supplier_name'] as const
const MOST_BYTES = 64 * 1024 * 1024
/** How the first bytes of a ZIP archive, which an XLSX is, read. */
const ZIP = 'PK\u0003\u0004'

/** A line of a table, and where it stands. */
export interface TableLine {
  /** In the file, or row of the sheet, from 1, heading and empty lines included. */
  readonly line: number
  readonly cells: ScrapedRow
}

/** The same before its columns have names. */
interface Line {
  readonly line: number
  readonly cells: readonly string[]
}

/**
 * The lines of a CSV (comma, semicolon or tab; UTF-8, or Windows-1252 as French spreadsheets write it) or of the first
 * sheet of an XLSX, by the headings of its first line, in French or English. Lines without a word in them are none.
 * @throws TableError which names the file, and the line or heading that is wrong
 */
export async function readTable(bytes: Buffer, name: string): Promise<readonly TableLine[]> {
  if (bytes.length > MOST_BYTES) {
    throw new TableError(`${name}: ${bytes.length} bytes, expected at most ${MOST_BYTES}`)
  }
  const all = bytes.toString('latin1', 0, ZIP.length) === ZIP ? await sheet(bytes, name) : csv(bytes, name)
  const [heading, ...lines] = all.filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
  if (heading === undefined) throw new TableError(`${name}: no lines, expected a line of headings`)
  const columns = columnsOf(heading.cells, name)
  return lines.map(({ line, cells }) => {
    const named = [...columns].map(([field, at]): [string, string] => [field, cells[at] ?? ''])
    return { line, cells: scrapedRow.parse(Object.fromEntries(named)) }
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

const parsedLines = z.array(z.object({ info: z.object({ lines: z.int() }), record: z.array(z.string()) }))

function csv(bytes: Buffer, name: string): readonly Line[] {
  try {
    // The parser counts the CR and the LF of a quoted line end as two lines.
    const rows: unknown = parse(textOf(bytes).replace(/\r\n?/g, '\n'), {
      bom: true,
      delimiter: delimiterOf(bytes),
      info: true,
      record_delimiter: '\n',
      relax_column_count: true,
      // An inch mark in a cell is no quotation.
      relax_quotes: true,
      skip_empty_lines: true,
    })
    return parsedLines.parse(rows).map(({ info, record }) => {
      const lineEnds = record.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0)
      return { line: info.lines - lineEnds, cells: record }
    })
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

async function sheet(bytes: Buffer, name: string): Promise<readonly Line[]> {
  try {
    const [first] = await readExcel(bytes)
    return (first?.data ?? []).map((row, index) => ({
      line: index + 1,
      cells: row.map((cell) => (cell === null ? '' : String(cell))),
    }))
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new TableError(`${name}: no XLSX: ${detail}`, { cause: error })
  }
}
