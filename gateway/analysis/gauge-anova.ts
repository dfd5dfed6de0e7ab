import { fTail } from './gauge-distributions.ts'

/** One measurement of a study: `operator` is whoever or whatever must not matter, a person, a station, a position. */
export interface GaugeReading {
  readonly part: string
  readonly operator: string
  readonly value: number
}

/** A line of the analysis of variance. */
export interface AnovaRow {
  readonly source: 'part' | 'operator' | 'interaction' | 'repeatability' | 'total'
  readonly freedom: number
  readonly squares: number
  /** Mean square; absent for the total. */
  readonly mean?: number
  /** Against the interaction where that is kept, else against the pooled repeatability; absent where that is 0. */
  readonly f?: number
  readonly p?: number
}

/** The readings as a full grid. */
export interface Table {
  readonly parts: number
  readonly operators: number
  readonly repeats: number
  /** Part by part, operator by operator. */
  readonly cells: readonly (readonly (readonly number[])[])[]
}

/** @throws RangeError for what is no full grid of at least 2 by 2 by 2 numbers */
export function tableOf(readings: readonly GaugeReading[]): Table {
  const parts = [...new Set(readings.map(({ part }) => part))]
  const operators = [...new Set(readings.map(({ operator }) => operator))]
  const values = new Map<string, number[]>()
  for (const { part, operator, value } of readings) {
    if (!Number.isFinite(value))
      throw new RangeError(`part ${part}, operator ${operator}: value ${value}: expected a number`)
    const key = JSON.stringify([part, operator])
    values.set(key, [...(values.get(key) ?? []), value])
  }
  if (parts.length < 2) throw new RangeError(`parts: ${parts.length}: expected at least 2`)
  if (operators.length < 2) throw new RangeError(`operators: ${operators.length}: expected at least 2`)
  const repeats = Math.max(...[...values.values()].map(({ length }) => length))
  if (repeats < 2) throw new RangeError('readings of each part by each operator: 1: expected at least 2')
  const cells = parts.map((part) =>
    operators.map((operator) => {
      const cell = values.get(JSON.stringify([part, operator])) ?? []
      if (cell.length === repeats) return cell
      throw new RangeError(
        `readings of part ${part} by operator ${operator}: ${cell.length}: expected ${repeats}, as elsewhere`,
      )
    }),
  )
  return { parts: parts.length, operators: operators.length, repeats, cells }
}

/** Squares, freedom, and the test of their ratio. */
export type Line = Omit<AnovaRow, 'source' | 'mean'> & { readonly mean: number }
/** The two-way table with interaction. */
export interface Anova {
  readonly part: Line
  readonly operator: Line
  readonly interaction: Line
  readonly repeatability: Line
}
/** The same with the interaction counted as repeatability. */
export type Pooled = Omit<Anova, 'interaction'>

/** @throws RangeError for readings that are all alike */
export function anovaOf({ parts, operators, repeats, cells }: Table): Anova {
  const grand = mean(cells.flat(2))
  const partMeans = cells.map((row) => mean(row.flat()))
  const operatorMeans = Array.from({ length: operators }, (_, o) =>
    mean(cells.flatMap((row) => row[o] ?? [])),
  )
  const within = cells.flat().reduce((sum, cell) => sum + squaresAbout(cell, mean(cell)), 0)
  const interaction = cells.reduce(
    (sum, row, p) =>
      sum +
      row.reduce((inner, cell, o) => {
        const expected = (partMeans[p] ?? 0) + (operatorMeans[o] ?? 0) - grand
        return inner + (mean(cell) - expected) ** 2
      }, 0),
    0,
  )
  const line = (squares: number, freedom: number) => ({ squares, freedom, mean: squares / freedom })
  const repeatability = line(within, parts * operators * (repeats - 1))
  const crossed = tested(line(repeats * interaction, (parts - 1) * (operators - 1)), repeatability)
  const part = line(operators * repeats * squaresAbout(partMeans, grand), parts - 1)
  const operator = line(parts * repeats * squaresAbout(operatorMeans, grand), operators - 1)
  if (!(part.squares + operator.squares + crossed.squares + within > 0))
    throw new RangeError('all readings are alike: expected parts that differ')
  return {
    part: tested(part, crossed),
    operator: tested(operator, crossed),
    interaction: crossed,
    repeatability,
  }
}

export function pooledOf({ part, operator, interaction, repeatability }: Anova): Pooled {
  const squares = interaction.squares + repeatability.squares
  const freedom = interaction.freedom + repeatability.freedom
  const pool = { squares, freedom, mean: squares / freedom }
  return { part: tested(part, pool), operator: tested(operator, pool), repeatability: pool }
}

function tested({ squares, freedom, mean: square }: Line, against: Line): Line {
  const line = { squares, freedom, mean: square }
  if (!(against.mean > 0)) return line
  const f = square / against.mean
  return { ...line, f, p: fTail(f, freedom, against.freedom) }
}

/** The lines in the order they are printed in, and their total. */
export function numbered(lines: Anova | Pooled): readonly AnovaRow[] {
  const { part, operator, repeatability } = lines
  const rows: AnovaRow[] = [
    { source: 'part', ...part },
    { source: 'operator', ...operator },
    ...('interaction' in lines ? [{ source: 'interaction', ...lines.interaction } as const] : []),
    { source: 'repeatability', ...repeatability },
  ]
  const sum = (of: (row: AnovaRow) => number): number => rows.reduce((total, row) => total + of(row), 0)
  return [
    ...rows,
    { source: 'total', freedom: sum((row) => row.freedom), squares: sum((row) => row.squares) },
  ]
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length
}

function squaresAbout(values: readonly number[], middle: number): number {
  return values.reduce((total, value) => total + (value - middle) ** 2, 0)
}
