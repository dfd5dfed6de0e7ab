/** Stands in a value for what is not known yet; `CanonicalWriter.pieces` cuts the text there. */
export const HOLE: unique symbol = Symbol('hole')

// Printable ASCII without the quote and the backslash stands for itself (RFC 8785 §3.2.2.2).
const PLAIN = /^[ !#-[\]-~]*$/
const LONE_SURROGATE = /[\ud800-\udfff]/u

// Measures are rounded before they are told, and writing out 400 of them is most of the cost of a message. A double
// that is the nearest one to a decimal of at most 15 digits prints as that decimal, trailing zeros gone (ECMA-262
// §6.1.6.1.20; no two such decimals share a double), so its digits can be had from a whole number.
const SCALE = 10_000
/** Beyond it the scaled number is no 32-bit integer any more. */
const MOST_SCALED = 0x7fff_ffff / SCALE
/** The longest such number: sign, eight digits, point, four digits. */
const NUMBER_BYTES = 14
const FOURS = Array.from({ length: SCALE }, (_, number) => String(number).padStart(4, '0'))
/** The four digits of every number below `SCALE`, one behind the other. */
const DIGITS = Buffer.from(FOURS.join(''), 'latin1')
/** How many of them are zeros in front, but for the last digit, and how many behind. */
const LEADING = Uint8Array.from(FOURS, (digits) => digits.search(/[1-9]|.$/))
const TRAILING = Uint8Array.from(FOURS, (digits) => digits.length - digits.replace(/0+$/, '').length)

const SPACE = 0x20
const TILDE = 0x7e
const BACKSLASH = 0x5c
const POINT = 0x2e
const ZERO = 0x30
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** The keys of one kind of object. */
interface KeyOrder {
  /** As they were set. */
  readonly given: readonly string[]
  /** As they are written. */
  readonly keys: readonly string[]
  /** The same as JSON, with the colon; undefined for one that has to be escaped. */
  readonly labels: readonly (string | undefined)[]
}

// Some thirty kinds of object make up all messages: their keys are sorted once, not with every part.
const MOST_ORDERS = 256
/** Kinds that are kept with the same first key. */
const MOST_ALIKE = 8

/**
 * The canonical JSON of a value (RFC 8785): members sorted by UTF-16 code units, no white space, numbers and strings
 * as ECMAScript writes them. Members that are `undefined` are absent.
 * @throws TypeError for what JSON cannot say: NaN, infinities, lone surrogates, functions, class instances
 */
export function canonical(value: unknown): string {
  return new CanonicalWriter().pieces(value).join('')
}

/**
 * Writes canonical JSON into one buffer that it keeps: a third faster than to concatenate text, which has to be
 * flattened in the end. One value at a time.
 */
export class CanonicalWriter {
  #bytes = Buffer.allocUnsafe(4096)
  #length = 0
  #ascii = true
  #cuts: number[] = []
  /** By the first key. */
  readonly #orders = new Map<string, readonly KeyOrder[]>()

  /**
   * The canonical JSON of a value with `HOLE`s in it: the texts between them, in the order of the text.
   * @throws TypeError as `canonical` does
   */
  pieces(value: unknown): string[] {
    this.#length = 0
    this.#ascii = true
    this.#cuts = []
    this.#value(value)
    let from = 0
    return [...this.#cuts, this.#length].map((to) => {
      const piece = this.#bytes.toString(this.#ascii ? 'latin1' : 'utf8', from, to)
      from = to
      return piece
    })
  }

  #value(value: unknown): void {
    if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'string') this.#string(value)
    else if (typeof value === 'boolean') this.#put(value ? 'true' : 'false')
    else if (value === null) this.#put('null')
    else if (value === HOLE) this.#cuts.push(this.#length)
    else if (Array.isArray(value)) this.#array(value)
    else if (typeof value === 'object') this.#object(value)
    else throw new TypeError(`${typeof value} has no JSON form`)
  }

  #number(value: number): void {
    const size = Math.abs(value)
    if (size < MOST_SCALED) {
      const scaled = Math.round(size * SCALE)
      if (scaled / SCALE === size) {
        this.#decimal(scaled, value < 0)
        return
      }
    }
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
    this.#put(String(value))
  }

  /** Writes `scaled / SCALE`. @param scaled a 32-bit integer from 0 */
  #decimal(scaled: number, negative: boolean): void {
    this.#reserve(NUMBER_BYTES)
    if (negative) this.#bytes[this.#length++] = MINUS
    const whole = (scaled / SCALE) | 0
    const part = scaled - whole * SCALE
    if (whole >= SCALE) {
      const high = (whole / SCALE) | 0
      this.#digits(high, LEADING[high] ?? 0, 4)
      this.#digits(whole - high * SCALE, 0, 4)
    } else this.#digits(whole, LEADING[whole] ?? 0, 4)
    if (part === 0) return
    this.#bytes[this.#length++] = POINT
    this.#digits(part, 0, 4 - (TRAILING[part] ?? 0))
  }

  /** Of the four digits of a number below `SCALE`, those at `from` up to `to`. */
  #digits(value: number, from: number, to: number): void {
    const bytes = this.#bytes
    let at = this.#length
    for (let digit = from; digit < to; digit += 1) bytes[at++] = DIGITS[4 * value + digit] ?? ZERO
    this.#length = at
  }

  #string(value: string): void {
    const { length } = value
    this.#reserve(length + 2)
    const bytes = this.#bytes
    const start = this.#length + 1
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index)
      if (code < SPACE || code > TILDE || code === QUOTE || code === BACKSLASH) {
        this.#escaped(value)
        return
      }
      bytes[start + index] = code
    }
    bytes[start - 1] = QUOTE
    bytes[start + length] = QUOTE
    this.#length = start + length + 1
  }

  #escaped(value: string): void {
    if (LONE_SURROGATE.test(value)) {
      throw new TypeError('a lone surrogate has no JSON form (RFC 8785 §3.2.2.2)')
    }
    const text = JSON.stringify(value)
    this.#reserve(3 * text.length)
    const written = this.#bytes.write(text, this.#length, 'utf8')
    if (written !== text.length) this.#ascii = false
    this.#length += written
  }

  #array(values: readonly unknown[]): void {
    let before = OPEN_ARRAY
    for (const value of values) {
      this.#byte(before)
      this.#value(value)
      before = COMMA
    }
    if (before === OPEN_ARRAY) this.#byte(OPEN_ARRAY)
    this.#byte(CLOSE_ARRAY)
  }

  #object(value: object): void {
    if (!isRecord(value)) throw new TypeError(`${value.constructor.name} has no JSON form`)
    const { keys, labels } = this.#orderOf(Object.keys(value))
    let before = OPEN_OBJECT
    for (let index = 0; index < keys.length; index += 1) {
      const key = keys[index] ?? ''
      const member = value[key]
      if (member === undefined) continue
      this.#byte(before)
      const label = labels[index]
      if (label === undefined) {
        this.#string(key)
        this.#byte(COLON)
      } else this.#put(label)
      this.#value(member)
      before = COMMA
    }
    if (before === OPEN_OBJECT) this.#byte(OPEN_OBJECT)
    this.#byte(CLOSE_OBJECT)
  }

  #orderOf(given: readonly string[]): KeyOrder {
    const first = given[0] ?? ''
    const known = this.#orders.get(first) ?? []
    for (const order of known) if (sameKeys(order.given, given)) return order
    const keys = given.toSorted()
    const labels = keys.map((key) => (PLAIN.test(key) ? `"${key}":` : undefined))
    const order = { given, keys, labels }
    if (this.#orders.size >= MOST_ORDERS) this.#orders.clear()
    this.#orders.set(first, [order, ...known.slice(0, MOST_ALIKE - 1)])
    return order
  }

  #byte(code: number): void {
    this.#reserve(1)
    this.#bytes[this.#length] = code
    this.#length += 1
  }

  /** @param text ASCII */
  #put(text: string): void {
    this.#reserve(text.length)
    const bytes = this.#bytes
    const start = this.#length
    for (let index = 0; index < text.length; index += 1) bytes[start + index] = text.charCodeAt(index)
    this.#length = start + text.length
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * needed)
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function sameKeys(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false
  return true
}
