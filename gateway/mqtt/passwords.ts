import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * 2^15 rounds of 8 blocks, three times over: 32 MiB for a guess, one of the equivalent choices of OWASP's Password
 * Storage Cheat Sheet for scrypt (RFC 7914), and the one whose memory a small gateway can spare.
 */
const COST: Cost = { log2n: 15, r: 8, p: 3 }
const SALT_BYTES = 16
const KEY_BYTES = 32
/** What a file may ask of us at most: it is written by hand as well. */
const MOST = { log2n: 17, r: 16, p: 8 } as const

/** Shortest and longest password taken, characters. */
export const PASSWORD_LENGTH = { least: 8, most: 128 } as const

export interface Cost {
  /** Rounds, as a power of two. */
  readonly log2n: number
  readonly r: number
  readonly p: number
}

interface Hash extends Cost {
  readonly salt: Buffer
  readonly key: Buffer
}

/** The form in which a password is kept: `$scrypt$ln=15,r=8,p=3$<salt>$<key>`, both base64 without padding. */
export const HASH_FORM =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{22,86})$/

/**
 * @param cost less only for tests
 * @returns the hash to keep, salted anew at every call
 */
export async function hashPassword(password: string, cost: Cost = COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const { log2n, r, p } = cost
  const key = await derive(password, { ...cost, salt, key: Buffer.alloc(KEY_BYTES) })
  return `$scrypt$ln=${log2n},r=${r},p=${p}$${base64(salt)}$${base64(key)}`
}

/**
 * Compares in constant time. A user who does not exist, or has no password, takes as long as one who does.
 * @param hash as `hashPassword` gave it; undefined: there is none, and the answer is no
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const kept = parseHash(hash ?? NOBODY)
  if (kept === undefined) return false
  const key = await derive(password, kept)
  return timingSafeEqual(key, kept.key) && hash !== undefined
}

/** @returns undefined for what is no hash, or asks for more work than we do */
export function parseHash(text: string): Hash | undefined {
  const [, ln, r, p, salt, key] = HASH_FORM.exec(text) ?? []
  if (salt === undefined || key === undefined) return undefined
  const cost = { log2n: Number(ln), r: Number(r), p: Number(p) }
  if (cost.log2n < 1 || cost.r < 1 || cost.p < 1) return undefined
  if (cost.log2n > MOST.log2n || cost.r > MOST.r || cost.p > MOST.p) return undefined
  return { ...cost, salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') }
}

const NOBODY = `$scrypt$ln=${COST.log2n},r=${COST.r},p=${COST.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`

function derive(password: string, { log2n, r, p, salt, key }: Hash): Promise<Buffer> {
  const N = 2 ** log2n
  // Node refuses what needs more than `maxmem`: 128·N·r bytes (RFC 7914 §2), and a little for the rest.
  const options: ScryptOptions = { N, r, p, maxmem: 128 * N * r + 128 * r * p + (1 << 20) }
  return new Promise((resolve, reject) => {
    // Two ways to write one letter (é) are one password: NIST SP 800-63B §5.1.1.2.
    scrypt(password.normalize('NFKC'), salt, key.length, options, (error, derived) => {
      if (error === null) resolve(derived)
      else reject(error)
    })
  })
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
