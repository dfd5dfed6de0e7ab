import { z } from 'zod'
import { normalQuantile } from './analysis/charts/quantiles.ts'
import type { Verdict } from './inspection.ts'
import type { KpiTargets } from './kpi-options.ts'
import type { KpiReport, RatedShare, Rating, Share } from './kpi-report.ts'

const count = z.int().min(0)
const time = z.number().min(0)

/** All that the key figures of one lot or shift rest on. */
export const kpiState = z.object({
  name: z.string(),
  parts: count,
  empty: count,
  updating: count.default(0),
  graded: count,
  conforming: count,
  downgraded: count,
  accepted: count,
  rejected: count,
  held: count,
  plannedMs: time,
  stoppedMs: time,
  uncountedMs: time,
})
export type KpiState = z.infer<typeof kpiState>

export function newKpiState(name: string): KpiState {
  return {
    name,
    parts: 0,
    empty: 0,
    updating: 0,
    graded: 0,
    conforming: 0,
    downgraded: 0,
    accepted: 0,
    rejected: 0,
    held: 0,
    plannedMs: 0,
    stoppedMs: 0,
    uncountedMs: 0,
  }
}

/** A trigger where no part lay: it says nothing about what is made. */
export function isEmptyPlace(verdict: Verdict): boolean {
  return (
    verdict.kind === 'ungraded' &&
    verdict.reasons.length > 0 &&
    verdict.reasons.every((reason) => reason === 'no-product' || reason.startsWith('no-product:'))
  )
}

/** Nobody has looked at the part: an update had the line. */
export function isForUpdate(verdict: Verdict): boolean {
  return verdict.kind === 'ungraded' && verdict.reasons.includes('updating')
}

/**
 * Takes in one decided part. What an update turned away is in no figure: its time is not planned, it was not inspected,
 * and it comes again.
 */
export function countPart(state: KpiState, verdict: Verdict): void {
  if (isEmptyPlace(verdict)) {
    state.empty += 1
    return
  }
  if (isForUpdate(verdict)) {
    state.updating += 1
    return
  }
  state.parts += 1
  if (verdict.action === 'accept') state.accepted += 1
  else if (verdict.action === 'reject') state.rejected += 1
  else state.held += 1
  if (verdict.kind === 'ungraded') return
  state.graded += 1
  if (verdict.grade !== 'REJECT') state.conforming += 1
  if (verdict.grade === 'B' || verdict.grade === 'C') state.downgraded += 1
}

/** Takes in planned time. */
export function countTime(state: KpiState, plannedMs: number, standing: boolean): void {
  state.plannedMs += plannedMs
  if (standing) state.stoppedMs += plannedMs
}

/** 95 %, two-sided. */
const Z = normalQuantile(0.975)

/**
 * Score interval of a share (Wilson 1927): sound for few parts and for shares near 0 and 1.
 * @param z of the confidence; default 95 %
 */
export function wilson(hits: number, of: number, z = Z): { readonly low: number; readonly high: number } {
  const share = hits / of
  const shrink = 1 + (z * z) / of
  const centre = (share + (z * z) / (2 * of)) / shrink
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of))
  return {
    low: hits === 0 ? 0 : Math.max(0, centre - half),
    high: hits === of ? 1 : Math.min(1, centre + half),
  }
}

/** The figures so far. */
export function kpiReportOf(state: KpiState, targets: KpiTargets): KpiReport {
  const { parts, graded, plannedMs, stoppedMs } = state
  const { conformity, downgrade, reject, cadence_per_h } = targets
  const perHour = (ms: number): number | undefined => (ms > 0 ? (parts * 3_600_000) / ms : undefined)
  const cadence = perHour(plannedMs)
  const running = perHour(plannedMs - stoppedMs)
  const quality = shareOf(state.accepted, parts).share
  return {
    name: state.name,
    parts,
    empty: state.empty,
    updating: state.updating,
    conformity: rated(shareOf(state.conforming, graded), (share) => atLeast(share, conformity)),
    downgrade: rated(shareOf(state.downgraded, graded), (share) => atMost(share, downgrade)),
    reject: rated(shareOf(state.rejected, parts), (share) => atMost(share, reject)),
    hold: shareOf(state.held, parts),
    ungraded: shareOf(parts - graded, parts),
    planned_s: plannedMs / 1000,
    stopped_s: stoppedMs / 1000,
    uncounted_s: state.uncountedMs / 1000,
    ...(cadence === undefined
      ? {}
      : { cadence_per_h: cadence, cadence_rating: atLeast(cadence, cadence_per_h) }),
    ...(running === undefined ? {} : { running_cadence_per_h: running }),
    oee: {
      ...(quality === undefined ? {} : { quality }),
      ...(plannedMs > 0 ? { availability: 1 - stoppedMs / plannedMs } : {}),
    },
  }
}

function shareOf(hits: number, of: number): Share {
  return of === 0 ? { count: hits, of } : { count: hits, of, share: hits / of, ...wilson(hits, of) }
}

function rated(figure: Share, rate: (share: number) => Rating): RatedShare {
  const { share, low, high } = figure
  if (share === undefined || low === undefined || high === undefined) return figure
  return { ...figure, rating: rate(share), certain: rate(low) === rate(high) }
}

function atLeast(
  value: number,
  { excellent, target, limit }: { excellent?: number; target: number; limit: number },
): Rating {
  if (excellent !== undefined && value >= excellent) return 'excellent'
  if (value >= target) return 'on_target'
  return value >= limit ? 'tolerable' : 'off_limit'
}

function atMost(value: number, { target, limit }: { target: number; limit: number }): Rating {
  if (value <= target) return 'on_target'
  return value <= limit ? 'tolerable' : 'off_limit'
}
