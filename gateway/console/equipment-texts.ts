/** What stands beside the heads and has words of its own. */
export type EquipmentName =
  | 'gate'
  | 'trigger'
  | 'encoder'
  | 'environment'
  | 'panel'
  | 'camera'
  | 'vision'
  | 'calibration'
  | 'retention'
  | 'esp32'

/** What became of the parts at the gate. */
export type Passage = 'accepted' | 'rejected' | 'held' | 'late' | 'waiting'

/** What the page says of the equipment, in one language. */
export interface EquipmentTexts {
  readonly title: string
  readonly names: Readonly<Record<EquipmentName, string>>
  /** What it means for the person at the line that a unit does less than it should, or nothing. */
  readonly meanings: Readonly<Record<EquipmentName, { readonly degraded: string; readonly failed: string }>>
  readonly passages: Readonly<Record<Passage, string>>
  readonly lineStopped: string
  readonly calibrated: string
  readonly notCalibrated: string
  readonly beltSpeed: (mmPerS: string) => string
  readonly climate: (temperatureC: string, humidityPercent: string) => string
  readonly pictures: (perSecond: string) => string
  readonly old: (age: string) => string
  readonly roomFor: (time: string) => string
  readonly connected: (devices: string) => string
}

/** The same for both states. */
function whenever(meaning: string): { readonly degraded: string; readonly failed: string } {
  return { degraded: meaning, failed: meaning }
}

const en: EquipmentTexts = {
  title: 'Equipment',
  names: {
    gate: 'Gate',
    trigger: 'Part detector',
    encoder: 'Belt encoder',
    environment: 'Climate',
    panel: 'Panel',
    camera: 'Camera',
    vision: 'Recognition',
    calibration: 'Calibration',
    retention: 'Storage',
    esp32: 'Old heads',
  },
  meanings: {
    gate: { degraded: 'Parts may be rejected', failed: 'Every part is rejected' },
    trigger: whenever('Parts may go by unseen'),
    encoder: whenever('Belt position unknown: parts may be rejected'),
    environment: whenever('Not measured: parts are graded without it'),
    panel: { degraded: 'A lamp or a button does not work', failed: 'No lamp and no button works' },
    camera: { degraded: 'Pictures may be missing', failed: 'There are no pictures' },
    vision: {
      degraded: 'Slower, or less sure, than it could be',
      failed: 'No engraving is read: lenses are not graded',
    },
    calibration: whenever('Empty the tray and start the calibration'),
    retention: whenever('Tell whoever looks after the station: see Storage'),
    esp32: whenever('Two heads have the same name: rename one'),
  },
  passages: {
    accepted: 'Passed',
    rejected: 'Rejected',
    held: 'Held',
    late: 'Too late',
    waiting: 'Waiting',
  },
  lineStopped: 'Line stopped',
  calibrated: 'Valid',
  notCalibrated: 'Missing',
  beltSpeed: (mmPerS) => `${mmPerS} mm/s`,
  climate: (temperatureC, humidityPercent) => `${temperatureC} °C · ${humidityPercent}% RH`,
  pictures: (perSecond) => `${perSecond}/s`,
  old: (age) => `${age} old`,
  roomFor: (time) => `room for ${time}`,
  connected: (devices) => `${devices} connected`,
}

const fr: EquipmentTexts = {
  title: 'Équipement',
  names: {
    gate: 'Aiguillage',
    trigger: 'Détecteur',
    encoder: 'Codeur du tapis',
    environment: 'Climat',
    panel: 'Pupitre',
    camera: 'Caméra',
    vision: 'Reconnaissance',
    calibration: 'Étalonnage',
    retention: 'Stockage',
    esp32: 'Anciennes têtes',
  },
  meanings: {
    gate: { degraded: 'Des pièces peuvent être rejetées', failed: 'Toutes les pièces sont rejetées' },
    trigger: whenever('Des pièces peuvent passer sans être vues'),
    encoder: whenever('Position du tapis inconnue : des pièces peuvent être rejetées'),
    environment: whenever('Non mesuré : pièces classées sans lui'),
    panel: {
      degraded: 'Un voyant ou un bouton ne marche pas',
      failed: 'Aucun voyant ni bouton ne marche',
    },
    camera: { degraded: 'Des images peuvent manquer', failed: 'Il n’y a pas d’image' },
    vision: {
      degraded: 'Plus lente, ou moins sûre, qu’elle ne pourrait',
      failed: 'Aucune gravure n’est lue : les verres ne sont pas classés',
    },
    calibration: whenever('Videz le plateau et lancez l’étalonnage'),
    retention: whenever('Prévenez le responsable de la station : voir Stockage'),
    esp32: whenever('Deux têtes ont le même nom : changez-en un'),
  },
  passages: {
    accepted: 'Passées',
    rejected: 'Rejetées',
    held: 'Retenues',
    late: 'Trop tard',
    waiting: 'En route',
  },
  lineStopped: 'Ligne arrêtée',
  calibrated: 'Valable',
  notCalibrated: 'Manque',
  beltSpeed: (mmPerS) => `${mmPerS} mm/s`,
  climate: (temperatureC, humidityPercent) => `${temperatureC} °C · ${humidityPercent} % HR`,
  pictures: (perSecond) => `${perSecond}/s`,
  old: (age) => `âge ${age}`,
  roomFor: (time) => `place pour ${time}`,
  connected: (devices) => `connectées : ${devices}`,
}

export const EQUIPMENT_TEXTS = { en, fr } as const
