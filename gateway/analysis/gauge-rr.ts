import {
  type Anova,
  type AnovaRow,
  anovaOf,
  type GaugeReading,
  type Line,
  numbered,
  type Pooled,
  pooledOf,
  tableOf,
} from './gauge-anova.ts'
import { intervalOf, type Term, valueSum } from './gauge-intervals.ts'

export type { AnovaRow, GaugeReading }

export interface GaugeOptions {
  /** Width of the tolerance, upper less lower limit, in the unit of the values: for the %tolerance. */
  readonly tolerance?: number
  /** Standard deviations that make a study variation; default 6 (AIAG MSA 4th edition). */
  readonly sigmas?: number
  /** The interaction is pooled with the repeatability where its p value is above; default 0.25 (AIAG). */
  readonly poolAbove?: number
  /** Of the intervals; default 0.95. */
  readonly confidence?: number
}

/** One component of the variation. */
export interface GaugeComponent {
  readonly variance: number
  readonly std: number
  /** Share of the total variance, percent. */
  readonly contributionPercent: number
  /** Its standard deviation over the total's, percent. */
  readonly studyPercent: number
  /** `sigmas` standard deviations over the tolerance, percent; absent without one. */
  readonly tolerancePercent?: number
  /** Confidence interval of the standard deviation; absent for what is a part of another component. */
  readonly interval?: readonly [low: number, high: number]
}

export interface GaugeStudy {
  readonly parts: number
  readonly operators: number
  readonly repeats: number
  /** With the interaction on a line of its own. */
  readonly anova: readonly AnovaRow[]
  /** The interaction is counted as repeatability; `anova` is then followed by this table. */
  readonly pooled?: readonly AnovaRow[]
  readonly components: {
    /** EV: the equipment. */
    readonly repeatability: GaugeComponent
    /** AV: the operators themselves. */
    readonly operator: GaugeComponent
    /** INT: operators that differ from part to part; 0 where it is pooled. */
    readonly interaction: GaugeComponent
    readonly grr: GaugeComponent
    /** PV */
    readonly part: GaugeComponent
    /** TV */
    readonly total: GaugeComponent
  }
  /** Number of distinct categories, 1.41 PV / GRR cut to a whole number; absent where nothing but the parts varies. */
  readonly distinctCategories?: number
  readonly verdict: 'acceptable' | 'conditional' | 'unacceptable'
}

const DEFAULTS = { sigmas: 6, poolAbove: 0.25, confidence: 0.95 } as const
/** AIAG MSA 4th edition, chapter II section D: %GRR, and categories that a gauge must tell apart. */
const ACCEPTABLE_PERCENT = 10
const CONDITIONAL_PERCENT = 30
const LEAST_CATEGORIES = 5
const CATEGORY_FACTOR = 1.41

/**
 * A crossed gauge study, analysed by variance (AIAG MSA 4th edition, chapter III section B and appendix A): every
 * operator measures every part equally often. Components below 0 count as 0. Intervals are Graybill and Wang's for
 * sums of mean squares and the modified large sample ones for differences (Burdick, Borror and Montgomery 2003).
 * @throws RangeError for fewer than two parts, operators or repeats, cells of unequal size, values that are no
 * numbers, readings that are all alike, and options out of range
 */
export function gaugeStudy(readings: readonly GaugeReading[], options: GaugeOptions = {}): GaugeStudy {
  checkOptions(options)
  const table = tableOf(readings)
  const { parts, operators, repeats } = table
  const anova = anovaOf(table)
  const rows = numbered(anova)
  const pooling = (anova.interaction.p ?? 1) > (options.poolAbove ?? DEFAULTS.poolAbove)
  const pool = pooling ? pooledOf(anova) : undefined
  const components = componentsOf({ anova, pool, sizes: { parts, operators, repeats }, options })
  const { grr, part } = components
  const distinct = grr.std > 0 ? Math.trunc((CATEGORY_FACTOR * part.std) / grr.std) : undefined
  return {
    parts,
    operators,
    repeats,
    anova: rows,
    ...(pool === undefined ? {} : { pooled: numbered(pool) }),
    components,
    ...(distinct === undefined ? {} : { distinctCategories: distinct }),
    verdict: verdictOf(grr.studyPercent, distinct),
  }
}

