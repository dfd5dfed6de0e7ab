import { isIPv6 } from 'node:net'

/** Failed attempts of one address that cost nothing but themselves. */
const FREE_FAILURES = 5
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 5 * 60_000
/** An address that was quiet for so long begins anew. */
const FORGET_MS = 15 * 60_000
const MOST_ADDRESSES = 4096

interface Failures {
  readonly count: number
  readonly lastMs: number
}

/** Slows down those who guess: after five failed logins an address waits, twice as long after each further one. */
export class LoginGuard {
  readonly #now: () => number
  /** In the order of the last failure. */
  readonly #failures = new Map<string, Failures>()

  /** @param now ms of a clock that never steps */
  constructor(now: () => number) {
    this.#now = now
  }

  /** @returns ms until this address may try again; 0: now */
  waitMs(address: string): number {
    const failures = this.#known(address)
    if (failures === undefined || failures.count < FREE_FAILURES) return 0
    const pauseMs = Math.min(FIRST_WAIT_MS * 2 ** (failures.count - FREE_FAILURES), LONGEST_WAIT_MS)
    return Math.max(0, failures.lastMs + pauseMs - this.#now())
  }

  failed(address: string): void {
    const key = networkOf(address)
    const count = (this.#known(address)?.count ?? 0) + 1
    this.#failures.delete(key)
    this.#failures.set(key, { count, lastMs: this.#now() })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > MOST_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest)
  }

  #known(address: string): Failures | undefined {
    const failures = this.#failures.get(networkOf(address))
    return failures !== undefined && this.#now() - failures.lastMs < FORGET_MS ? failures : undefined
  }
}

/** An IPv6 host picks its addresses in a network of 64 bits at will (RFC 4291 §2.5.4): they count as one. */
function networkOf(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length)
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail?.split(':') ?? [])]
  return all.slice(0, 4).join(':')
}
