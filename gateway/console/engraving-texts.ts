/** What the page says of engravings and lenses, in one language. */
export interface EngravingTexts {
  readonly drawing: string
  readonly drawHere: string
  readonly drawn: (strokes: number) => string
  readonly shown: (name: string) => string
  readonly undo: string
  readonly clear: string
  readonly open: string
  readonly openHint: string
  readonly answer: string
  readonly waiting: string
  readonly asking: string
  readonly confidence: (share: string) => string
  readonly oneOf: string
  readonly oneOfMeaning: string
  readonly unknown: string
  readonly unknownLike: (symbol: string) => string
  readonly unknownMeaning: (symbols: string) => string
  readonly blank: string
  readonly blankMeaning: string
  readonly noneEnrolled: string
  readonly noneEnrolledMeaning: string
  readonly candidates: string
  readonly similarity: string
  readonly enrolThis: string
  readonly enrol: string
  readonly symbolName: string
  readonly tags: string
  readonly tagsHint: string
  readonly by: string
  readonly user: string
  readonly password: string
  readonly loginWanted: string
  readonly loginWrong: string
  readonly save: string
  readonly saveAnyway: string
  readonly cancel: string
  readonly existing: (symbol: string, examples: string) => string
  readonly similar: (symbol: string, similarity: string) => string
  readonly done: (symbol: string, examples: string) => string
  readonly wasThere: (symbol: string) => string
  readonly lenses: string
  readonly lensesWith: (symbol: string) => string
  readonly lensesFound: (count: string) => string
  readonly chooseFirst: string
  readonly noLens: string
  readonly noLensHint: string
  readonly supplier: string
  readonly lens: string
  readonly index: string
  readonly material: string
  readonly engraved: string
  readonly certainty: string
  readonly seenBy: (person: string) => string
  readonly notSeen: string
  readonly seenByAt: (person: string, day: string) => string
  readonly otherLenses: string
  readonly nameFirst: string
  readonly link: string
  readonly saveLink: string
  readonly unlink: string
  readonly linkTitle: (symbol: string, lens: string) => string
  readonly changeLink: (symbol: string, lens: string) => string
  readonly sureness: (share: string) => string
  readonly seenOnLens: string
  readonly linked: (symbol: string, lens: string) => string
  readonly unlinked: (symbol: string, lens: string) => string
  readonly more: string
  readonly textFilter: string
  readonly nameFilter: string
  readonly materials: Readonly<Record<string, string>>
  readonly known: string
  readonly knownCount: (count: string) => string
  readonly examples: (count: number) => string
  readonly forget: string
  readonly forgetTitle: (symbol: string) => string
  readonly forgetMeaning: string
  readonly forgotten: (symbol: string) => string
  readonly faults: Readonly<Record<string, string>>
  readonly tooManyBytes: string
  readonly busy: string
  readonly forbidden: string
  readonly failed: string
  readonly found: string
  readonly mayBe: string
  readonly engravings: string
  readonly expected: string
  readonly nothingFound: string
  readonly asExpected: string
  readonly notAsExpected: string
  readonly evidence: string
  readonly noEvidence: string
  readonly readText: (text: string) => string
  readonly details: (part: string) => string
  readonly close: string
}

