import type { Action, Grade } from '../inspection.ts'
import { ENGRAVING_TEXTS, type EngravingTexts } from './engraving-texts.ts'
import { EQUIPMENT_TEXTS, type EquipmentTexts } from './equipment-texts.ts'
import { HISTORY_TEXTS, type HistoryTexts } from './history-texts.ts'
import { QUALITY_TEXTS, type QualityTexts } from './quality-texts.ts'
import { REASON_TEXTS, type ReasonTexts } from './reason-texts.ts'
import type { Room } from './rooms.ts'
import type { Alarm } from './state.ts'
import { STORAGE_TEXTS, type StorageTexts } from './storage-texts.ts'
import { UPDATE_TEXTS, type UpdateTexts } from './update-texts.ts'
import type { Condition, PartCounters } from './wire.ts'

export const LANGUAGES = ['en', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

/** Everything the page says, in one language. */
export interface Texts {
  readonly languageName: string
  readonly switchLanguage: string
  readonly rooms: Readonly<Record<Room, string>>
  readonly roomsLegend: string
  readonly verdict: string
  readonly actions: Readonly<Record<Action, string>>
  readonly grades: Readonly<Record<Grade, string>>
  readonly grade: string
  readonly notGraded: string
  readonly reasons: ReasonTexts
  readonly noData: (duration: string) => string
  readonly noPartYet: string
  readonly waitingForPart: string
  readonly lastPart: string
  readonly part: string
  readonly score: string
  readonly latency: string
  readonly time: string
  readonly number: string
  readonly action: string
  readonly why: string
  readonly heights: string
  readonly distances: string
  readonly heightsUnit: string
  readonly notMeasured: string
  readonly row: string
  readonly volume: string
  readonly zonesSummary: (measured: number, from: string, to: string) => string
  readonly nothingMeasured: string
  readonly channels: string
  readonly channelsUnit: string
  readonly saturated: string
  readonly exposure: (ms: string, gain: string) => string
  readonly inspections: string
  readonly noInspections: string
  readonly heads: string
  readonly equipment: EquipmentTexts
  readonly quality: QualityTexts
  readonly history: HistoryTexts
  readonly storage: StorageTexts
  readonly engraving: EngravingTexts
  readonly update: UpdateTexts
  readonly noAnswer: string
  readonly kilobytes: string
  readonly megabytes: string
  readonly gigabytes: string
  readonly sinks: string
  readonly none: string
  readonly conditions: Readonly<Record<Condition, string>>
  readonly backlog: (entries: string) => string
  readonly allDelivered: string
  readonly quarantined: (entries: string) => string
  readonly lot: string
  readonly recipe: string
  readonly revision: string
  readonly counters: Readonly<Record<keyof PartCounters, string>>
  readonly dryRun: string
  readonly alarms: Readonly<Record<Alarm, string>>
  readonly away: string
  readonly connecting: string
  readonly connected: string
  readonly holdover: string
  readonly skipped: (count: string) => string
  readonly phases: { readonly starting: string; readonly draining: string }
}

const en: Texts = {
  languageName: 'English',
  switchLanguage: 'Language',
  rooms: { live: 'Live', engraving: 'Engraving', history: 'History', storage: 'Storage' },
  roomsLegend: 'Pages',
  verdict: 'Verdict',
  actions: { accept: 'Accepted', reject: 'Rejected', hold: 'On hold' },
  grades: { 'A+': 'A+', A: 'A', B: 'B', C: 'C', REJECT: 'Reject' },
  grade: 'Grade',
  notGraded: 'Not graded',
  reasons: REASON_TEXTS.en,
  noData: (duration) => `No data for ${duration}`,
  noPartYet: 'No part yet',
  waitingForPart: 'Waiting for the first part',
  lastPart: 'Last part',
  part: 'Part',
  score: 'Score',
  latency: 'Latency',
  time: 'Time',
  number: 'No.',
  action: 'Action',
  why: 'Why',
  heights: 'Height',
  distances: 'Distance',
  heightsUnit: 'mm',
  notMeasured: 'not measured',
  row: 'Row',
  volume: 'Volume',
  zonesSummary: (measured, from, to) => `${measured} of 64 zones measured, from ${from} to ${to} mm`,
  nothingMeasured: 'Not measured',
  channels: 'Spectrum',
  channelsUnit: 'counts',
  saturated: 'saturated',
  exposure: (ms, gain) => `${ms} ms, gain ${gain}`,
  inspections: 'Last inspections',
  noInspections: 'The last 50 parts will stand here.',
  heads: 'Heads',
  equipment: EQUIPMENT_TEXTS.en,
  quality: QUALITY_TEXTS.en,
  history: HISTORY_TEXTS.en,
  storage: STORAGE_TEXTS.en,
  engraving: ENGRAVING_TEXTS.en,
  update: UPDATE_TEXTS.en,
  noAnswer: 'The gateway does not answer',
  kilobytes: 'kB',
  megabytes: 'MB',
  gigabytes: 'GB',
  sinks: 'Deliveries',
  none: 'none',
  conditions: { ok: 'Working', degraded: 'Limited', failed: 'Not working' },
  backlog: (entries) => `${entries} waiting`,
  allDelivered: 'All delivered',
  quarantined: (entries) => `${entries} set aside`,
  lot: 'Lot',
  recipe: 'Recipe',
  revision: 'rev.',
  counters: {
    triggers: 'Parts',
    accepted: 'Accepted',
    rejected: 'Rejected',
    held: 'Held',
    in_flight: 'In progress',
    late: 'Too late',
    busy: 'Too close',
    unrecorded: 'Not recorded',
  },
  dryRun: 'Dry run: the gate does not move',
  alarms: {
    'gate-failed': 'The gate does not work: every part is rejected',
    'line-stopped': 'Line stopped: resume it after a check',
    'not-calibrated': 'Heads not calibrated: empty the tray and start the calibration',
  },
  away: 'Gateway unreachable, trying again',
  connecting: 'Connecting to the gateway',
  connected: 'Connected',
  holdover: 'Clock not synchronised: times may be wrong, the order is right',
  skipped: (count) => `${count} not shown, the line is faster than the eye`,
  phases: { starting: 'The station is starting', draining: 'The station is stopping' },
}

const fr: Texts = {
  languageName: 'Français',
  switchLanguage: 'Langue',
  rooms: { live: 'Direct', engraving: 'Gravure', history: 'Historique', storage: 'Stockage' },
  roomsLegend: 'Pages',
  verdict: 'Verdict',
  actions: { accept: 'Acceptée', reject: 'Rejetée', hold: 'Retenue' },
  grades: { 'A+': 'A+', A: 'A', B: 'B', C: 'C', REJECT: 'Rebut' },
  grade: 'Classe',
  notGraded: 'Non classée',
  reasons: REASON_TEXTS.fr,
  noData: (duration) => `Pas de données depuis ${duration}`,
  noPartYet: 'Aucune pièce',
  waitingForPart: 'En attente de la première pièce',
  lastPart: 'Dernière pièce',
  part: 'Pièce',
  score: 'Note',
  latency: 'Délai',
  time: 'Heure',
  number: 'N°',
  action: 'Action',
  why: 'Motif',
  heights: 'Hauteur',
  distances: 'Distance',
  heightsUnit: 'mm',
  notMeasured: 'non mesuré',
  row: 'Ligne',
  volume: 'Volume',
  zonesSummary: (measured, from, to) => `${measured} zones mesurées sur 64, de ${from} à ${to} mm`,
  nothingMeasured: 'Non mesuré',
  channels: 'Spectre',
  channelsUnit: 'coups',
  saturated: 'saturé',
  exposure: (ms, gain) => `${ms} ms, gain ${gain}`,
  inspections: 'Derniers contrôles',
  noInspections: 'Les 50 dernières pièces s’afficheront ici.',
  heads: 'Têtes',
  equipment: EQUIPMENT_TEXTS.fr,
  quality: QUALITY_TEXTS.fr,
  history: HISTORY_TEXTS.fr,
  storage: STORAGE_TEXTS.fr,
  engraving: ENGRAVING_TEXTS.fr,
  update: UPDATE_TEXTS.fr,
  noAnswer: 'La passerelle ne répond pas',
  kilobytes: 'ko',
  megabytes: 'Mo',
  gigabytes: 'Go',
  sinks: 'Livraisons',
  none: 'aucune',
  conditions: { ok: 'En marche', degraded: 'Limité', failed: 'Hors service' },
  backlog: (entries) => `${entries} en attente`,
  allDelivered: 'Tout est livré',
  quarantined: (entries) => `${entries} mis de côté`,
  lot: 'Lot',
  recipe: 'Recette',
  revision: 'rév.',
  counters: {
    triggers: 'Pièces',
    accepted: 'Acceptées',
    rejected: 'Rejetées',
    held: 'Retenues',
    in_flight: 'En cours',
    late: 'Trop tard',
    busy: 'Trop proches',
    unrecorded: 'Non enregistrées',
  },
  dryRun: 'Marche à blanc : l’aiguillage ne bouge pas',
  alarms: {
    'gate-failed': 'Aiguillage hors service : tout est rejeté',
    'line-stopped': 'Ligne arrêtée : à relancer après contrôle',
    'not-calibrated': 'Têtes non étalonnées : videz le plateau, puis étalonnez',
  },
  away: 'Passerelle injoignable, nouvel essai en cours',
  connecting: 'Connexion à la passerelle',
  connected: 'Connecté',
  holdover: 'Horloge non synchronisée : heures incertaines, ordre exact',
  skipped: (count) => `${count} non affichées, la ligne va plus vite que l’œil`,
  phases: { starting: 'La station démarre', draining: 'La station s’arrête' },
}

export const TEXTS: Readonly<Record<Language, Texts>> = { en, fr }

/** @param wanted the person's languages, best first, as the browser tells them */
export function chooseLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language)
    if (found !== undefined) return found
  }
  return 'en'
}
