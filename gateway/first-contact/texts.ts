import type { Language } from './answers.ts'
import type { Remark } from './plan.ts'

/** What `poincon setup` says, in one language. */
export interface Texts {
  readonly welcome: string
  readonly found: string
  readonly nothing: string
  readonly yes: string
  readonly ask: Readonly<Record<Question, string>>
  readonly remark: Readonly<Record<Remark, string>>
  /** Over each section of the file. */
  readonly section: Readonly<Record<string, string>>
  readonly header: string
  readonly works: string
  readonly worksNot: string
  readonly keepAnyway: string
  readonly written: string
  readonly replace: string
  readonly trayNow: string
  readonly firstPart: string
  /** Where the empty tray was graded. */
  readonly notEmpty: string
  readonly done: string
}

export type Question =
  | 'site'
  | 'line'
  | 'station'
  | 'heads'
  | 'camera'
  | 'recipe'
  | 'trigger'
  | 'barrier'
  | 'period'
  | 'gate'
  | 'pass'
  | 'stop'
  | 'kick'
  | 'delay'
  | 'broker'
  | 'username'
  | 'password_file'
  | 'ca_file'
  | 'influx'
  | 'bucket'
  | 'token_file'

const en: Texts = {
  welcome:
    'Poinçon is set up: what is there, what it is called, where it sends. Enter takes what stands in [brackets].',
  found: 'Found',
  nothing: 'nothing',
  yes: 'y',
  ask: {
    site: 'Site (a-z, 0-9, -)',
    line: 'Line',
    station: 'Station',
    heads: 'Measuring heads: found, or simulated',
    camera: 'Camera: found, simulated, or none',
    recipe: 'Recipe to begin with',
    trigger: 'What makes a part: light-barrier, interval, or command',
    barrier: 'GPIO line of the light barrier',
    period: 'Time between parts, ms',
    gate: 'Is a reject gate wired? (y/n)',
    pass: 'GPIO line that lets a part pass',
    stop: 'GPIO line that stops the belt for a held part',
    kick: 'GPIO line of the external relay (empty: none)',
    delay: 'From the trigger to the gate, ms',
    broker: 'The plant’s MQTT broker, mqtts://host (empty: none)',
    username: 'User name there (empty: none)',
    password_file: 'File that holds the password (empty: none)',
    ca_file: 'File with its certificate authority (empty: the system’s)',
    influx: 'InfluxDB, https://host:8086 (empty: none)',
    bucket: 'Bucket',
    token_file: 'File that holds the token (empty: none)',
  },
  remark: {
    'no-heads': 'no measuring head answers: simulated ones are set up',
    'bus-problem': 'this bus could not be asked',
    'unknown-chip': 'answers, and is not used',
    'second-climate': 'a second climate sensor is not used',
    'no-camera': 'no camera was found',
    'no-gate': 'no gate: with real heads the station runs dry, every message says so',
  },
  section: {
    site: 'Who it is: levels of every topic.',
    data_dir: 'Where inspections are kept.',
    recipe: 'The recipe that a new station begins with; then it is selected on the page or by command.',
    buses: 'I²C buses, and the measuring heads on them. `poincon doctor` looks who answers.',
    camera: 'The camera over the part.',
    trigger: 'What makes a part.',
    gate: 'The reject gate: without supply it rejects.',
    mqtt: 'The plant’s broker; the embedded one listens on this machine alone.',
    influx: 'A time series database.',
  },
  header:
    'Written by `poincon setup`. All keys: docs/configuration.md. After a change: `poincon check`, then restart the service.',
  works: 'works',
  worksNot: 'does not work',
  keepAnyway: 'Keep it all the same? (y/n)',
  written: 'Written',
  replace: 'is there already. Replace it, and keep the old one beside it? (y/n)',
  trayNow:
    'Lay the empty tray below the heads and press Enter; `later` leaves it for `poincon calibrate tray`.',
  firstPart: 'First inspection, of the empty tray',
  notEmpty: 'it was graded as a part: was the tray empty?',
  done: 'Next: `poincon doctor`, then start the service (systemctl enable --now poincon).',
}

