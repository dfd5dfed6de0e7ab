import type { AlertView } from './alert-view.ts'
import type { Alert } from './alerts/alert.ts'
import type { Capability } from './analysis/charts/capability.ts'
import type { QualityReport } from './api/quality.ts'
import type { QualityWatch } from './quality.ts'

/** The watch over the parts, as page and API show it. */
export function describeQuality(
  quality: Pick<QualityWatch, 'kpis' | 'charts'>,
  alerts: readonly Alert[],
): QualityReport {
  return {
    alerts: alerts.map(viewOf).sort((one, other) => other.since.localeCompare(one.since)),
    kpi: kpiView(quality.kpis()),
    charts: quality.charts().map(({ key, chart, phase, points, capability }) => ({
      name: chart,
      ...key,
      phase,
      points,
      ...(capability === undefined ? {} : { capability: capabilityView(capability) }),
    })),
  }
}

function kpiView({ endedShifts, ...running }: ReturnType<QualityWatch['kpis']>): QualityReport['kpi'] {
  const ended = endedShifts.map(({ began_at, kpi }) => ({ began_at, ...kpi }))
  return { ...running, ended_shifts: ended }
}

function viewOf({ id, rule, kind, title, subject, severity, state, since, ...more }: Alert): AlertView {
  const { value, limit, detail, occurrences, acknowledgedBy } = more
  return {
    id,
    rule,
    kind,
    subject,
    severity,
    state,
    since,
    occurrences,
    ...(title === undefined ? {} : { title }),
    ...(value === undefined ? {} : { value }),
    ...(limit === undefined ? {} : { limit }),
    ...(detail === undefined ? {} : { detail }),
    ...(acknowledgedBy === undefined ? {} : { acknowledged_by: acknowledgedBy }),
  }
}

function capabilityView({
  count,
  mean,
  cp,
  cpk,
  pp,
  ppk,
  confidence,
  shape,
}: Capability): NonNullable<QualityReport['charts'][number]['capability']> {
  return {
    count,
    mean,
    cpk: { ...cpk },
    ppk: { ...ppk },
    confidence,
    ...(cp === undefined ? {} : { cp: { ...cp } }),
    ...(pp === undefined ? {} : { pp: { ...pp } }),
    ...(shape === undefined ? {} : { not_normal: shape.notNormal }),
  }
}
