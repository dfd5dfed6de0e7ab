/** What the page says of updates, in one language. */
export interface UpdateTexts {
  readonly title: string
  /** By the word of the updater. */
  readonly states: Readonly<Record<string, string>>
  readonly kinds: Readonly<Record<string, string>>
  readonly move: (from: string | undefined, to: string | undefined) => string
  readonly locked: string
  readonly trial: string
  readonly waitsFor: (reasons: string) => string
  /** What gateway and updater say of why an update waits, by how it begins. */
  readonly reasons: readonly (readonly [begin: string, words: (rest: string) => string])[]
  readonly agree: string
  readonly agreeTitle: (version: string) => string
  readonly agreeMeaning: string
  readonly agreed: (by: string, time: string) => string
  readonly name: string
  readonly cancel: string
  readonly details: string
  readonly hide: string
  readonly close: string
  readonly kind: string
  readonly state: string
  readonly since: string
  readonly channel: string
  readonly failure: string
  readonly differing: (count: string) => string
  readonly changes: (count: string) => string
  readonly key: string
  readonly coming: string
  readonly kept: (value: string) => string
  readonly part: string
  readonly before: string
  readonly after: string
  readonly certificate: string
  readonly certificates: Readonly<Record<string, string>>
  readonly until: (moment: string) => string
}

const en: UpdateTexts = {
  title: 'Update',
  states: {
    current: 'Up to date',
    available: 'Available',
    downloading: 'Being fetched',
    waiting: 'Waits',
    testing: 'Being tested',
    switching: 'Being installed',
    trial: 'On trial',
    committed: 'Installed',
    rolled_back: 'Taken back',
    failed: 'Failed',
  },
  kinds: {
    release: 'Release',
    recipe: 'Recipe',
    model: 'Model',
    flow: 'Flow',
    firmware: 'Firmware',
    configuration: 'Configuration',
    'os-image': 'System',
  },
  move: (from, to) => [from, to].filter((one) => one !== undefined).join(' → '),
  locked: 'An update has the line: every part is rejected',
  trial: 'A new release is on trial: every part is rejected until it has shown that it works',
  waitsFor: (reasons) => `Waits for: ${reasons}`,
  reasons: [
    ['the station is ', (rest) => `the station is ${rest}`],
    ['parts between trigger and gate: ', (rest) => `parts on the belt: ${rest}`],
    ['the heads are at a part', () => 'a part under the heads'],
    ['inspections on their way to the disk: ', (rest) => `inspections to be stored: ${rest}`],
    ['a calibration is running', () => 'a calibration that is running'],
    ['the line is stopped', () => 'the line, which is stopped'],
    ['a command is at work: ', (rest) => `a command at work: ${rest}`],
    ['consent', () => 'somebody’s consent'],
    ['the window: ', (rest) => `its time: ${rest}`],
    ['an idle line', () => 'an idle line'],
    ['room in ', (rest) => `room in ${rest}`],
    ['the gateway to say', () => 'the gateway'],
  ],
  agree: 'Agree',
  agreeTitle: (version) => `Install ${version}?`,
  agreeMeaning:
    'It is installed as soon as nothing else stands in its way and no part is on the belt. Every part that comes meanwhile is rejected; that takes some seconds.',
  agreed: (by, time) => `${by} agreed at ${time}`,
  name: 'Your name',
  cancel: 'Not now',
  details: 'Details',
  hide: 'Hide',
  close: 'Close',
  kind: 'What',
  state: 'State',
  since: 'Since',
  channel: 'Channel',
  failure: 'Why',
  differing: (count) => `Parts that the new release judges otherwise: ${count}`,
  changes: (count) => `What it changes: ${count}`,
  key: 'Setting',
  coming: 'Then',
  kept: (value) => `${value} (stays: this device says so)`,
  part: 'No.',
  before: 'Before',
  after: 'With the new release',
  certificate: 'Certificate of the device',
  certificates: {
    none: 'none',
    pending: 'asked for',
    valid: 'valid',
    'renewal-failing': 'is not renewed',
    refused: 'the next one is refused',
    revoked: 'revoked',
    expired: 'expired',
    'clock-wrong': 'the clock is wrong',
    decommissioned: 'taken out of service',
  },
  until: (moment) => `ends on ${moment}`,
}