const fr: Texts = {
  welcome:
    'Installation de Poinçon : ce qui est là, son nom, où il envoie. Entrée accepte ce qui est entre [crochets].',
  found: 'Trouvé',
  nothing: 'rien',
  yes: 'o',
  ask: {
    site: 'Site (a-z, 0-9, -)',
    line: 'Ligne',
    station: 'Poste',
    heads: 'Têtes de mesure : found (trouvées) ou simulated (simulées)',
    camera: 'Caméra : found (trouvée), simulated (simulée) ou none (aucune)',
    recipe: 'Recette de départ',
    trigger: 'Ce qui annonce une pièce : light-barrier (barrière), interval (horloge) ou command (commande)',
    barrier: 'Ligne GPIO de la barrière',
    period: 'Temps entre les pièces, ms',
    gate: 'Un volet d’éjection est-il câblé ? (o/n)',
    pass: 'Ligne GPIO qui laisse passer une pièce',
    stop: 'Ligne GPIO qui arrête le tapis pour une pièce retenue',
    kick: 'Ligne GPIO du relais externe (vide : aucun)',
    delay: 'Du déclenchement au volet, ms',
    broker: 'Serveur MQTT de l’usine, mqtts://hôte (vide : aucun)',
    username: 'Nom d’utilisateur (vide : aucun)',
    password_file: 'Fichier du mot de passe (vide : aucun)',
    ca_file: 'Fichier de son autorité de certification (vide : celles du système)',
    influx: 'InfluxDB, https://hôte:8086 (vide : aucun)',
    bucket: 'Bucket',
    token_file: 'Fichier du jeton (vide : aucun)',
  },
  remark: {
    'no-heads': 'aucune tête de mesure ne répond : des têtes simulées sont installées',
    'bus-problem': 'ce bus n’a pas pu être interrogé',
    'unknown-chip': 'répond, et n’est pas utilisé',
    'second-climate': 'un second capteur de climat n’est pas utilisé',
    'no-camera': 'aucune caméra trouvée',
    'no-gate': 'pas de volet : avec de vraies têtes le poste tourne à blanc, chaque message le dit',
  },
  section: {
    site: 'Qui il est : les niveaux de chaque topic.',
    data_dir: 'Où les contrôles sont conservés.',
    recipe: 'La recette d’un poste neuf ; ensuite elle se choisit sur la page ou par commande.',
    buses: 'Les bus I²C et leurs têtes de mesure. `poincon doctor` regarde qui répond.',
    camera: 'La caméra au-dessus de la pièce.',
    trigger: 'Ce qui annonce une pièce.',
    gate: 'Le volet d’éjection : sans alimentation il rejette.',
    mqtt: 'Le serveur de l’usine ; le serveur intégré n’écoute que cette machine.',
    influx: 'Une base de séries temporelles.',
  },
  header:
    'Écrit par `poincon setup`. Toutes les clés : docs/configuration.md. Après un changement : `poincon check`, puis relancer le service.',
  works: 'fonctionne',
  worksNot: 'ne fonctionne pas',
  keepAnyway: 'Le garder quand même ? (o/n)',
  written: 'Écrit',
  replace: 'existe déjà. Le remplacer, et garder l’ancien à côté ? (o/n)',
  trayNow:
    'Posez le plateau vide sous les têtes, puis Entrée ; `later` le laisse à `poincon calibrate tray`.',
  firstPart: 'Premier contrôle, du plateau vide',
  notEmpty: 'il a été classé comme une pièce : le plateau était-il vide ?',
  done: 'Ensuite : `poincon doctor`, puis démarrer le service (systemctl enable --now poincon).',
}

export const TEXTS: Readonly<Record<Language, Texts>> = { en, fr }