function verdictOf(grrPercent: number, categories: number | undefined): GaugeStudy['verdict'] {
  if (grrPercent > CONDITIONAL_PERCENT) return 'unacceptable'
  const tellsApart = categories === undefined || categories >= LEAST_CATEGORIES
  return grrPercent < ACCEPTABLE_PERCENT && tellsApart ? 'acceptable' : 'conditional'
}

function checkOptions({ tolerance, sigmas, poolAbove, confidence }: GaugeOptions): void {
  const positive = (name: string, value: number | undefined): void => {
    if (value === undefined || (Number.isFinite(value) && value > 0)) return
    throw new RangeError(`${name} ${value}: expected a number above 0`)
  }
  positive('tolerance', tolerance)
  positive('sigmas', sigmas)
  if (poolAbove !== undefined && !(poolAbove >= 0 && poolAbove <= 1))
    throw new RangeError(`poolAbove ${poolAbove}: expected a probability, 0 to 1`)
  if (confidence !== undefined && !(confidence > 0 && confidence < 1))
    throw new RangeError(`confidence ${confidence}: expected a probability between 0 and 1`)
}

interface Sizes {
  readonly parts: number
  readonly operators: number
  readonly repeats: number
}

/** Each component as a sum of mean squares: their expectations solved for it (Montgomery, random effects). */
function sumsOf(anova: Anova, pool: Pooled | undefined, { parts: p, operators: o, repeats: r }: Sizes) {
  const { part, operator } = anova
  const cross = pool === undefined ? anova.interaction : pool.repeatability
  const error = pool === undefined ? anova.repeatability : pool.repeatability
  const grr =
    pool === undefined
      ? [term((p - 1) / (p * r), cross), term((r - 1) / r, error)]
      : [term((p * r - 1) / (p * r), error)]
  const total =
    pool === undefined
      ? [term((p * o - p - o) / (p * o * r), cross), term((r - 1) / r, error)]
      : [term(1 - 1 / (o * r) - 1 / (p * r), error)]
  return {
    repeatability: [term(1, error)],
    operator: [term(1 / (p * r), operator), term(-1 / (p * r), cross)],
    interaction: pool === undefined ? [term(1 / r, cross), term(-1 / r, error)] : [],
    grr: [term(1 / (p * r), operator), ...grr],
    part: [term(1 / (o * r), part), term(-1 / (o * r), cross)],
    total: [term(1 / (o * r), part), term(1 / (p * r), operator), ...total],
  }
}

function term(times: number, line: Line): Term {
  return { times, line }
}

interface Study {
  readonly anova: Anova
  readonly pool: Pooled | undefined
  readonly sizes: Sizes
  readonly options: GaugeOptions
}

function componentsOf({ anova, pool, sizes, options }: Study): GaugeStudy['components'] {
  const { tolerance, sigmas = DEFAULTS.sigmas, confidence = DEFAULTS.confidence } = options
  const sums = sumsOf(anova, pool, sizes)
  const ev = positive(sums.repeatability)
  const av = positive(sums.operator)
  const int = positive(sums.interaction)
  const pv = positive(sums.part)
  // Of components that were cut at 0, so that the parts of the table add up.
  const grr = ev + av + int
  const total = grr + pv
  const component = (variance: number, terms?: readonly Term[]): GaugeComponent => {
    const std = Math.sqrt(variance)
    return {
      variance,
      std,
      contributionPercent: (100 * variance) / total,
      studyPercent: (100 * std) / Math.sqrt(total),
      ...(tolerance === undefined ? {} : { tolerancePercent: (100 * sigmas * std) / tolerance }),
      ...(terms === undefined ? {} : { interval: intervalOf(terms, confidence) }),
    }
  }
  return {
    repeatability: component(ev, sums.repeatability),
    operator: component(av, sums.operator),
    interaction: component(int),
    grr: component(grr, sums.grr),
    part: component(pv, sums.part),
    total: component(total, sums.total),
  }
}

function positive(terms: readonly Term[]): number {
  return Math.max(0, valueSum(terms))
}
