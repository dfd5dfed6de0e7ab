import type { UngradedReason } from '../inspection.ts'

/** What the page says of reasons and findings, in one language. */
export interface ReasonTexts {
  readonly reasons: Readonly<Record<UngradedReason, string>>
  readonly findings: Readonly<Record<string, string>>
  /** What has limits in a recipe: the first half of codes that end as below. */
  readonly measures: Readonly<Record<string, string>>
  readonly endings: Readonly<Record<LimitEnding, (measure: string) => string>>
  /** Classes of thickness as the built-in recipes name them. */
  readonly classes: Readonly<Record<string, string>>
  readonly thicknessClass: (name: string) => string
  /** Labels as the built-in recipes name them. */
  readonly labels: Readonly<Record<string, string>>
  readonly labelRules: Readonly<Record<LabelRule, string>>
  readonly notOfLabel: (label: string, rule: string) => string
}

/** How a code ends that says which side of a limit a measure is on. */
export const LIMIT_ENDINGS = ['below_legal', 'above_legal', 'low', 'high'] as const
export type LimitEnding = (typeof LIMIT_ENDINGS)[number]

/** How a code ends that says which rule of a label is not kept. */
export const LABEL_RULES = ['thickness', 'delta_e00', 'oxidation', 'defects'] as const
export type LabelRule = (typeof LABEL_RULES)[number]

const LABELS = { igp: 'IGP', label_rouge: 'Label Rouge' } as const

const en: ReasonTexts = {
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
    'too-few-looks': 'Seen too few times on the belt',
    'no-histograms': 'The ranging head gave no histograms of it',
    'belt-uneven': 'The belt did not run evenly',
    'too-dark': 'The picture is dark',
    'two-products': 'More than one lens in the picture',
    'marks-missing': 'The lens’s alignment marks were not found',
    reflection: 'A reflection covers the engraving',
    'engraving-missing': 'No engraving was found',
    'engraving-unknown': 'The engraving is not known',
    'engraving-uncertain': 'The engraving was not read with certainty',
    'not-calibrated': 'Head not calibrated',
    'golden-due': 'Golden part is due',
    'golden-failed': 'Golden part failed',
    late: 'Decided too late',
    busy: 'Came while another part was measured',
    'storage-full': 'No room left to store inspections',
    'gate-failed': 'The gate does not move',
    updating: 'An update has the line',
  },
  findings: {
    foreign_body: 'Foreign body',
    engraving_mismatch: 'Another engraving than expected',
    engraved_text_mismatch: 'Another engraved text than expected',
    lens_mismatch: 'Another lens than expected',
    deformation: 'Deformation',
    edge_damage: 'Damaged edge',
    hematoma: 'Haematoma',
    bile: 'Bile stain',
    oxidation: 'Oxidation',
    discolouration: 'Discolouration',
    freshness: 'Freshness',
    fat: 'Fat quality',
    uniformity: 'Uneven surface',
    uniformity_low: 'Uneven surface',
    uniformity_high: 'Surface smoother than allowed',
    colour_uniformity: 'Uneven colour',
    size: 'Size',
    volume_low: 'Volume too small',
    volume_high: 'Volume too large',
    mass_low: 'Too light',
    mass_high: 'Too heavy',
    mass_below_legal: 'Below the legal weight',
    mass_above_legal: 'Above the legal weight',
    height_low: 'Too flat',
    height_high: 'Too high',
    fill_low: 'Tray not full',
    fill_high: 'Tray too full',
    colour: 'Colour',
    colour_off: 'Colour off target',
    colour_critical: 'Wrong colour',
    thickness_outside: 'Thickness of no class',
    first_part: 'First part after a changeover',
  },
  measures: { volume: 'Volume', mass: 'Weight', height: 'Height', uniformity: 'Smoothness', fill: 'Fill' },
  endings: {
    below_legal: (measure) => `${measure} below the legal limit`,
    above_legal: (measure) => `${measure} above the legal limit`,
    low: (measure) => `${measure} too low`,
    high: (measure) => `${measure} too high`,
  },
  classes: { extra: 'extra', premier: 'premier', deuxieme: 'deuxième' },
  thicknessClass: (name) => `Thickness: ${name}`,
  labels: LABELS,
  labelRules: { thickness: 'thickness', delta_e00: 'colour', oxidation: 'oxidation', defects: 'defects' },
  notOfLabel: (label, rule) => `Not ${label}: ${rule}`,
}

