import type { GaugeReading } from '../analysis/gauge-anova.ts'

const HEAD = ['part', 'operator', 'value'] as const
/** Parts × operators × repeats of the largest study that anybody makes by hand. */
const MOST_LINES = 100_000

/**
 * The readings of a study, one a line, under a first line that names the columns part, operator and value; others
 * (a repeat, a time) are passed over. Cells are separated by semicolons where the first line has one, else by commas.
 * @throws Error naming file, line, value and expectation
 */
export function parseReadings(text: string, file: string): readonly GaugeReading[] {
  const lines = text.split(/\r?\n/).map((line, index) => ({ cells: line.trim(), number: index + 1 }))
  const rows = lines.filter(({ cells }) => cells !== '' && !cells.startsWith('#'))
  const [head, ...body] = rows
  if (head === undefined) throw new Error(`${file}: empty: expected a line ${HEAD.join(',')}`)
  if (body.length > MOST_LINES)
    throw new Error(`${file}: ${body.length} lines: expected ${MOST_LINES} at most`)
  const separator = head.cells.includes(';') ? ';' : ','
  const names = head.cells.split(separator).map((cell) => cell.trim().toLowerCase())
  const [part, operator, value] = HEAD.map((wanted) => {
    const at = names.indexOf(wanted)
    if (at < 0) throw new Error(`${file}:${head.number}: ${head.cells}: expected a column ${wanted}`)
    return at
  })
  return body.map(({ cells, number }) => {
    const row = cells.split(separator).map((cell) => cell.trim())
    const [ofPart = '', byOperator = '', text = ''] = [row[part ?? 0], row[operator ?? 0], row[value ?? 0]]
    // In a table that separates by semicolons a comma is a decimal point.
    const reading = text === '' ? Number.NaN : Number(separator === ';' ? text.replace(',', '.') : text)
    if (ofPart === '' || byOperator === '' || !Number.isFinite(reading))
      throw new Error(`${file}:${number}: ${cells}: expected a part, an operator and a number`)
    return { part: ofPart, operator: byOperator, value: reading }
  })
}

/** What `parseReadings` reads again. */
export function readingsCsv(readings: readonly GaugeReading[]): string {
  const lines = readings.map(({ part, operator, value }) => `${part},${operator},${value}`)
  return `${[HEAD.join(','), ...lines].join('\n')}\n`
}
