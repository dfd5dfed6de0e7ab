import type { Format } from './format.ts'
import { toldCodes } from './reasons.ts'
import type { Inspection } from './wire.ts'
import type { CameraBlock, FoundEngraving } from './wire-camera.ts'

/** `sha256:…` as the address of the picture. */
export function evidenceAddress(evidenceUrl: string, { evidence }: CameraBlock): string {
  return `${evidenceUrl}/${evidence.replace(/^sha256:/, '')}`
}

/** What was read, as a person says it. */
export function engravingName(found: FoundEngraving, { texts }: Format): string {
  const { symbol, one_of: several, text, nearest } = found
  const say = texts.engraving
  if (text !== undefined) return say.readText(text)
  if (several !== undefined && several.length > 0) return `${say.oneOf}: ${several.join(', ')}`
  if (symbol !== undefined) return symbol
  return nearest === undefined ? say.unknown : say.unknownLike(nearest)
}

/** A lens with its supplier and its index, as far as they are told. */
export function lensName(
  lens: { readonly supplier: string; readonly name: string; readonly index?: number | undefined },
  { fixed }: Format,
): string {
  const { supplier, name, index } = lens
  return [supplier, name, ...(index === undefined ? [] : [fixed(index, 2)])].join(' · ')
}

/** One thing that a recipe wants to see, and what was seen of it. */
export interface Comparison {
  readonly what: 'symbol' | 'text' | 'lens'
  readonly expected: string
  readonly found: string
  /** As the verdict says it; undefined where there was none to compare: a part without a grade. */
  readonly same: boolean | undefined
}

const MISMATCH = {
  symbol: 'engraving_mismatch',
  text: 'engraved_text_mismatch',
  lens: 'lens_mismatch',
} as const

/** What was expected beside what was found; the verdict alone says whether they are the same. */
export function comparisons(
  block: CameraBlock,
  verdict: Inspection['verdict'],
  format: Format,
): readonly Comparison[] {
  const { symbols, texts, lens } = block.expected ?? {}
  const { nothingFound } = format.texts.engraving
  const codes = new Set([...toldCodes(verdict), ...(verdict.findings ?? []).map(({ code }) => code)])
  const same = (what: Comparison['what']): boolean | undefined =>
    verdict.grade === undefined ? undefined : !codes.has(MISMATCH[what])
  const read = (of: (found: FoundEngraving) => boolean): string => {
    const found = block.engravings.filter(of)
    // Beside what is known, what nobody knows says nothing.
    const known = found.filter(
      ({ symbol, one_of: several, text }) => (symbol ?? several ?? text) !== undefined,
    )
    const told = (known.length > 0 ? known : found).map((one) => engravingName(one, format))
    return told.join(', ') || nothingFound
  }
  const [best] = block.lens_candidates ?? []
  const rows: Comparison[] = []
  if (symbols !== undefined) {
    const found = read(({ text }) => text === undefined)
    rows.push({ what: 'symbol', expected: symbols.join(' / '), found, same: same('symbol') })
  }
  if (texts !== undefined) {
    const expected = texts.map(format.texts.engraving.readText).join(' + ')
    rows.push({ what: 'text', expected, found: read(({ text }) => text !== undefined), same: same('text') })
  }
  if (lens !== undefined) {
    const found = best === undefined ? nothingFound : lensName(best, format)
    rows.push({ what: 'lens', expected: lensName(lens, format), found, same: same('lens') })
  }
  return rows
}