const en: EngravingTexts = {
  drawing: 'Drawing',
  drawHere: 'Draw the engraving here, or drop a picture',
  drawn: (strokes) => (strokes === 1 ? 'A drawing of 1 stroke' : `A drawing of ${strokes} strokes`),
  shown: (name) => `The picture ${name}`,
  undo: 'Undo',
  clear: 'Clear',
  open: 'Open a picture',
  openHint: 'PNG or JPEG; also by dropping or pasting it',
  answer: 'Recognised',
  waiting: 'What you draw is recognised as you draw.',
  asking: 'Looking …',
  confidence: (share) => `${share} sure`,
  oneOf: 'One of these',
  oneOfMeaning: 'They cannot be told apart here: choose the one you see.',
  unknown: 'Unknown',
  unknownLike: (symbol) => `Unknown, somewhat like ${symbol}`,
  unknownMeaning: (symbols) => `None of the ${symbols} enrolled symbols is near enough.`,
  blank: 'Nothing to see',
  blankMeaning: 'No ink stands out of the background.',
  noneEnrolled: 'Nothing is known yet',
  noneEnrolledMeaning: 'Enrol the first symbol: one drawing is enough.',
  candidates: 'Nearest symbols',
  similarity: 'Similarity',
  enrolThis: 'Enrol this picture',
  enrol: 'Enrol',
  symbolName: 'Symbol',
  tags: 'Tags',
  tagsHint: 'with commas between',
  by: 'By',
  user: 'User',
  password: 'Password',
  loginWanted: 'The station wants to know who you are.',
  loginWrong: 'Wrong user or password.',
  save: 'Enrol',
  saveAnyway: 'Enrol all the same',
  cancel: 'Cancel',
  existing: (symbol, examples) => `${symbol} is known already, by ${examples}: this would be one more.`,
  similar: (symbol, similarity) => `This looks like ${symbol} (${similarity}).`,
  done: (symbol, examples) => `${symbol} is enrolled: ${examples}.`,
  wasThere: (symbol) => `This picture of ${symbol} was there already.`,
  lenses: 'Lenses',
  lensesWith: (symbol) => `Lenses with ${symbol}`,
  lensesFound: (count) => `${count} found`,
  chooseFirst: 'The lenses that carry the symbol will stand here.',
  noLens: 'No lens of the catalogue is said to carry this.',
  noLensHint: 'To say so, look for it among the other lenses.',
  supplier: 'Supplier',
  lens: 'Lens',
  index: 'Index',
  material: 'Material',
  engraved: 'Also engraved',
  certainty: 'Link',
  seenBy: (person) => `seen by ${person}`,
  notSeen: 'not confirmed',
  seenByAt: (person, day) => `Seen on a lens by ${person}, ${day}.`,
  otherLenses: 'Other lenses too',
  nameFirst: 'Say a name or a text: the lenses that have it will stand here.',
  link: 'Link',
  saveLink: 'Save',
  unlink: 'Not on this lens',
  linkTitle: (symbol, lens) => `${symbol} on ${lens}`,
  changeLink: (symbol, lens) => `Change: ${symbol} on ${lens}`,
  sureness: (share) => `Sure to ${share}`,
  seenOnLens: 'I have seen it on a lens',
  linked: (symbol, lens) => `${symbol} stands on ${lens}.`,
  unlinked: (symbol, lens) => `${symbol} does not stand on ${lens}.`,
  more: 'More',
  textFilter: 'Text engraved',
  nameFilter: 'Name',
  materials: {
    organic: 'organic',
    mineral: 'mineral',
    polycarbonate: 'polycarbonate',
    trivex: 'Trivex',
    tribrid: 'Tribrid',
  },
  known: 'Enrolled symbols',
  knownCount: (count) => `${count} in all`,
  examples: (count) => (count === 1 ? '1 picture' : `${count} pictures`),
  forget: 'Forget',
  forgetTitle: (symbol) => `Forget ${symbol}?`,
  forgetMeaning: 'Its pictures and tags go, and on which lenses it stands.',
  forgotten: (symbol) => `${symbol} is forgotten.`,
  faults: {
    'not-an-image': 'This file is no picture: expected PNG or JPEG.',
    damaged: 'This picture is damaged, or cut off.',
    'too-large': 'This picture is too large: at most 16 million pixels.',
    'too-small': 'This picture is too small: at least 8 pixels each way.',
    blank: 'Nothing stands out of this picture.',
    unavailable: 'The station cannot look at pictures at the moment.',
  },
  tooManyBytes: 'This file is too large: at most 5 MB.',
  busy: 'The station is busy: try again in a moment.',
  forbidden: 'The station does not allow this from here.',
  failed: 'This did not work.',
  found: 'Found',
  mayBe: 'May be',
  engravings: 'Engraved',
  expected: 'Expected',
  nothingFound: 'nothing',
  asExpected: 'as expected',
  notAsExpected: 'not as expected',
  evidence: 'What the camera saw',
  noEvidence: 'The picture is not kept any more',
  readText: (text) => `“${text}”`,
  details: (part) => `Details of ${part}`,
  close: 'Close',
}

