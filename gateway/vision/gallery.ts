/** One enrolled picture of a symbol at one angle, as the embedder sees it. */
export interface Prototype {
  readonly symbol: string
  /** By how much the picture was turned, degrees; 0 is upright. */
  readonly degrees: number
  /** Unit length. */
  readonly vector: Float32Array
}

/** Prototypes in one block, for search. */
export interface Gallery {
  /** Each symbol once, in the order in which it came. */
  readonly symbols: readonly string[]
  /** Of each prototype, the place of its symbol. */
  readonly owners: Int32Array
  readonly degrees: Float32Array
  /** Prototype after prototype. */
  readonly vectors: Float32Array
  readonly dimensions: number
  /** Of each prototype, a bit a dimension: whether it is above the gallery's mean. */
  readonly sketches: Uint32Array
  readonly mean: Float32Array
}

/** A symbol that may be meant. */
export interface Candidate {
  readonly symbol: string
  /** To the nearest of its prototypes: the cosine less what its turn costs, at most 1. */
  readonly similarity: number
}

export interface SearchOptions {
  /** At most so many symbols, 1 or more. */
  readonly most: number
  /** Of the model's manifest. */
  readonly turnPenaltyPer45Deg: number
}

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
  const words = Math.ceil(dimensions / WORD)
  const sketches = new Uint32Array(prototypes.length * words)
  for (const [index, { vector }] of prototypes.entries()) sketches.set(sketchOf(vector, mean), index * words)
  return { symbols: [...places.keys()], owners, degrees, vectors, dimensions, sketches, mean }
}

/** Signs of a vector's parts: their Hamming distance follows the angle (Charikar, STOC 2002). */
function sketchOf(vector: Float32Array, mean: Float32Array): Uint32Array {
  const sketch = new Uint32Array(Math.ceil(vector.length / WORD))
  for (const [d, value] of vector.entries()) {
    if (value > (mean[d] ?? 0)) sketch[d >> 5] = (sketch[d >> 5] ?? 0) | (1 << (d & 31))
  }
  return sketch
}

/** The symbols nearest to a query, nearest first; of a symbol, its nearest prototype counts. */
export function nearest(
  gallery: Gallery,
  query: Float32Array,
  { most, turnPenaltyPer45Deg }: SearchOptions,
): readonly Candidate[] {
  const best = new Float32Array(gallery.symbols.length).fill(Number.NEGATIVE_INFINITY)
  const touched: number[] = []
  const compare = (index: number): void => {
    const owner = gallery.owners[index] ?? 0
    const turn = Math.abs(gallery.degrees[index] ?? 0) / 45
    const similarity = cosine(gallery, index, query) - turnPenaltyPer45Deg * turn
    const known = best[owner] ?? 0
    if (known === Number.NEGATIVE_INFINITY) touched.push(owner)
    if (similarity > known) best[owner] = similarity
  }
  if (gallery.owners.length <= EXACT)
    for (let index = 0; index < gallery.owners.length; index++) compare(index)
  else for (const index of shortlist(gallery, query)) compare(index)
  return touched
    .map((place): Candidate => ({ symbol: gallery.symbols[place] ?? '', similarity: best[place] ?? 0 }))
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
    let distance = 0
    for (let word = 0; word < words; word++, from++)
      distance += bits((sketches[from] ?? 0) ^ (asked[word] ?? 0))
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

/** How many bits are set (Warren, Hacker's Delight, 5-1). */
function bits(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555)
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333)
  x = (x + (x >>> 4)) & 0x0f0f_0f0f
  return Math.imul(x, 0x0101_0101) >>> 24
}