const fr: UpdateTexts = {
  title: 'Mise à jour',
  states: {
    current: 'À jour',
    available: 'Disponible',
    downloading: 'Téléchargement',
    waiting: 'En attente',
    testing: 'À l’essai à blanc',
    switching: 'Installation',
    trial: 'À l’épreuve',
    committed: 'Installée',
    rolled_back: 'Annulée',
    failed: 'Échouée',
  },
  kinds: {
    release: 'Version',
    recipe: 'Recette',
    model: 'Modèle',
    flow: 'Flux',
    firmware: 'Micrologiciel',
    configuration: 'Configuration',
    'os-image': 'Système',
  },
  move: (from, to) => [from, to].filter((one) => one !== undefined).join(' → '),
  locked: 'Une mise à jour occupe la ligne : tout est rejeté',
  trial: 'Nouvelle version à l’épreuve : tout est rejeté jusqu’à ce qu’elle ait fait ses preuves',
  waitsFor: (reasons) => `Attend : ${reasons}`,
  reasons: [
    ['the station is starting', () => 'le démarrage de la station'],
    ['the station is draining', () => 'l’arrêt de la station'],
    ['parts between trigger and gate: ', (rest) => `pièces sur le tapis : ${rest}`],
    ['the heads are at a part', () => 'une pièce sous les têtes'],
    ['inspections on their way to the disk: ', (rest) => `contrôles à enregistrer : ${rest}`],
    ['a calibration is running', () => 'la fin d’un étalonnage'],
    ['the line is stopped', () => 'la ligne, qui est arrêtée'],
    ['a command is at work: ', (rest) => `une commande en cours : ${rest}`],
    ['consent', () => 'un accord'],
    ['the window: ', (rest) => `son heure : ${rest}`],
    ['an idle line', () => 'une pause de la ligne'],
    ['room in ', (rest) => `de la place dans ${rest.replace(/:.*/s, '')}`],
    ['the gateway to say', () => 'la passerelle'],
  ],
  agree: 'Accepter',
  agreeTitle: (version) => `Installer ${version} ?`,
  agreeMeaning:
    'L’installation se fait dès que rien d’autre ne s’y oppose et qu’aucune pièce n’est sur le tapis. Toute pièce qui vient pendant ce temps est rejetée ; cela dure quelques secondes.',
  agreed: (by, time) => `${by} a accepté à ${time}`,
  name: 'Votre nom',
  cancel: 'Pas maintenant',
  details: 'Détails',
  hide: 'Masquer',
  close: 'Fermer',
  kind: 'Objet',
  state: 'État',
  since: 'Depuis',
  channel: 'Canal',
  failure: 'Motif',
  differing: (count) => `Pièces que la nouvelle version juge autrement : ${count}`,
  changes: (count) => `Ce qu’elle change : ${count}`,
  key: 'Réglage',
  coming: 'Ensuite',
  kept: (value) => `${value} (reste : réglage propre à cet appareil)`,
  part: 'N°',
  before: 'Avant',
  after: 'Avec la nouvelle version',
  certificate: 'Certificat de l’appareil',
  certificates: {
    none: 'aucun',
    pending: 'demandé',
    valid: 'valable',
    'renewal-failing': 'non renouvelé',
    refused: 'le suivant est refusé',
    revoked: 'révoqué',
    expired: 'périmé',
    'clock-wrong': 'l’horloge est fausse',
    decommissioned: 'mis hors service',
  },
  until: (moment) => `échéance le ${moment}`,
}

export const UPDATE_TEXTS = { en, fr } as const
