import { folded } from '../lens.ts'

/** Three letters in a row, of words with two blanks before and one behind, as PostgreSQL's pg_trgm takes them. */
function trigrams(text: string): Set<string> {
  const found = new Set<string>()
  for (const word of folded(text).split(/[^\p{L}\p{N}]+/u)) {
    if (word === '') continue
    const padded = `  ${word} `
    for (let at = 0; at + 3 <= padded.length; at++) found.add(padded.slice(at, at + 3))
  }
  return found
}

/**
 * How well a name answers to what somebody typed, 0 to 1: the share of the question's trigrams that it has, and among
 * equals the one that says little else. Case, accents, the order of words and a slip of the keyboard matter little.
 */
export function likeness(question: string, name: string): number {
  const asked = trigrams(question)
  const has = trigrams(name)
  if (asked.size === 0 || has.size === 0) return 0
  let common = 0
  for (const trigram of asked) if (has.has(trigram)) common += 1
  return 0.9 * (common / asked.size) + 0.1 * (common / has.size)
}

/** The names that answer best, best first; those that answer to less than a third of the question are left out. */
export function bestNamed<T extends { readonly name: string }>(
  question: string,
  among: readonly T[],
): readonly T[] {
  return among
    .map((entry) => ({ entry, score: likeness(question, entry.name) }))
    .filter(({ score }) => score >= 1 / 3)
    .sort((a, b) => b.score - a.score || a.entry.name.localeCompare(b.entry.name, 'fr'))
    .map(({ entry }) => entry)
}
