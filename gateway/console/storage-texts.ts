import type { Cursor } from './wire-storage.ts'

/** What the page says of storage and delivery, in one language. */
export interface StorageTexts {
  readonly room: string
  readonly roomMeaning: string
  readonly noRate: string
  readonly atRate: (parts: string) => string
  readonly alertBelow: (time: string) => string
  readonly used: string
  readonly free: string
  readonly partsLeft: string
  readonly hours: (hours: string) => string
  readonly days: (days: string) => string
  readonly flash: string
  readonly flashPerPart: string
  readonly flashPerYear: string
  readonly flashShare: (share: string) => string
  readonly flashBudget: (gb: string) => string
  readonly flashLater: string
  readonly kept: string
  readonly inspections: string
  readonly raw: string
  readonly sums: string
  readonly since: (moment: string) => string
  readonly none: string
  readonly dueAt: (moment: string) => string
  readonly dueAbove: (parts: string) => string
  readonly untilRoom: string
  readonly sumsKept: (days: string) => string
  readonly signed: string
  readonly signedAt: (number: string, moment: string) => string
  readonly notSigned: string
  readonly waiting: string
  readonly roles: Readonly<Record<Cursor['role'], string>>
  readonly hasAll: string
  readonly lacks: (parts: string) => string
  readonly holds: string
  readonly setAside: string
  readonly nothingAside: string
  readonly asideCount: (sink: string, count: string) => string
  readonly asideWanted: (count: string) => string
  readonly asideAdvice: string
  readonly attempts: string
  readonly reason: string
  readonly receiver: string
  readonly oldHeads: string
  readonly notListening: string
  readonly noDevices: string
  readonly device: string
  readonly connected: string
  readonly away: string
  readonly lastSample: string
  readonly stored: string
  readonly repeated: string
  readonly refused: string
  readonly lastRefusal: string
  readonly turnedAway: (count: string) => string
  readonly ago: (duration: string) => string
}

const en: StorageTexts = {
  room: 'Room',
  roomMeaning: 'of parts can be stored with everything away',
  noRate: 'No parts come: how long it lasts is not known',
  atRate: (parts) => `at ${parts} parts/h`,
  alertBelow: (time) => `Alert below ${time}`,
  used: 'Used',
  free: 'Free',
  partsLeft: 'Parts',
  hours: (hours) => `${hours} h`,
  days: (days) => `${days} days`,
  flash: 'Flash',
  flashPerPart: 'Written for a part',
  flashPerYear: 'In a year',
  flashShare: (share) => `${share} of its yearly budget`,
  flashBudget: (gb) => `Budget ${gb} GB a year`,
  flashLater: 'Known after the first hour',
  kept: 'What is kept',
  inspections: 'Inspections',
  raw: 'Raw data',
  sums: 'Hours and days',
  since: (moment) => `since ${moment}`,
  none: 'none',
  dueAt: (moment) => `the oldest is due on ${moment}`,
  dueAbove: (parts) => `the newest ${parts} stay`,
  untilRoom: 'until room is needed',
  sumsKept: (days) => `hours ${days} days, days for ever`,
  signed: 'Signed',
  signedAt: (number, moment) => `no. ${number}, ${moment}`,
  notSigned: 'not yet',
  waiting: 'Who has what',
  roles: {
    sink: 'Delivery',
    station: 'Station',
    confirmation: 'Confirmed by the final store',
    gone: 'Not configured any more',
  },
  hasAll: 'has everything',
  lacks: (parts) => `lacks ${parts}`,
  holds: 'holds the oldest back',
  setAside: 'Set aside',
  nothingAside: 'No receiver refused anything.',
  asideCount: (sink, count) => `${sink}: ${count}`,
  asideWanted: (count) => `${count} to be sent again`,
  asideAdvice: 'To send or give up: poincon quarantine send / drop',
  attempts: 'Tries',
  reason: 'Why',
  receiver: 'Receiver',
  oldHeads: 'Old heads',
  notListening: 'The station takes no measurements of old heads.',
  noDevices: 'No old head has been seen yet.',
  device: 'Head',
  connected: 'Connected',
  away: 'Away',
  lastSample: 'Last sample',
  stored: 'Stored',
  repeated: 'Repeated',
  refused: 'Refused',
  lastRefusal: 'Last refusal',
  turnedAway: (count) => `${count} connections were one too many`,
  ago: (duration) => `${duration} ago`,
}

const fr: StorageTexts = {
  room: 'Place',
  roomMeaning: 'de pièces peuvent être gardées sans rien livrer',
  noRate: 'Aucune pièce ne vient : durée inconnue',
  atRate: (parts) => `à ${parts} pièces/h`,
  alertBelow: (time) => `Alerte au-dessous de ${time}`,
  used: 'Occupé',
  free: 'Libre',
  partsLeft: 'Pièces',
  hours: (hours) => `${hours} h`,
  days: (days) => `${days} jours`,
  flash: 'Mémoire flash',
  flashPerPart: 'Écrit par pièce',
  flashPerYear: 'Par an',
  flashShare: (share) => `${share} du budget annuel`,
  flashBudget: (gb) => `Budget ${gb} Go par an`,
  flashLater: 'Connu après la première heure',
  kept: 'Ce qui est gardé',
  inspections: 'Contrôles',
  raw: 'Données brutes',
  sums: 'Heures et jours',
  since: (moment) => `depuis le ${moment}`,
  none: '0',
  dueAt: (moment) => `échéance le ${moment}`,
  dueAbove: (parts) => `${parts} au plus`,
  untilRoom: 'tant qu’il y a de la place',
  sumsKept: (days) => `heures ${days} jours, jours pour toujours`,
  signed: 'Signé',
  signedAt: (number, moment) => `n° ${number}, ${moment}`,
  notSigned: 'pas encore',
  waiting: 'Qui a quoi',
  roles: {
    sink: 'Livraison',
    station: 'Station',
    confirmation: 'Confirmé par l’archive finale',
    gone: 'N’est plus configuré',
  },
  hasAll: 'a tout',
  lacks: (parts) => `il manque ${parts}`,
  holds: 'retient les plus anciens',
  setAside: 'Mis de côté',
  nothingAside: 'Aucun destinataire n’a rien refusé.',
  asideCount: (sink, count) => `${sink} : ${count}`,
  asideWanted: (count) => `${count} à renvoyer`,
  asideAdvice: 'Renvoyer ou abandonner : poincon quarantine send / drop',
  attempts: 'Essais',
  reason: 'Motif',
  receiver: 'Destinataire',
  oldHeads: 'Anciennes têtes',
  notListening: 'La station ne prend pas les mesures des anciennes têtes.',
  noDevices: 'Aucune ancienne tête n’a été vue.',
  device: 'Tête',
  connected: 'Connectée',
  away: 'Absente',
  lastSample: 'Dernière mesure',
  stored: 'Gardées',
  repeated: 'Répétées',
  refused: 'Refusées',
  lastRefusal: 'Dernier refus',
  turnedAway: (count) => `${count} connexions étaient de trop`,
  ago: (duration) => `il y a ${duration}`,
}

export const STORAGE_TEXTS = { en, fr } as const
