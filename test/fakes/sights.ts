import type { LensCandidate } from '../../gateway/lens.ts'
import type { LensSight, SeenEngraving } from '../../gateway/lens-sight.ts'

const PLACE: Pick<SeenEngraving, 'box' | 'rotationDeg'> = { box: [600, 400, 80, 60], rotationDeg: 12.5 }

/** A mark: one name is known, several are alike, none is unknown. */
export function symbol(symbols: string[], confidence: number): SeenEngraving {
  const outcome = symbols.length === 0 ? 'unknown' : symbols.length === 1 ? 'known' : 'one-of'
  const candidates = symbols.map((name) => ({ symbol: name, similarity: 0.9 }))
  return { kind: 'symbol', ...PLACE, outcome, symbols, confidence, candidates }
}

export function text(read: string, confidence: number): SeenEngraving {
  return { kind: 'text', ...PLACE, text: read, confidence }
}

export function candidate(lensId: number, supplier: string, name: string, score: number): LensCandidate {
  return { lensId, supplier, name, score }
}

/** What the camera saw of a lens. */
export function sight(
  engravings: readonly SeenEngraving[],
  candidates: readonly LensCandidate[] = [],
): LensSight {
  return {
    kind: 'camera',
    engravings: [...engravings],
    lensCandidates: candidates.map((one) => ({ ...one })),
    picture: 'ab'.repeat(32),
    models: { 'engraving-embedder': 'cd'.repeat(32) },
    takenAt: 0,
  }
}
