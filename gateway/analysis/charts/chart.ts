import { type ChartState, chartState, newState } from './chart-state.ts'
import { type Band, type ChartKind, ewmaBand, type InControl, meanBand, spreadBand } from './limits.ts'
import { addMoment } from './moments.ts'
import { type LearningPlan, type Learnt, learn } from './phase-one.ts'
import { addPoint, broken, noRuns, type Rule } from './rules.ts'

/** How one chart is kept. `chartPlan` makes it of the configuration's. */
export interface ChartPlan extends LearningPlan {
  /** Of the plotted values or means; spread and EWMA know `limits` alone. */
  readonly rules: readonly Rule[]
  /** Points that limits are learnt from. */
  readonly firstPoints: number
  /** Limits known from elsewhere: nothing is learnt. */
  readonly known?: InControl | undefined
  /** EWMA: weight of the newest value, 0 < λ ≤ 1, and half width of the limits in standard deviations. */
  readonly lambda: number
  readonly width: number
  /** EWMA: the limits after many points from the first point on, as published tables of run lengths have it. */
  readonly steadyLimits: boolean
}

/** What the plotted figure is. */
export type Plotted = 'i' | 'mr' | 'xbar' | 'r' | 's' | 'ewma'

/** A rule that a point broke. */
export interface Violation {
  readonly plotted: Plotted
  readonly rule: Rule
  /** Number of the part that completed the point, as the caller counts. */
  readonly at: number
  /** The plotted figure, in the unit of the values. */
  readonly value: number
  readonly limits: Band
}

const NONE: readonly Violation[] = []

const LOCATION: Readonly<Record<ChartKind, Plotted>> = {
  i_mr: 'i',
  xbar_r: 'xbar',
  xbar_s: 'xbar',
  ewma: 'ewma',
}
const SPREAD: Readonly<Record<ChartKind, Plotted>> = { i_mr: 'mr', xbar_r: 'r', xbar_s: 's', ewma: 'ewma' }

/**
 * One control chart: learns its limits from the first points (phase I), then keeps them (phase II) until it is told to
 * learn anew. Constant time and memory a part.
 */
export class ControlChart {
  readonly plan: ChartPlan
  readonly #state: ChartState
  /** Derived from what was learnt; absent in phase I. */
  #bands: { readonly location: Band; readonly spread: Band | undefined; readonly scale: number } | undefined

  /**
   * @param snapshot what `snapshot` of a chart of the same plan gave
   * @throws ZodError where the snapshot is none
   */
  constructor(plan: ChartPlan, snapshot?: unknown) {
    this.plan = plan
    this.#state = snapshot === undefined ? newState() : chartState.parse(structuredClone(snapshot))
    const { known } = plan
    if (snapshot === undefined && known !== undefined) {
      this.#state.learnt = { ...known, points: 0, excluded: [], stable: true }
      this.#state.ewma.value = known.centre
    }
    this.#prepare()
  }

