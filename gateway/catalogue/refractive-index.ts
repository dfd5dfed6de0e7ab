import { LENS_LIMITS } from '../lens.ts'

/** A number with point or comma between 1 and 2, and what slips of the keyboard leave behind it (`1.6è`, `1.7'`). */
const CELL = /^([12][.,]\d{1,3})[^\d\s.,]?$/
/** Between the indices of one cell. */
const BETWEEN = /\s*(?:\/|;|\s-\s)\s*/

/**
 * The refractive indices of a cell: `1,67`; `1.5 - 1.56 / 1.6` gives three.
 * @returns undefined when the cell is no list of indices from 1.0 to 2.0
 */
export function indicesOf(cell: string): readonly number[] | undefined {
  const numbers = cell
    .trim()
    .split(BETWEEN)
    .map((text) => CELL.exec(text)?.[1])
    .map((text) => (text === undefined ? Number.NaN : Number(text.replace(',', '.'))))
  const sound = numbers.every((index) => index >= LENS_LIMITS.indexMin && index <= LENS_LIMITS.indexMax)
  return sound ? [...new Set(numbers)] : undefined
}

/**
 * The one refractive index that a lens's name gives: `Maximo DS 1.67`, `Kinetic 167`, `MyProg OR15`, `Unitek 1,5`.
 * A bare number of three digits counts only where it is an index that lenses are made of.
 * @returns undefined where there is none, or several
 */
export function indexInName(name: string): number | undefined {
  const found = new Set<number>()
  for (const [, text = ''] of name.matchAll(/(?:^|[\s(])([12][.,]\d{1,3})(?=$|[\s)&+/])/g)) {
    found.add(Number(text.replace(',', '.')))
  }
  for (const [, digits = ''] of name.matchAll(/(?:^|\s)OR(1\d{1,2})(?=$|[\s)])/g))
    found.add(digitsIndex(digits))
  for (const [, digits = ''] of name.matchAll(/(?:^|\s)(150|153|156|159|160|167|174)(?=$|\s)/g)) {
    found.add(digitsIndex(digits))
  }
  const [index] = found
  const made = index !== undefined && index >= 1.4 && index <= 1.9
  return found.size === 1 && made ? index : undefined
}

function digitsIndex(digits: string): number {
  return Number(`${digits[0]}.${digits.slice(1)}`)
}
