import type { Recognition } from './decision.ts'
import type { Prototype } from './gallery.ts'
import type { Head } from './head.ts'
import type { FrameReading } from './lens-view.ts'
import type { ModelFault, VisionModels } from './model.ts'
import type { Refusal } from './onnx.ts'
import type { Grey, PictureFault } from './picture.ts'
import type { Provider } from './providers.ts'

/** What a thread is started with. */
export interface ThreadSetup {
  readonly models: VisionModels
  readonly providers: readonly Provider[]
  readonly threads: number
  /** Two numbers, as `Threshold` uses them. */
  readonly threshold: SharedArrayBuffer
}

/** Prototypes in one block that main thread and worker share: it outlives a thread, and is never copied. */
export interface PackedPrototypes {
  readonly symbols: readonly string[]
  readonly degrees: readonly number[]
  /** Of each prototype, one after the other. */
  readonly vectors: Float32Array
}

/** All that a thread compares with. */
export interface Searched {
  readonly packed: PackedPrototypes
  readonly head?: Head
}

/** What a thread is asked; each question with a number has an answer with the same number. */
export type Question =
  | { readonly kind: 'read'; readonly picture: Grey }
  | { readonly kind: 'match'; readonly bytes: Uint8Array; readonly top: number }
  | { readonly kind: 'prototypes'; readonly bytes: Uint8Array; readonly symbol: string }

export type Answer =
  | { readonly kind: 'read'; readonly reading: FrameReading }
  | { readonly kind: 'match'; readonly recognition: Recognition }
  | { readonly kind: 'prototypes'; readonly prototypes: readonly Prototype[] }
  /** `picture`: what is wrong with it; absent: the networks failed. */
  | { readonly kind: 'failed'; readonly message: string; readonly picture?: PictureFault }

export type Told =
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | ({ readonly kind: 'gallery' } & Searched)
  /** No more questions: sessions are closed, then the thread ends by itself. */
  | { readonly kind: 'close' }

/** A network, and what computes it. */
export interface OpenNetwork {
  readonly network: string
  /** Of the file. */
  readonly sha256: string
  readonly provider: Provider
}

export type Said =
  /** Models are loaded and warm; said again when a provider gave way to another. */
  | { readonly kind: 'ready'; readonly networks: readonly OpenNetwork[] }
  | ({ readonly kind: 'refused'; readonly network: string } & Refusal)
  /** A model cannot be used, by no thread. */
  | { readonly kind: 'unfit'; readonly fault: ModelFault; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }

/** @throws RangeError when vectors differ in length */
export function packed(prototypes: readonly Prototype[]): PackedPrototypes {
  const dimensions = prototypes[0]?.vector.length ?? 0
  const vectors = new Float32Array(
    new SharedArrayBuffer(prototypes.length * dimensions * Float32Array.BYTES_PER_ELEMENT),
  )
  for (const [index, { symbol, vector }] of prototypes.entries()) {
    if (vector.length !== dimensions) {
      throw new RangeError(`prototype of ${symbol}: ${vector.length} numbers, expected ${dimensions}`)
    }
    vectors.set(vector, index * dimensions)
  }
  return {
    symbols: prototypes.map(({ symbol }) => symbol),
    degrees: prototypes.map(({ degrees }) => degrees),
    vectors,
  }
}

export function unpacked({ symbols, degrees, vectors }: PackedPrototypes): readonly Prototype[] {
  const dimensions = vectors.length / Math.max(1, symbols.length)
  return symbols.map((symbol, index) => ({
    symbol,
    degrees: degrees[index] ?? 0,
    vector: vectors.subarray(index * dimensions, (index + 1) * dimensions),
  }))
}
