import type { Action } from '../inspection.ts'

export type Language = 'fr' | 'en'

export interface TraceTexts {
  readonly lot: string
  readonly part: string
  readonly parts: string
  readonly started: string
  readonly closed: string
  readonly open: string
  readonly grade: string
  readonly ungraded: string
  readonly overridden: string
  readonly instead: string
  readonly actions: Readonly<Record<Action, string>>
  readonly verdicts: string
  readonly verdict: string
  readonly number: string
  readonly when: string
  readonly notListed: (count: number) => string
  readonly sources: string
  readonly recipe: string
  readonly revision: string
  readonly calibration: string
  /** By kind; another is shown by its name. */
  readonly calibrations: Readonly<Record<string, string>>
  readonly software: string
  readonly proof: string
  readonly signed: string
  readonly notSigned: string
  readonly checkpoint: string
  readonly device: string
  readonly key: string
  readonly hash: string
}

/** The words of the page behind a label. */
export const TRACE_TEXTS: Readonly<Record<Language, TraceTexts>> = {
  fr: {
    lot: 'Lot',
    part: 'Pièce n°',
    parts: 'Pièces contrôlées',
    started: 'Début',
    closed: 'Fin',
    open: 'en cours',
    grade: 'Classe',
    ungraded: 'non classée',
    overridden: 'Décisions revues par deux personnes',
    instead: 'revu par deux personnes',
    actions: { accept: 'acceptée', reject: 'rejetée', hold: 'retenue' },
    verdicts: 'Contrôles',
    verdict: 'Résultat',
    number: 'N°',
    when: 'Heure',
    notListed: (count) =>
      count === 1 ? '1 pièce n’est pas détaillée ici.' : `${count} pièces ne sont pas détaillées ici.`,
    sources: 'Contrôlé avec',
    recipe: 'Recette',
    revision: 'révision',
    calibration: 'Étalonnage',
    calibrations: {
      'empty-tray': 'plateau vide',
      offset: 'décalage',
      crosstalk: 'diaphonie',
      dark: 'noir',
      white: 'blanc',
    },
    software: 'Logiciel',
    proof: 'Preuve',
    signed:
      'Ces contrôles font partie d’un registre chaîné que la station a signé : on ne peut les modifier sans que cela se voie.',
    notSigned: 'Ces contrôles sont enregistrés ; le registre n’a pas encore été signé depuis.',
    checkpoint: 'Signature',
    device: 'Appareil',
    key: 'Clé',
    hash: 'Empreinte',
  },
  en: {
    lot: 'Lot',
    part: 'Part no.',
    parts: 'Parts inspected',
    started: 'Started',
    closed: 'Closed',
    open: 'being made',
    grade: 'Grade',
    ungraded: 'not graded',
    overridden: 'Decisions changed by two persons',
    instead: 'changed by two persons',
    actions: { accept: 'accepted', reject: 'rejected', hold: 'held' },
    verdicts: 'Inspections',
    verdict: 'Result',
    number: 'No.',
    when: 'Time',
    notListed: (count) =>
      count === 1 ? '1 part is not listed here.' : `${count} parts are not listed here.`,
    sources: 'Inspected with',
    recipe: 'Recipe',
    revision: 'revision',
    calibration: 'Calibration',
    calibrations: {
      'empty-tray': 'empty tray',
      offset: 'offset',
      crosstalk: 'crosstalk',
      dark: 'dark',
      white: 'white',
    },
    software: 'Software',
    proof: 'Proof',
    signed:
      'These inspections are part of a chained log that the station has signed: they cannot be changed unnoticed.',
    notSigned: 'These inspections are stored; the log has not been signed since.',
    checkpoint: 'Signature',
    device: 'Device',
    key: 'Key',
    hash: 'Fingerprint',
  },
}
