/** What the robots.txt of a host says to one crawler (RFC 9309). */
export interface RobotsRules {
  readonly rules: readonly Rule[]
  /** `Crawl-delay`, seconds: no part of the RFC, and often written. */
  readonly crawlDelayS?: number
}

interface Rule {
  readonly allow: boolean
  /** Octets normalised, `*` and a last `$` as they are written. */
  readonly path: string
}

/** RFC 9309, 2.3.1.3: there is no robots.txt. */
export const EVERYTHING: RobotsRules = { rules: [] }
/** RFC 9309, 2.3.1.4: whether there is one cannot be found out. */
export const NOTHING: RobotsRules = { rules: [{ allow: false, path: '/' }] }

interface Group {
  readonly names: string[]
  readonly rules: Rule[]
  crawlDelayS?: number
}

/** RFC 9309, 2.2: the rules of all groups that name the product, or else of all that name nobody. */
export function rulesFor(text: string, product: string): RobotsRules {
  const groups = groupsOf(text)
  const named = groups.filter(({ names }) => names.includes(product.toLowerCase()))
  const ours = named.length > 0 ? named : groups.filter(({ names }) => names.includes('*'))
  const delays = ours.flatMap(({ crawlDelayS }) => crawlDelayS ?? [])
  return {
    rules: ours.flatMap(({ rules }) => rules),
    ...(delays.length === 0 ? {} : { crawlDelayS: Math.max(...delays) }),
  }
}

function groupsOf(text: string): readonly Group[] {
  const groups: Group[] = []
  let naming = false
  for (const line of text.split(/\r\n?|\n/)) {
    const [said = ''] = line.split('#', 1)
    const colon = said.indexOf(':')
    const field = said.slice(0, Math.max(0, colon)).trim().toLowerCase()
    const value = said.slice(colon + 1).trim()
    if (field === 'user-agent') {
      if (!naming) groups.push({ names: [], rules: [] })
      naming = true
      // 2.2.1: a product token is letters, `_` and `-`; what stands behind it is a version.
      const name = value === '*' ? value : /^[A-Za-z_-]+/.exec(value)?.[0].toLowerCase()
      if (name !== undefined) groups.at(-1)?.names.push(name)
    } else if (field === 'allow' || field === 'disallow') {
      naming = false
      if (value !== '') groups.at(-1)?.rules.push({ allow: field === 'allow', path: patternOf(value) })
    } else if (field === 'crawl-delay') {
      // 2.2.4: other records must not interfere with the parsing of the explicit ones, so a group goes on after it.
      const group = groups.at(-1)
      const seconds = Number(value)
      if (group !== undefined && value !== '' && seconds >= 0) group.crawlDelayS = seconds
    }
  }
  return groups
}

function patternOf(value: string): string {
  return octets(/^[/*]/.test(value) ? value : `/${value}`)
}

/** RFC 9309, 2.2.2: the most specific match decides, and allowing does where two are as specific. */
export function allows({ rules }: RobotsRules, url: URL): boolean {
  if (url.pathname === '/robots.txt') return true
  const path = octets(url.pathname + url.search)
  let best: Rule | undefined
  for (const rule of rules) {
    if (!matches(rule.path, path)) continue
    const longer = rule.path.length - (best?.path.length ?? -1)
    if (longer > 0 || (longer === 0 && rule.allow)) best = rule
  }
  return best?.allow ?? true
}

/** Percent-encodes what is not ASCII, decodes what need not be encoded: `%62%61%7A` is `baz`. */
function octets(text: string): string {
  return text
    .replace(/[^\x21-\x7e]+/gu, (other) => Buffer.from(other).toString('hex').replace(/../g, '%$&'))
    .replace(/%[0-9a-f]{2}/gi, (code) => {
      const character = String.fromCharCode(Number.parseInt(code.slice(1), 16))
      return /[A-Za-z0-9._~-]/.test(character) ? character : code.toUpperCase()
    })
}

/** The pieces between `*` in their order, each as early as it goes: as good as any other choice, and no slower. */
function matches(pattern: string, path: string): boolean {
  const toEnd = pattern.endsWith('$')
  const [first = '', ...pieces] = (toEnd ? pattern.slice(0, -1) : pattern).split('*')
  if (!path.startsWith(first)) return false
  if (pieces.length === 0) return !toEnd || path === first
  let at = first.length
  for (const [index, piece] of pieces.entries()) {
    if (toEnd && index === pieces.length - 1) return path.length - piece.length >= at && path.endsWith(piece)
    const found = path.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return true
}
