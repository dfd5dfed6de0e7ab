/** One enrolled picture of a symbol at one angle, as the embedder sees it. */
export interface Prototype {
  readonly symbol: string
  /** By how much the picture was turned, degrees; 0 is upright. */
  readonly degrees: number
  /** Unit length; shorter for a likeness of the picture, which counts less. */
  readonly vector: Float32Array
}

/** Prototypes in one block, for search. */
export interface Gallery {
  /** Each symbol once, in the order in which it came. */
  readonly symbols: readonly string[]
  /** Of each prototype, the place of its symbol. */
  readonly owners: Int32Array
  readonly degrees: Float32Array
  /** Of each symbol, the natural logarithm of how many pictures of it are enrolled. */
  readonly crowds: Float32Array
  /** Prototype after prototype. */
  readonly vectors: Float32Array
  readonly dimensions: number
  /** Of each prototype, a bit a dimension: whether it is above the gallery's mean. */
  readonly sketches: Int32Array
  readonly mean: Float32Array
}

/** A symbol that may be meant. */
export interface Candidate {
  readonly symbol: string
  /** To the nearest of its prototypes: the cosine less what its turn and the symbol's other pictures cost, at most 1. */
  readonly similarity: number
}

/** The same, and by how much the nearest prototype is turned. */
export interface Near extends Candidate {
  readonly degrees: number
}

export interface SearchOptions {
  /** At most so many symbols, 1 or more. */
  readonly most: number
  /** Of the model's manifest. */
  readonly turnPenaltyPer45Deg: number
  /** What a symbol loses for each e-fold of enrolled pictures; `CROWD_PENALTY` where it is absent. */
  readonly crowdPenalty?: number
}

/**
 * The best of many prototypes is nearer by chance than the best of few: of n like draws the largest grows about as log n
 * (Fisher and Tippett 1928). Without this a symbol of one picture loses to one of ten. Of the model's manifest.
 */
export const CROWD_PENALTY = 0.05

/** Up to so many prototypes every one is compared; beyond, those whose sketches are nearest. */
const EXACT = 4096
const SHORTLIST = 2048
const WORD = 32

/** @throws RangeError when vectors differ in length */
export function galleryOf(prototypes: readonly Prototype[]): Gallery {
  const dimensions = prototypes[0]?.vector.length ?? 0
  const places = new Map<string, number>()
  const owners = new Int32Array(prototypes.length)
  const vectors = new Float32Array(prototypes.length * dimensions)
  const mean = new Float32Array(dimensions)
  for (const [index, { symbol, vector }] of prototypes.entries()) {
    if (vector.length !== dimensions) {
      throw new RangeError(`prototype of ${symbol}: ${vector.length} numbers, expected ${dimensions}`)
    }
    const place = places.get(symbol) ?? places.size
    places.set(symbol, place)
    owners[index] = place
    vectors.set(vector, index * dimensions)
    for (const [d, value] of vector.entries()) mean[d] = (mean[d] ?? 0) + value / prototypes.length
  }
  const degrees = Float32Array.from(prototypes, (prototype) => prototype.degrees)
  const crowds = crowdsOf(prototypes, owners, places.size)
  const words = Math.ceil(dimensions / WORD)
  const sketches = new Int32Array(prototypes.length * words)
  for (const [index, { vector }] of prototypes.entries()) sketches.set(sketchOf(vector, mean), index * words)
  return { symbols: [...places.keys()], owners, degrees, crowds, vectors, dimensions, sketches, mean }
}

function crowdsOf(prototypes: readonly Prototype[], owners: Int32Array, symbols: number): Float32Array {
  const pictures = new Float32Array(symbols)
  for (const [index, { degrees, vector }] of prototypes.entries()) {
    const owner = owners[index] ?? 0
    if (degrees === 0 && isWhole(vector)) pictures[owner] = (pictures[owner] ?? 0) + 1
  }
  return pictures.map((count) => Math.log(Math.max(1, count)))
}

/** Whether it stands for a picture itself, not for a likeness. */
function isWhole(vector: Float32Array): boolean {
  return vector.reduce((sum, value) => sum + value * value, 0) > 0.96
}

