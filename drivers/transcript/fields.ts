import type { BusFault } from '../bus.ts'

/** A line that is none of a transcript. */
export class TranscriptError extends Error {
  override readonly name = 'TranscriptError'
}

const FAULTS: readonly BusFault[] = [
  'no-bus',
  'no-acknowledge',
  'bus-stuck',
  'arbitration-lost',
  'timeout',
  'short-transfer',
]

/** The fields of one line, each taken with its type. */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>

  constructor(text: string) {
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch (error) {
      throw new TranscriptError(`not JSON: ${text.slice(0, 80)}`, { cause: error })
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw new TranscriptError(`not an object: ${text.slice(0, 80)}`)
    }
    this.#values = new Map(Object.entries(parsed))
  }

  value(key: string): unknown {
    return this.#values.get(key)
  }

  string(key: string): string {
    const value = this.optionalString(key)
    if (value === undefined) throw this.wrong(key, 'a text')
    return value
  }

  optionalString(key: string): string | undefined {
    const value = this.#values.get(key)
    if (value === undefined || typeof value === 'string') return value
    throw this.wrong(key, 'a text')
  }

  number(key: string): number {
    const value = this.optionalNumber(key)
    if (value === undefined) throw this.wrong(key, 'a number from 0 on')
    return value
  }

  optionalNumber(key: string): number | undefined {
    const value = this.#values.get(key)
    if (value === undefined || (typeof value === 'number' && value >= 0)) return value
    throw this.wrong(key, 'a number from 0 on')
  }

  bytes(key: string): Uint8Array | undefined {
    const text = this.optionalString(key)
    if (text === undefined) return undefined
    if (!/^([0-9a-f]{2})*$/i.test(text)) throw this.wrong(key, 'hexadecimal bytes')
    return Uint8Array.from(Buffer.from(text, 'hex'))
  }

  fault(): BusFault | undefined {
    if (this.#values.get('ack') === false) return 'no-acknowledge'
    const value = this.#values.get('fault')
    const fault = FAULTS.find((name) => name === value)
    if (value !== undefined && fault === undefined) throw this.wrong('fault', FAULTS.join(', '))
    return fault
  }

  wrong(key: string, expected: string): TranscriptError {
    return new TranscriptError(`${key}: ${JSON.stringify(this.#values.get(key))}: expected ${expected}`)
  }
}
