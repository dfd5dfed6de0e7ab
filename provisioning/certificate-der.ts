/** As much of DER (X.690) as a certificate request and the CSR attributes of RFC 7030 are made of. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  sequence: 0x30,
  set: 0x31,
  /** `[0]`, constructed. */
  context0: 0xa0,
} as const

/** One element: its tag, and what it holds. */
export interface Element {
  readonly tag: number
  readonly content: Uint8Array
}

export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content])
}

/** @param dotted as `1.2.840.10045.2.1` */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(TAG.oid, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** An integer of 0 or more. */
export function integer(value: bigint): Uint8Array {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  // A first bit of 1 would make it negative.
  return der(TAG.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

export function text(tag: number, value: string): Uint8Array {
  return der(tag, Buffer.from(value, 'utf8'))
}

/** The bits of whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return der(TAG.bitString, Uint8Array.of(0), bytes)
}

/**
 * The elements that stand one behind the other.
 * @throws RangeError when a length leads beyond the end, or is written in a way that DER does not allow here
 */
export function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0
    const short = bytes[at + 1] ?? Number.NaN
    const more = short >= 0x80 ? short & 0x7f : 0
    if (more > 3 || short === 0x80) throw new RangeError('DER: a length that cannot be')
    const long = [...bytes.subarray(at + 2, at + 2 + more)].reduce((sum, byte) => sum * 256 + byte, 0)
    const length = more === 0 ? short : long
    const from = at + 2 + more
    if (!(from + length <= bytes.length)) throw new RangeError('DER: a length beyond the end')
    found.push({ tag, content: bytes.subarray(from, from + length) })
    at = from + length
  }
  return found
}

/** The dotted form of an object identifier's content. */
export function dotted(content: Uint8Array): string {
  const numbers: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    numbers.push(value)
    value = 0
  }
  const [first = 0, ...rest] = numbers
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

function base128(value: number): number[] {
  const digits = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift((rest % 128) | 0x80)
  }
  return digits
}
