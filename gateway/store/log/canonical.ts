/** Stands in a value for what is not known yet; `CanonicalWriter.pieces` cuts the text there. */
export const HOLE: unique symbol = Symbol('hole')

// Printable ASCII without the quote and the backslash stands for itself (RFC 8785 §3.2.2.2).
const PLAIN = /^[ !#-[\]-~]*$/
const LONE_SURROGATE = /[\ud800-\udfff]/u

// Measures are rounded before they are told, and writing out 400 of them is most of the cost of a message. A double
// that is the nearest one to a decimal of at most 15 digits prints as that decimal, trailing zeros gone (ECMA-262
// §6.1.6.1.20; no two such decimals share a double), so thousandths can be read off tables.
const WHOLES = Array.from({ length: 4096 }, (_, whole) => String(whole))
const THOUSANDTHS = Array.from({ length: 1000 }, (_, count) => String(count / 1000).slice(1))

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

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
    if (size < WHOLES.length) {
      const thousandths = Math.round(size * 1000)
      if (thousandths / 1000 === size) {
        const whole = Math.trunc(size)
        if (value < 0) this.#byte(MINUS)
        this.#put(WHOLES[whole] ?? '')
        this.#put(THOUSANDTHS[thousandths - whole * 1000] ?? '')
        return
      }
    }
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
    this.#put(String(value))
  }

  #string(value: string): void {
    if (PLAIN.test(value)) {
      this.#byte(QUOTE)
      this.#put(value)
      this.#byte(QUOTE)
      return
    }
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
    let before = OPEN_OBJECT
    for (const key of Object.keys(value).sort()) {
      const member = value[key]
      if (member === undefined) continue
      this.#byte(before)
      this.#string(key)
      this.#byte(COLON)
      this.#value(member)
      before = COMMA
    }
    if (before === OPEN_OBJECT) this.#byte(OPEN_OBJECT)
    this.#byte(CLOSE_OBJECT)
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