/** Signs of a vector's parts: their Hamming distance follows the angle (Charikar, STOC 2002). */
function sketchOf(vector: Float32Array, mean: Float32Array): Int32Array {
  const sketch = new Int32Array(Math.ceil(vector.length / WORD))
  for (const [d, value] of vector.entries()) {
    if (value > (mean[d] ?? 0)) sketch[d >> 5] = (sketch[d >> 5] ?? 0) | (1 << (d & 31))
  }
  return sketch
}

/** The symbols nearest to a query, nearest first; of a symbol, its nearest prototype counts. */
export function nearest(
  gallery: Gallery,
  query: Float32Array,
  { most, turnPenaltyPer45Deg, crowdPenalty = CROWD_PENALTY }: SearchOptions,
): readonly Near[] {
  const best = new Float32Array(gallery.symbols.length).fill(Number.NEGATIVE_INFINITY)
  const turns = new Float32Array(gallery.symbols.length)
  const touched: number[] = []
  const compare = (index: number): void => {
    const owner = gallery.owners[index] ?? 0
    const degrees = gallery.degrees[index] ?? 0
    const turn = Math.abs(degrees) / 45
    const crowd = gallery.crowds[owner] ?? 0
    const similarity = cosine(gallery, index, query) - turnPenaltyPer45Deg * turn - crowdPenalty * crowd
    const known = best[owner] ?? 0
    if (known === Number.NEGATIVE_INFINITY) touched.push(owner)
    if (similarity <= known) return
    best[owner] = similarity
    turns[owner] = degrees
  }
  if (gallery.owners.length <= EXACT)
    for (let index = 0; index < gallery.owners.length; index++) compare(index)
  else for (const index of shortlist(gallery, query)) compare(index)
  // Sorting numbers is quick; sorting all candidates would take as long as finding them.
  const reached = Float32Array.from(touched, (place) => best[place] ?? 0).sort()
  const least = reached[Math.max(0, reached.length - most)] ?? 0
  return touched
    .filter((place) => (best[place] ?? 0) >= least)
    .map((place): Near => {
      const [similarity, degrees] = [best[place] ?? 0, turns[place] ?? 0]
      return { symbol: gallery.symbols[place] ?? '', similarity, degrees }
    })
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, most)
}

function cosine({ vectors, dimensions }: Gallery, index: number, query: Float32Array): number {
  let sum = 0
  for (let d = 0, from = index * dimensions; d < dimensions; d++, from++) {
    sum += (vectors[from] ?? 0) * (query[d] ?? 0)
  }
  return sum
}

/** Places of the prototypes whose sketches differ least from the query's. */
function shortlist({ sketches, mean, owners, dimensions }: Gallery, query: Float32Array): readonly number[] {
  const asked = sketchOf(query, mean)
  const words = asked.length
  const distances = new Uint16Array(owners.length)
  const counts = new Uint32Array(dimensions + 1)
  for (let index = 0, from = 0; index < distances.length; index++) {
    let counted = 0
    for (let word = 0; word < words; word++, from++)
      counted += bits((sketches[from] ?? 0) ^ (asked[word] ?? 0))
    const distance = total(counted)
    distances[index] = distance
    counts[distance] = (counts[distance] ?? 0) + 1
  }
  let limit = 0
  for (let taken = counts[0] ?? 0; taken < SHORTLIST && limit < dimensions; ) taken += counts[++limit] ?? 0
  const places: number[] = []
  for (let index = 0; index < distances.length; index++)
    if ((distances[index] ?? 0) <= limit) places.push(index)
  return places
}

/** How many bits are set in each byte (Warren, Hacker's Delight, 5-1); up to 31 words of them may be added up. */
function bits(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555)
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333)
  return (x + (x >>> 4)) & 0x0f0f_0f0f
}

/** The sum of the four bytes. */
function total(bytes: number): number {
  const pairs = (bytes & 0x00ff_00ff) + ((bytes >>> 8) & 0x00ff_00ff)
  return (pairs & 0xffff) + (pairs >>> 16)
}