const fr: ReasonTexts = {
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
    'too-few-looks': 'Vue trop peu de fois sur le tapis',
    'no-histograms': 'La tête de distance n’en a donné aucun histogramme',
    'belt-uneven': 'Le tapis n’avançait pas régulièrement',
    'too-dark': 'L’image est noire',
    'two-products': 'Plus d’un verre sur l’image',
    'marks-missing': 'Repères du verre introuvables',
    reflection: 'Un reflet cache la gravure',
    'engraving-missing': 'Aucune gravure trouvée',
    'engraving-unknown': 'Gravure inconnue',
    'engraving-uncertain': 'Gravure lue sans certitude',
    'not-calibrated': 'Tête non étalonnée',
    'golden-due': 'Pièce étalon à contrôler',
    'golden-failed': 'Pièce étalon hors tolérance',
    late: 'Décision trop tardive',
    busy: 'Arrivée pendant la mesure d’une autre pièce',
    'storage-full': 'Plus de place pour enregistrer',
    'gate-failed': 'L’aiguillage ne bouge pas',
    updating: 'Mise à jour en cours',
  },
  findings: {
    foreign_body: 'Corps étranger',
    engraving_mismatch: 'Autre gravure qu’attendu',
    engraved_text_mismatch: 'Autre texte gravé qu’attendu',
    lens_mismatch: 'Autre verre qu’attendu',
    deformation: 'Déformation',
    edge_damage: 'Bord abîmé',
    hematoma: 'Hématome',
    bile: 'Tache de bile',
    oxidation: 'Oxydation',
    discolouration: 'Décoloration',
    freshness: 'Fraîcheur',
    fat: 'Qualité du gras',
    uniformity: 'Surface irrégulière',
    uniformity_low: 'Surface irrégulière',
    uniformity_high: 'Surface plus lisse que permis',
    colour_uniformity: 'Couleur irrégulière',
    size: 'Taille',
    volume_low: 'Volume trop petit',
    volume_high: 'Volume trop grand',
    mass_low: 'Trop légère',
    mass_high: 'Trop lourde',
    mass_below_legal: 'Sous le poids légal',
    mass_above_legal: 'Au-dessus du poids légal',
    height_low: 'Trop plate',
    height_high: 'Trop haute',
    fill_low: 'Barquette mal remplie',
    fill_high: 'Barquette trop remplie',
    colour: 'Couleur',
    colour_off: 'Couleur hors cible',
    colour_critical: 'Mauvaise couleur',
    thickness_outside: 'Épaisseur hors classe',
    first_part: 'Première pièce après changement',
  },
  measures: {
    volume: 'Volume',
    mass: 'Poids',
    height: 'Hauteur',
    uniformity: 'Régularité',
    fill: 'Remplissage',
  },
  endings: {
    below_legal: (measure) => `${measure}\u00a0: sous la limite légale`,
    above_legal: (measure) => `${measure}\u00a0: au-dessus de la limite légale`,
    low: (measure) => `${measure}\u00a0: trop bas`,
    high: (measure) => `${measure}\u00a0: trop haut`,
  },
  classes: { extra: 'extra', premier: 'premier', deuxieme: 'deuxième' },
  thicknessClass: (name) => `Épaisseur\u00a0: ${name}`,
  labels: LABELS,
  labelRules: { thickness: 'épaisseur', delta_e00: 'couleur', oxidation: 'oxydation', defects: 'défauts' },
  notOfLabel: (label, rule) => `Hors ${label}\u00a0: ${rule}`,
}

export const REASON_TEXTS = { en, fr } as const
