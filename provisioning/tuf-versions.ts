const identifiers = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)'
/** Semantic Versioning 2.0.0 (§2, §9) without build metadata. */
export const SEMVER = new RegExp(
  `^(0|[1-9]\\d{0,8})\\.(0|[1-9]\\d{0,8})\\.(0|[1-9]\\d{0,8})(?:-(${identifiers}(?:\\.${identifiers})*))?$`,
)

interface Precedence {
  readonly numbers: readonly number[]
  /** Empty: a full version, which comes after all its pre-releases. */
  readonly early: readonly string[]
}

function precedence(text: string): Precedence {
  const match = SEMVER.exec(text)
  if (match === null) throw new TypeError(`version ${JSON.stringify(text)}: expected as 1.4.0 or 1.4.0-rc.1`)
  return { numbers: match.slice(1, 4).map(Number), early: match[4]?.split('.') ?? [] }
}

/** Semantic Versioning 2.0.0 §11.4: numbers by value, before words; words by their bytes; fewer come first. */
function compareEarly(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length
  for (const [place, left] of a.entries()) {
    const right = b[place]
    if (right === undefined) return 1
    if (left === right) continue
    const [leftIsNumber, rightIsNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
    if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1
    if (leftIsNumber && left.length !== right.length) return left.length - right.length
    return left < right ? -1 : 1
  }
  return a.length - b.length
}

/**
 * Precedence of Semantic Versioning 2.0.0 (§11).
 * @returns below 0: `a` is older; 0: the same; above 0: newer
 * @throws TypeError for what is no version
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [precedence(a), precedence(b)]
  for (const [place, number] of left.numbers.entries()) {
    const difference = number - (right.numbers[place] ?? 0)
    if (difference !== 0) return difference
  }
  return compareEarly(left.early, right.early)
}
