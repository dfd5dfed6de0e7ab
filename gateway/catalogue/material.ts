import type { Material, Treatment } from '../lens.ts'
import { treatmentsIn } from './treatments.ts'

/** What a material cell says: the material, its trade name, and the treatments that were written beside it. */
export interface MaterialCell {
  readonly material?: Material
  readonly trade?: string
  readonly treatments: readonly Treatment[]
}

/**
 * By the first word that is known. MR-8, MR-10 and MR-174 are Mitsui's thiourethanes, CR-39 is PPG's ADC: organic;
 * Orma, Ormix, Stylis, Lineis and Airwear (a polycarbonate) are Essilor's.
 */
const WORDS: readonly (readonly [RegExp, Material])[] = [
  [/\bTRIBRID\b|\bTRIBID\b/i, 'tribrid'],
  [/\bTVX\b|\bTRI(?:VEX)?\b|\bNXT\b/i, 'trivex'],
  [/\bPOLY(?:CARBONATE|CARBONE)?\b|\bAIRWEAR\b/i, 'polycarbonate'],
  [/\bMIN(?:[ée]RAL)?\b/i, 'mineral'],
  [/\bORG(?:ANIQUE|ANIC)?\b|\bORGALIT\b|\bMR ?-?\d+\b|\bCR ?-?39\b/i, 'organic'],
  [/\bORMA\b|\bORMIX\b|\bSTYLIS\b|\bLINEIS\b/i, 'organic'],
]
const TRADE = /\b(MR ?-?\d+|CR ?-?39|ORGALIT|NXT|TRIBRID)\b/i
const TAG = /<[^>]*>/g

/** @returns undefined when the cell names no material and no treatment */
export function materialOf(cell: string): MaterialCell | undefined {
  const text = cell.replace(TAG, ' ').trim()
  const material = WORDS.find(([word]) => word.test(text))?.[1]
  const treatments = treatmentsIn(text)
  if (material === undefined && treatments.length === 0) return undefined
  const trade = TRADE.exec(text)?.[1]
  return {
    ...(material === undefined ? {} : { material }),
    ...(trade === undefined ? {} : { trade: tradeName(trade) }),
    treatments,
  }
}

/** `CR 39` and `cr-39` are `CR39`. */
function tradeName(text: string): string {
  const name = text.toUpperCase().replace(/[ -]/g, '')
  return /\d/.test(name) || name === 'NXT' ? name : name[0] + name.slice(1).toLowerCase()
}