  /** All it remembers, as JSON; detached from the chart. */
  snapshot(): unknown {
    return structuredClone(this.#state)
  }

  /** 1: limits are being learnt; 2: points are judged. */
  get phase(): 1 | 2 {
    return this.#bands === undefined ? 1 : 2
  }

  get learnt(): Learnt | undefined {
    return this.#state.learnt ?? undefined
  }

  /** What capability is computed from: read only. */
  get figures(): Readonly<Pick<ChartState, 'moments' | 'ranges' | 'within' | 'points' | 'unmeasured'>> {
    return this.#state
  }

  /** The weighted mean now; means nothing for other kinds. */
  get ewma(): number {
    return this.#state.ewma.value
  }

  /** Limits of the next plotted value, and of its spread; absent in phase I. */
  get limits(): { readonly location: Band; readonly spread?: Band } | undefined {
    if (this.#bands === undefined) return undefined
    const { location, spread } = this.#bands
    const band = this.plan.kind === 'ewma' ? this.#ewmaBand(this.#fadingNext()) : location
    return spread === undefined ? { location: band } : { location: band, spread }
  }

  /** Forgets limits and runs; the next points are phase I. What all values together say is kept. */
  relearn(): void {
    const state = this.#state
    Object.assign(state, {
      learnt: null,
      first: [],
      runs: noRuns(),
      follows: false,
      ewma: { value: 0, fading: 1 },
    })
    state.group.count = 0
    this.#bands = undefined
  }

  /**
   * Takes in one part.
   * @param value what was measured; what is no finite number was not, and is no point
   * @param at number of the part
   * @returns the rules that it broke; always none in phase I, and within a subgroup
   */
  see(value: number, at: number): readonly Violation[] {
    if (!Number.isFinite(value)) {
      this.#state.unmeasured += 1
      return NONE
    }
    addMoment(this.#state.moments, value)
    return this.plan.subgroup > 1 ? this.#member(value, at) : this.#single(value, at)
  }

  #single(value: number, at: number): readonly Violation[] {
    const state = this.#state
    const range = state.follows ? Math.abs(value - state.last) : undefined
    state.follows = true
    state.last = value
    if (range !== undefined) {
      state.ranges.sum += range
      state.ranges.count += 1
    }
    state.points += 1
    if (this.#bands === undefined) return this.#learn({ value })
    if (this.plan.kind === 'ewma') return this.#weighted(value, at)
    return this.#judge(value, range, at)
  }

  /** Welford's update of the subgroup; the part that fills it makes the point. */
  #member(value: number, at: number): readonly Violation[] {
    const { group, within } = this.#state
    if (group.count === 0) {
      group.mean = 0
      group.squares = 0
      group.low = value
      group.high = value
    }
    group.count += 1
    const delta = value - group.mean
    group.mean += delta / group.count
    group.squares += delta * (value - group.mean)
    if (value < group.low) group.low = value
    if (value > group.high) group.high = value
    const { kind, subgroup } = this.plan
    if (group.count < subgroup) return NONE
    group.count = 0
    within.squares += group.squares
    within.groups += 1
    this.#state.points += 1
    const spread = kind === 'xbar_s' ? Math.sqrt(group.squares / (subgroup - 1)) : group.high - group.low
    if (this.#bands === undefined) return this.#learn({ value: group.mean, spread })
    return this.#judge(group.mean, spread, at)
  }

  #judge(value: number, spread: number | undefined, at: number): readonly Violation[] {
    const bands = this.#bands
    if (bands === undefined) return NONE
    const { kind, rules } = this.plan
    const { runs } = this.#state
    addPoint(runs, (value - bands.location.centre) / bands.scale)
    const wide = spread !== undefined && bands.spread !== undefined && outside(spread, bands.spread)
    let violations: Violation[] | undefined
    for (const rule of rules) {
      if (!broken(rule, runs)) continue
      violations ??= []
      violations.push({ plotted: LOCATION[kind], rule, at, value, limits: bands.location })
    }
    if (!wide || bands.spread === undefined) return violations ?? NONE
    const wider: Violation = {
      plotted: SPREAD[kind],
      rule: 'limits',
      at,
      value: spread,
      limits: bands.spread,
    }
    return violations === undefined ? [wider] : [...violations, wider]
  }

  #weighted(value: number, at: number): readonly Violation[] {
    const { ewma } = this.#state
    ewma.fading = this.#fadingNext()
    ewma.value += this.plan.lambda * (value - ewma.value)
    const limits = this.#ewmaBand(ewma.fading)
    if (!outside(ewma.value, limits)) return NONE
    return [{ plotted: 'ewma', rule: 'limits', at, value: ewma.value, limits }]
  }

  #fadingNext(): number {
    return this.plan.steadyLimits ? 0 : this.#state.ewma.fading * (1 - this.plan.lambda) ** 2
  }

  #ewmaBand(fading: number): Band {
    const { learnt } = this.#state
    return ewmaBand(learnt ?? { centre: 0, sigma: 0 }, this.plan, fading)
  }

  #learn(point: ChartState['first'][number]): readonly Violation[] {
    const state = this.#state
    state.first.push(point)
    if (state.first.length < this.plan.firstPoints) return NONE
    // Points that do not differ give no limits: a stuck source. It begins again rather than alarm for ever.
    state.learnt = learn(state.first, this.plan) ?? null
    state.first = []
    state.ewma = { value: state.learnt?.centre ?? 0, fading: 1 }
    this.#prepare()
    return NONE
  }

  #prepare(): void {
    const { learnt } = this.#state
    if (learnt === null) return
    const { kind, subgroup } = this.plan
    this.#bands = {
      location: meanBand(learnt, subgroup),
      spread: spreadBand(kind, learnt.sigma, subgroup),
      scale: learnt.sigma / Math.sqrt(subgroup),
    }
  }
}

function outside(value: number, { lower, upper }: Band): boolean {
  return value < lower || value > upper
}
