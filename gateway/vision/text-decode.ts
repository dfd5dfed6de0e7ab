/** What a network for connectionist temporal classification gives: for each column, the probability of each class. */
export interface Columns {
  /** Row by row; class 0 is "nothing new here", class n the alphabet's n-th character. */
  readonly probabilities: Float32Array
  readonly classes: number
  readonly count: number
}

/** A text, and how probable it is by the network's word. */
export interface Candidate {
  readonly text: string
  readonly probability: number
}

/** Texts that are followed at a time. */
const BEAM = 6
/** What is less probable than this in a column is not followed there. */
const LEAST = 1e-3

/** Of the ways that lead to one text: those that end in "nothing new", and those that end in its last character. */
interface Ways {
  blank: number
  character: number
}

/**
 * The most probable texts, best first: the sum over all alignments of each that stays within the beam (prefix search:
 * Graves et al. 2006, section 3.2; with both ends kept apart: Hannun et al. 2014, algorithm 1, without a language model).
 * Spaces at the ends of a text do not count. Of at most 128 columns the probabilities do not underflow.
 */
export function decoded(columns: Columns, alphabet: readonly string[]): readonly Candidate[] {
  let beam = new Map<string, Ways>([['', { blank: 1, character: 0 }]])
  for (let column = 0; column < columns.count; column++) {
    const seen = likely(columns, column)
    if (seen.length === 0) return []
    const next = new Map<string, Ways>()
    for (const { kind, probability } of seen) {
      for (const [text, ways] of beam) follow(next, text, ways, alphabet[kind - 1], probability)
    }
    if (next.size <= BEAM) {
      beam = next
      continue
    }
    beam = new Map([...next].sort((a, b) => sumOf(b[1]) - sumOf(a[1])).slice(0, BEAM))
  }
  const texts = new Map<string, number>()
  for (const [text, ways] of beam) {
    const trimmed = text.trim()
    texts.set(trimmed, (texts.get(trimmed) ?? 0) + sumOf(ways))
  }
  return [...texts]
    .map(([text, probability]) => ({ text, probability: Math.min(1, probability) }))
    .sort((a, b) => b.probability - a.probability)
}

/** The classes that are followed in a column; none where nothing is a number. */
function likely({ probabilities, classes }: Columns, column: number) {
  const seen: { readonly kind: number; readonly probability: number }[] = []
  for (let kind = 0, at = column * classes; kind < classes; kind++, at++) {
    const probability = probabilities[at] ?? 0
    if (probability >= LEAST) seen.push({ kind, probability })
  }
  return seen
}

/** Adds what a text becomes when a column shows a character, or none. */
function follow(
  next: Map<string, Ways>,
  text: string,
  ways: Ways,
  character: string | undefined,
  probability: number,
): void {
  if (character === undefined) {
    waysOf(next, text).blank += probability * sumOf(ways)
  } else if (text.endsWith(character)) {
    // The same again without a gap is still the same character.
    waysOf(next, text).character += probability * ways.character
    if (ways.blank > 0) waysOf(next, text + character).character += probability * ways.blank
  } else {
    waysOf(next, text + character).character += probability * sumOf(ways)
  }
}

function waysOf(beam: Map<string, Ways>, text: string): Ways {
  const found = beam.get(text)
  if (found !== undefined) return found
  const ways = { blank: 0, character: 0 }
  beam.set(text, ways)
  return ways
}

function sumOf({ blank, character }: Ways): number {
  return blank + character
}
