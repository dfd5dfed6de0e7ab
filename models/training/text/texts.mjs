/** Text as makers engrave it: additions, indices, and codes after the patterns of the catalogue. Mirrors `texts.py`. */
const ADDITIONS = Array.from({ length: 15 }, (_, step) => (0.5 + 0.25 * step).toFixed(2))
const INDICES = [
  '1.5',
  '1.50',
  '1.53',
  '1.56',
  '1.59',
  '1.6',
  '1.60',
  '1.67',
  '1.74',
  '50',
  '53',
  '56',
  '59',
  '60',
  '67',
  '74',
]
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const USUAL = 'SPKLIBDEOTFXRANMUCVHZY'
/** Small letters that cannot be taken for a capital, whatever stands beside them. */
const SMALL = 'abdefghimnrty'

const one = (random, from) => from[Math.floor(random.uniform() * from.length)]
const several = (random, from, least, most) => {
  const count = least + Math.floor(random.uniform() * (most - least + 1))
  return Array.from({ length: count }, () => one(random, from)).join('')
}
const digits = (random, least, most) => several(random, '0123456789', least, most)
const letters = (random, least, most) => several(random, random.chance(0.6) ? USUAL : CAPITALS, least, most)

const PATTERNS = [
  (random) => one(random, ADDITIONS),
  (random) => `${random.chance(0.3) ? '+' : ''}${digits(random, 1, 1)}.${digits(random, 1, 2)}`,
  (random) => one(random, INDICES),
  (random) => digits(random, 1, 4),
  (random) => letters(random, 1, 1),
  (random) => letters(random, 2, 5),
  (random) => letters(random, 1, 3) + digits(random, 1, 2),
  (random) => letters(random, 1, 2) + digits(random, 1, 1) + letters(random, 1, 2) + digits(random, 0, 2),
  (random) => letters(random, 1, 2) + one(random, SMALL) + digits(random, 1, 2),
  (random) => letters(random, 1, 1) + several(random, SMALL, 1, 4),
  (random) =>
    letters(random, 1, 2) +
    one(random, '+-/') +
    (random.chance(0.5) ? letters(random, 1, 2) : digits(random, 1, 2)),
  (random) => `${digits(random, 2, 2)} ${digits(random, 2, 2)}`,
  (random) => `${letters(random, 1, 3)} ${random.chance(0.5) ? one(random, INDICES) : letters(random, 1, 3)}`,
]

/** @param known whether a character can be engraved */
export function textFrom(random, known) {
  for (;;) {
    const text = one(random, PATTERNS)(random)
    if ([...text].every((character) => character === ' ' || known(character))) return text
  }
}
