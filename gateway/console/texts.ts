import type { Action, Grade, UngradedReason } from '../inspection.ts'
import { EQUIPMENT_TEXTS, type EquipmentTexts } from './equipment-texts.ts'
import type { Alarm } from './state.ts'
import type { Condition, PartCounters } from './wire.ts'

export const LANGUAGES = ['en', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

/** Everything the page says, in one language. */
export interface Texts {
  readonly languageName: string
  readonly switchLanguage: string
  readonly verdict: string
  readonly actions: Readonly<Record<Action, string>>
  readonly grades: Readonly<Record<Grade, string>>
  readonly grade: string
  readonly notGraded: string
  readonly reasons: Readonly<Record<UngradedReason, string>>
  readonly findings: Readonly<Record<string, string>>
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
  verdict: 'Verdict',
  actions: { accept: 'Accepted', reject: 'Rejected', hold: 'On hold' },
  grades: { 'A+': 'A+', A: 'A', B: 'B', C: 'C', REJECT: 'Reject' },
  grade: 'Grade',
  notGraded: 'Not graded',
  reasons: {
    'no-product': 'Nothing on the tray',
    'sensor-absent': 'Sensor missing',
    'sensor-timeout': 'Sensor did not answer in time',
    'sensor-frozen': 'Sensor repeats itself',
    'sensor-corrupt': 'Sensor sends garbage',
    'sensor-failed': 'Sensor reports a fault',
    saturated: 'Too much light for the sensor',
    starved: 'Too little light for the sensor',
    'out-of-view': 'Part not fully in view',
    'not-calibrated': 'Head not calibrated',
    late: 'Decided too late',
    busy: 'Came while another part was measured',
    'storage-full': 'No room left to store inspections',
    'gate-failed': 'The gate does not move',
  },
  findings: {
    foreign_body: 'Foreign body',
    deformation: 'Deformation',
    edge_damage: 'Damaged edge',
    hematoma: 'Haematoma',
    bile: 'Bile stain',
    oxidation: 'Oxidation',
    discolouration: 'Discolouration',
    freshness: 'Freshness',
    fat: 'Fat quality',
    uniformity: 'Uneven surface',
    colour_uniformity: 'Uneven colour',
    size: 'Size',
    volume_low: 'Volume too small',
    volume_high: 'Volume too large',
    mass_low: 'Too light',
    mass_high: 'Too heavy',
    height_high: 'Too high',
    height_low: 'Too flat',
  },
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
  verdict: 'Verdict',
  actions: { accept: 'Acceptée', reject: 'Rejetée', hold: 'Retenue' },
  grades: { 'A+': 'A+', A: 'A', B: 'B', C: 'C', REJECT: 'Rebut' },
  grade: 'Classe',
  notGraded: 'Non classée',
  reasons: {
    'no-product': 'Rien sur le plateau',
    'sensor-absent': 'Capteur absent',
    'sensor-timeout': 'Le capteur n’a pas répondu à temps',
    'sensor-frozen': 'Le capteur se répète',
    'sensor-corrupt': 'Le capteur envoie des données incohérentes',
    'sensor-failed': 'Le capteur signale un défaut',
    saturated: 'Trop de lumière pour le capteur',
    starved: 'Trop peu de lumière pour le capteur',
    'out-of-view': 'Pièce hors du champ',
    'not-calibrated': 'Tête non étalonnée',
    late: 'Décision trop tardive',
    busy: 'Arrivée pendant la mesure d’une autre pièce',
    'storage-full': 'Plus de place pour enregistrer',
    'gate-failed': 'L’aiguillage ne bouge pas',
  },
  findings: {
    foreign_body: 'Corps étranger',
    deformation: 'Déformation',
    edge_damage: 'Bord abîmé',
    hematoma: 'Hématome',
    bile: 'Tache de bile',
    oxidation: 'Oxydation',
    discolouration: 'Décoloration',
    freshness: 'Fraîcheur',
    fat: 'Qualité du gras',
    uniformity: 'Surface irrégulière',
    colour_uniformity: 'Couleur irrégulière',
    size: 'Taille',
    volume_low: 'Volume trop petit',
    volume_high: 'Volume trop grand',
    mass_low: 'Trop légère',
    mass_high: 'Trop lourde',
    height_high: 'Trop haute',
    height_low: 'Trop plate',
  },
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
