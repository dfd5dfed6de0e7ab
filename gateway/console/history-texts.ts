import type { Period, Scope, SPREAD } from './history.ts'

/** What the page says of hours and days, in one language. */
export interface HistoryTexts {
  readonly periodsLegend: string
  readonly periods: Readonly<Record<Period, string>>
  readonly scopesLegend: string
  readonly scopes: Readonly<Record<Scope, string>>
  readonly measure: string
  readonly measures: Readonly<Record<string, string>>
  readonly spread: Readonly<Record<(typeof SPREAD)[number], string>>
  readonly parts: string
  readonly partsChart: string
  readonly total: string
  readonly when: Readonly<Record<Period, string>>
  readonly shown: Readonly<Record<Period, string>>
  /** Where a day begins for the gateway. */
  readonly dayBegins: (time: string) => string
  readonly nothing: string
  readonly loading: string
  readonly band: string
}

const en: HistoryTexts = {
  periodsLegend: 'Hours or days',
  periods: { hour: 'Hours', day: 'Days' },
  scopesLegend: 'Whose parts',
  scopes: { all: 'All parts', recipe: 'This recipe', lot: 'This lot' },
  measure: 'Measure',
  measures: {
    score: 'Score',
    mass_g: 'Mass',
    volume_mm3: 'Volume',
    avg_height_mm: 'Mean height',
    max_height_mm: 'Greatest height',
    height_variation_mm: 'Height variation',
    surface_uniformity: 'Surface uniformity',
    freshness_index: 'Freshness',
    fat_quality_index: 'Fat quality',
    oxidation_index: 'Oxidation',
    color_uniformity: 'Colour uniformity',
    lab_l: 'Colour L*',
    lab_a: 'Colour a*',
    lab_b: 'Colour b*',
    temperature_c: 'Temperature',
    latency_ms: 'Latency',
  },
  spread: { mean: 'Mean', std: 'σ', min: 'Least', p05: '5%', p50: 'Median', p95: '95%', max: 'Most' },
  parts: 'Parts',
  partsChart: 'Parts by grade',
  total: 'All',
  when: { hour: 'Hour', day: 'Day' },
  shown: { hour: 'Last 48 hours', day: 'Last 31 days' },
  dayBegins: (time) => `a day begins at ${time}`,
  nothing: 'No part in this time',
  loading: 'Asking the gateway',
  band: '5% to 95% of the parts, and their median',
}

const fr: HistoryTexts = {
  periodsLegend: 'Heures ou jours',
  periods: { hour: 'Heures', day: 'Jours' },
  scopesLegend: 'Quelles pièces',
  scopes: { all: 'Toutes les pièces', recipe: 'Cette recette', lot: 'Ce lot' },
  measure: 'Mesure',
  measures: {
    score: 'Note',
    mass_g: 'Masse',
    volume_mm3: 'Volume',
    avg_height_mm: 'Hauteur moyenne',
    max_height_mm: 'Hauteur maximale',
    height_variation_mm: 'Variation de hauteur',
    surface_uniformity: 'Uniformité de surface',
    freshness_index: 'Fraîcheur',
    fat_quality_index: 'Qualité du gras',
    oxidation_index: 'Oxydation',
    color_uniformity: 'Uniformité de couleur',
    lab_l: 'Couleur L*',
    lab_a: 'Couleur a*',
    lab_b: 'Couleur b*',
    temperature_c: 'Température',
    latency_ms: 'Délai',
  },
  spread: { mean: 'Moyenne', std: 'σ', min: 'Min', p05: '5 %', p50: 'Médiane', p95: '95 %', max: 'Max' },
  parts: 'Pièces',
  partsChart: 'Pièces par classe',
  total: 'Toutes',
  when: { hour: 'Heure', day: 'Jour' },
  shown: { hour: 'Les 48 dernières heures', day: 'Les 31 derniers jours' },
  dayBegins: (time) => `un jour commence à ${time}`,
  nothing: 'Aucune pièce sur cette période',
  loading: 'Lecture en cours',
  band: '5 % à 95 % des pièces, et leur médiane',
}

export const HISTORY_TEXTS = { en, fr } as const
