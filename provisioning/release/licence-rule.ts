/**
 * Licences that may be in a release, by SPDX name. None asks for our sources; the LGPL is there for libvips, which is a
 * library of its own that a user can exchange.
 */
export const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'Artistic-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'LGPL-3.0-or-later',
  'MIT',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

/**
 * Whether an SPDX expression (SPDX 2.3, annex D) leaves a choice that is allowed: one side of `OR`, both of `AND`.
 * What is no expression is not allowed.
 */
export function isAllowed(expression: string): boolean {
  const words = expression.match(/\(|\)|[^\s()]+/g) ?? []
  let at = 0
  function either(): boolean | undefined {
    let value = both()
    while (value !== undefined && words[at] === 'OR') {
      at += 1
      const other = both()
      value = other === undefined ? undefined : value || other
    }
    return value
  }
  function both(): boolean | undefined {
    let value = one()
    while (value !== undefined && words[at] === 'AND') {
      at += 1
      const other = one()
      value = other === undefined ? undefined : value && other
    }
    return value
  }
  function one(): boolean | undefined {
    const word = words[at]
    at += 1
    if (word !== '(') return word === undefined || /^(OR|AND|\))$/.test(word) ? undefined : ALLOWED.has(word)
    const value = either()
    if (words[at] !== ')') return undefined
    at += 1
    return value
  }
  const value = either()
  return value === true && at === words.length
}
