import type { Alert, Rating } from './wire-quality.ts'

/** What the page says of alerts and key figures, in one language. */
export interface QualityTexts {
  readonly alerts: string
  /** What a screen reader hears. */
  readonly openAlerts: (count: string, critical: string) => string
  readonly moreAlerts: (count: string) => string
  readonly severities: Readonly<Record<Alert['severity'], string>>
  /** The titles of the rules that come with the gateway, by their English words. */
  readonly titles: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, string>>
  readonly limit: (value: string, limit: string) => string
  readonly since: (moment: string) => string
  readonly acknowledged: string
  readonly acknowledgedBy: (name: string) => string
  readonly figures: { readonly conformity: string; readonly reject: string; readonly cadence: string }
  readonly perHour: (parts: string) => string
  readonly ratings: Readonly<Record<Rating, string>>
  /** Said of a rating that more parts may change. */
  readonly uncertain: string
  readonly ofParts: (count: string, of: string) => string
  readonly capability: (chart: string) => string
  readonly interval: (low: string, high: string, points: string) => string
  readonly notNormal: string
}

const en: QualityTexts = {
  alerts: 'Alerts',
  openAlerts: (count, critical) => `Open alerts: ${count}, critical: ${critical}`,
  moreAlerts: (count) => `+${count} more`,
  severities: { info: 'Note', warning: 'Warning', critical: 'Critical' },
  titles: {},
  values: { true: 'yes', false: 'no', ok: 'working', degraded: 'limited', failed: 'not working' },
  limit: (value, limit) => `${value} (limit ${limit})`,
  since: (moment) => `since ${moment}`,
  acknowledged: 'seen',
  acknowledgedBy: (name) => `seen by ${name}`,
  figures: { conformity: 'Conformity', reject: 'Rejects', cadence: 'Cadence' },
  perHour: (parts) => `${parts}/h`,
  ratings: {
    excellent: 'excellent',
    on_target: 'on target',
    tolerable: 'tolerable',
    off_limit: 'off limit',
  },
  uncertain: 'too few parts to be sure',
  ofParts: (count, of) => `${count} of ${of} parts`,
  capability: (chart) => `Cpk ${chart}`,
  interval: (low, high, points) => `${low} to ${high}, ${points} points`,
  notNormal: 'not a normal distribution: says less than it seems to',
}

const fr: QualityTexts = {
  alerts: 'Alertes',
  openAlerts: (count, critical) => `Alertes ouvertes\u00a0: ${count}, critiques\u00a0: ${critical}`,
  moreAlerts: (count) => `+${count} autres`,
  severities: { info: 'Note', warning: 'Attention', critical: 'Critique' },
  titles: {
    'The score is critically low': 'Note très basse',
    'The score is low': 'Note basse',
    'A part was graded REJECT': 'Une pièce classée au rebut',
    'The product is oxidised': 'Produit oxydé',
    'The product is not fresh': 'Produit pas frais',
  },
  values: { true: 'oui', false: 'non', ok: 'en marche', degraded: 'limité', failed: 'hors service' },
  limit: (value, limit) => `${value} (limite ${limit})`,
  since: (moment) => `depuis ${moment}`,
  acknowledged: 'vue',
  acknowledgedBy: (name) => `vue par ${name}`,
  figures: { conformity: 'Conformité', reject: 'Rejets', cadence: 'Cadence' },
  perHour: (parts) => `${parts}/h`,
  ratings: {
    excellent: 'excellent',
    on_target: 'à l’objectif',
    tolerable: 'tolérable',
    off_limit: 'hors limite',
  },
  uncertain: 'trop peu de pièces pour être sûr',
  ofParts: (count, of) => `${count} pièces sur ${of}`,
  capability: (chart) => `Cpk ${chart}`,
  interval: (low, high, points) => `${low} à ${high}, ${points} points`,
  notNormal: 'pas une loi normale\u00a0: dit moins qu’il ne semble',
}

export const QUALITY_TEXTS = { en, fr } as const
