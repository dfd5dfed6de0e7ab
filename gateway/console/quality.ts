import type { Format } from './format.ts'
import { own, readable } from './reasons.ts'
import type { Station } from './wire.ts'
import type { Alert, Chart, Quality, Rating } from './wire-quality.ts'

/** More alerts than this take too much room from the verdict. */
export const SHOWN_ALERTS = 3
const SHOWN_CHARTS = 4
const SEVERITIES = ['critical', 'warning', 'info'] as const

/** One open alert as a person at the line reads it. */
export interface AlertEntry {
  readonly id: string
  readonly severity: Alert['severity']
  readonly acknowledged: boolean
  readonly title: string
  /** Value against limit, since when, who has seen it; what is not known is left out. */
  readonly facts: readonly string[]
  readonly detail: string | undefined
}

/** The worst alerts first, of those what nobody has seen, of those the newest; the rest is only counted. */
export function describeAlerts(
  alerts: readonly Alert[],
  format: Format,
  wallMs: number,
): { readonly shown: readonly AlertEntry[]; readonly more: number; readonly critical: number } {
  const open = alerts.filter(({ state }) => state !== 'cleared')
  const ordered = [...open].sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      Number(a.state === 'acknowledged') - Number(b.state === 'acknowledged') ||
      b.since.localeCompare(a.since),
  )
  return {
    shown: ordered.slice(0, SHOWN_ALERTS).map((alert) => describeAlert(alert, format, wallMs)),
    more: Math.max(0, ordered.length - SHOWN_ALERTS),
    critical: ordered.filter(({ severity }) => severity === 'critical').length,
  }
}

function describeAlert(alert: Alert, format: Format, wallMs: number): AlertEntry {
  const { id, severity, state, title, rule, subject, since, detail, acknowledged_by } = alert
  const { titles, acknowledged, acknowledgedBy, since: sinceText } = format.texts.quality
  const called = title === undefined ? readable(rule) : (own(titles, title) ?? title)
  const about = own(format.texts.equipment.names, subject) ?? subject
  const moment = format.moment(since, wallMs)
  const seen = acknowledged_by === undefined ? acknowledged : acknowledgedBy(acknowledged_by)
  return {
    id,
    severity,
    acknowledged: state === 'acknowledged',
    title: subject === 'station' ? called : `${called} · ${about}`,
    facts: [
      ...valueText(alert, format),
      ...(moment === '' ? [] : [sinceText(moment)]),
      ...(state === 'acknowledged' ? [seen] : []),
    ],
    detail,
  }
}

/** A word that is its own limit, such as a grade that must not be, stands in the title already. */
function valueText({ value, limit }: Alert, format: Format): readonly string[] {
  if (value === undefined || (value === limit && typeof value !== 'number')) return []
  if (typeof value === 'number') {
    if (typeof limit !== 'number') return [format.apart(value, value)[0]]
    return [format.texts.quality.limit(...format.apart(value, limit))]
  }
  const { values } = format.texts.quality
  const word = String(value)
  return [own(values, word) ?? word]
}

/** One figure of the lot. */
export interface Figure {
  readonly name: string
  readonly label: string
  readonly value: string
  readonly rating: Rating | undefined
  /** The rating in a word, empty without one. */
  readonly word: string
  /** More parts may change the rating: it is told, but raises no eyebrow. */
  readonly uncertain: boolean
  /** Where it comes from. */
  readonly note: string
}

/** Conformity, rejects and cadence of the running lot. */
export function lotFigures({ kpi }: Quality, format: Format): readonly Figure[] {
  const { texts, percent, whole } = format
  const { figures, ratings, perHour, ofParts, uncertain: few } = texts.quality
  const { conformity, reject, cadence_per_h, cadence_rating } = kpi.lot
  const word = (rating: Rating | undefined): string => (rating === undefined ? '' : ratings[rating])
  const shares = (['conformity', 'reject'] as const).map((name) => {
    const { share, rating, certain = true, count, of } = { conformity, reject }[name]
    const uncertain = rating !== undefined && !certain
    const source = ofParts(whole(count), whole(of))
    return {
      name,
      label: figures[name],
      value: share === undefined ? '–' : percent(share),
      rating,
      word: word(rating),
      uncertain,
      note: uncertain ? `${source}, ${few}` : source,
    }
  })
  const cadence = {
    name: 'cadence',
    label: figures.cadence,
    value: cadence_per_h === undefined ? '–' : perHour(whole(cadence_per_h)),
    rating: cadence_rating,
    word: word(cadence_rating),
    uncertain: false,
    note: '',
  }
  return [...shares, cadence]
}

/** How able the process is to keep one specification. */
export interface CapabilityEntry {
  readonly label: string
  readonly value: string
  readonly note: string
}

/** Cpk of the charts that the running lot has, the lowest first: they are what must be looked at. */
export function lotCapabilities(
  { charts }: Quality,
  { recipe, lot }: Station,
  format: Format,
): readonly CapabilityEntry[] {
  const ofLot = (one: Chart): boolean =>
    one.lot === lot.id && one.recipe === recipe.id && one.revision === recipe.revision
  return charts
    .filter(ofLot)
    .flatMap(({ name, capability }) => (capability === undefined ? [] : [{ name, ...capability }]))
    .sort((a, b) => a.cpk.value - b.cpk.value)
    .slice(0, SHOWN_CHARTS)
    .map(({ name, cpk, count, not_normal = false }) => {
      const { capability, interval, notNormal } = format.texts.quality
      const { hundredths, whole } = format
      const range = interval(hundredths(cpk.low), hundredths(cpk.high), whole(count))
      return {
        label: capability(name.replaceAll('_', ' ')),
        value: `${not_normal ? '≈ ' : ''}${hundredths(cpk.value)}`,
        note: not_normal ? `${range}; ${notNormal}` : range,
      }
    })
}
