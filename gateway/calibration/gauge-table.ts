import type { AnovaRow, GaugeComponent, GaugeStudy } from '../analysis/gauge-rr.ts'

const SOURCES: Readonly<Record<AnovaRow['source'], string>> = {
  part: 'Parts',
  operator: 'Operators',
  interaction: 'Parts × operators',
  repeatability: 'Repeatability',
  total: 'Total',
}

const COMPONENTS: readonly (readonly [keyof GaugeStudy['components'], string])[] = [
  ['grr', 'Gauge R&R (GRR)'],
  ['repeatability', '  Repeatability (EV)'],
  ['operator', '  Operators (AV)'],
  ['interaction', '  Parts × operators'],
  ['part', 'Parts (PV)'],
  ['total', 'Total (TV)'],
]

/** What AIAG makes of the numbers. */
const VERDICTS: Readonly<Record<GaugeStudy['verdict'], string>> = {
  acceptable: 'acceptable: %GRR below 10 %',
  conditional: 'conditional: %GRR of 10 to 30 %, or fewer than 5 categories: by the cost of a wrong decision',
  unacceptable: 'unacceptable: %GRR above 30 %',
}

/** What a study was asked for. */
export interface GaugeTableOptions {
  /** What was measured, with its unit. */
  readonly quantity: string
  readonly sigmas: number
  readonly confidence: number
  readonly tolerance?: number
  readonly poolAbove: number
}

/** The table of a study, as an auditor expects it (AIAG MSA 4th edition). */
export function gaugeTable(study: GaugeStudy, options: GaugeTableOptions): readonly string[] {
  const { parts, operators, repeats, anova, pooled, components, distinctCategories, verdict } = study
  const { quantity, sigmas, confidence, tolerance, poolAbove } = options
  const percent = `${100 * confidence} %`
  return [
    `Gauge R&R, crossed, by analysis of variance: ${quantity}`,
    `${parts} parts × ${operators} operators × ${repeats} repeats; study variation ${sigmas} standard deviations`,
    '',
    'Analysis of variance with interaction',
    ...anovaTable(anova),
    ...(pooled === undefined
      ? []
      : ['', `Without interaction: its p is above ${poolAbove}, it is pooled`, ...anovaTable(pooled)]),
    '',
    ...grid([
      [
        'Source',
        'variance',
        '%contrib.',
        'std',
        `${sigmas} × std`,
        '%study',
        ...(tolerance === undefined ? [] : ['%tol.']),
        `std, ${percent} interval`,
      ],
      ...COMPONENTS.map(([name, words]) => [words, ...componentCells(components[name], sigmas)]),
    ]),
    '',
    `Number of distinct categories (ndc): ${distinctCategories ?? 'no variation but the parts’'}`,
    `${VERDICTS[verdict]}${tolerance === undefined ? '' : `; tolerance ${tolerance}`}`,
  ]
}

function anovaTable(rows: readonly AnovaRow[]): readonly string[] {
  return grid([
    ['Source', 'df', 'SS', 'MS', 'F', 'p'],
    ...rows.map(({ source, freedom, squares, mean, f, p }) => [
      SOURCES[source],
      `${freedom}`,
      short(squares),
      short(mean),
      short(f),
      p === undefined ? '' : p < 5e-4 ? '< 0.001' : p.toFixed(3),
    ]),
  ])
}

function componentCells(one: GaugeComponent, sigmas: number): readonly string[] {
  const { variance, std, contributionPercent, studyPercent, tolerancePercent, interval } = one
  return [
    short(variance),
    contributionPercent.toFixed(2),
    short(std),
    short(sigmas * std),
    studyPercent.toFixed(2),
    ...(tolerancePercent === undefined ? [] : [tolerancePercent.toFixed(2)]),
    interval === undefined ? '' : interval.map(short).join(' … '),
  ]
}

function short(value: number | undefined): string {
  return value === undefined ? '' : value === 0 ? '0' : `${Number(value.toPrecision(6))}`
}

/** Columns as wide as their widest cell, the first to the left. */
function grid(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