const fr: EngravingTexts = {
  drawing: 'Dessin',
  drawHere: 'Dessinez la gravure ici, ou déposez une image',
  drawn: (strokes) => (strokes === 1 ? 'Un dessin de 1 trait' : `Un dessin de ${strokes} traits`),
  shown: (name) => `L’image ${name}`,
  undo: 'Annuler',
  clear: 'Effacer',
  open: 'Ouvrir une image',
  openHint: 'PNG ou JPEG ; aussi en la déposant ou en la collant',
  answer: 'Reconnu',
  waiting: 'Le dessin est reconnu à mesure que vous dessinez.',
  asking: 'Recherche…',
  confidence: (share) => `sûr à ${share}`,
  oneOf: 'L’un de ceux-ci',
  oneOfMeaning: 'Impossible de les distinguer ici : choisissez celui que vous voyez.',
  unknown: 'Inconnu',
  unknownLike: (symbol) => `Inconnu, un peu comme ${symbol}`,
  unknownMeaning: (symbols) => `Aucun des ${symbols} symboles enregistrés n’est assez proche.`,
  blank: 'Rien à voir',
  blankMeaning: 'Aucun trait ne ressort du fond.',
  noneEnrolled: 'Rien n’est encore connu',
  noneEnrolledMeaning: 'Enregistrez le premier symbole : un dessin suffit.',
  candidates: 'Symboles les plus proches',
  similarity: 'Ressemblance',
  enrolThis: 'Enregistrer cette image',
  enrol: 'Enregistrer',
  symbolName: 'Symbole',
  tags: 'Étiquettes',
  tagsHint: 'séparées par des virgules',
  by: 'Par',
  user: 'Utilisateur',
  password: 'Mot de passe',
  loginWanted: 'La station demande qui vous êtes.',
  loginWrong: 'Utilisateur ou mot de passe faux.',
  save: 'Enregistrer',
  saveAnyway: 'Enregistrer quand même',
  cancel: 'Annuler',
  existing: (symbol, examples) => `${symbol} est déjà connu, par ${examples} : celle-ci s’y ajouterait.`,
  similar: (symbol, similarity) => `Cela ressemble à ${symbol} (${similarity}).`,
  done: (symbol, examples) => `${symbol} est enregistré : ${examples}.`,
  wasThere: (symbol) => `Cette image de ${symbol} y était déjà.`,
  lenses: 'Verres',
  lensesWith: (symbol) => `Verres qui portent ${symbol}`,
  lensesFound: (count) => `${count} trouvés`,
  chooseFirst: 'Les verres qui portent le symbole s’afficheront ici.',
  noLens: 'Aucun verre du catalogue n’est dit le porter.',
  noLensHint: 'Pour le dire, cherchez-le parmi les autres verres.',
  supplier: 'Fournisseur',
  lens: 'Verre',
  index: 'Indice',
  material: 'Matière',
  engraved: 'Gravé aussi',
  certainty: 'Lien',
  seenBy: (person) => `vu par ${person}`,
  notSeen: 'non confirmé',
  seenByAt: (person, day) => `Vu sur un verre par ${person}, le ${day}.`,
  otherLenses: 'Les autres verres aussi',
  nameFirst: 'Dites un nom ou un texte : les verres qui l’ont s’afficheront ici.',
  link: 'Lier',
  saveLink: 'Garder',
  unlink: 'Pas sur ce verre',
  linkTitle: (symbol, lens) => `${symbol} sur ${lens}`,
  changeLink: (symbol, lens) => `Modifier : ${symbol} sur ${lens}`,
  sureness: (share) => `Sûr à ${share}`,
  seenOnLens: 'Je l’ai vu sur un verre',
  linked: (symbol, lens) => `${symbol} figure sur ${lens}.`,
  unlinked: (symbol, lens) => `${symbol} ne figure pas sur ${lens}.`,
  more: 'Suite',
  textFilter: 'Texte gravé',
  nameFilter: 'Nom',
  materials: {
    organic: 'organique',
    mineral: 'minéral',
    polycarbonate: 'polycarbonate',
    trivex: 'Trivex',
    tribrid: 'Tribrid',
  },
  known: 'Symboles enregistrés',
  knownCount: (count) => `${count} en tout`,
  examples: (count) => (count === 1 ? '1 image' : `${count} images`),
  forget: 'Oublier',
  forgetTitle: (symbol) => `Oublier ${symbol} ?`,
  forgetMeaning: 'Ses images et ses étiquettes disparaissent, ainsi que ses liens avec les verres.',
  forgotten: (symbol) => `${symbol} est oublié.`,
  faults: {
    'not-an-image': 'Ce fichier n’est pas une image : PNG ou JPEG attendu.',
    damaged: 'Cette image est endommagée ou incomplète.',
    'too-large': 'Cette image est trop grande : 16 millions de pixels au plus.',
    'too-small': 'Cette image est trop petite : 8 pixels de côté au moins.',
    blank: 'Rien ne ressort de cette image.',
    unavailable: 'La station ne peut pas regarder d’images en ce moment.',
  },
  tooManyBytes: 'Ce fichier est trop gros : 5 Mo au plus.',
  busy: 'La station est occupée : réessayez dans un instant.',
  forbidden: 'La station ne le permet pas d’ici.',
  failed: 'Cela n’a pas marché.',
  found: 'Trouvé',
  mayBe: 'Peut-être',
  engravings: 'Gravé',
  expected: 'Attendu',
  nothingFound: 'rien',
  asExpected: 'comme attendu',
  notAsExpected: 'autre que l’attendu',
  evidence: 'Ce que la caméra a vu',
  noEvidence: 'L’image n’est plus gardée',
  readText: (text) => `« ${text} »`,
  details: (part) => `Détails de ${part}`,
  close: 'Fermer',
}

export const ENGRAVING_TEXTS = { en, fr } as const
