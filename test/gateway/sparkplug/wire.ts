/** A metric as it came, values as they stand on the wire. */
export interface WireMetric {
  name?: string
  alias?: number
  timestamp?: number
  datatype?: number
  historical?: boolean
  null?: boolean
  /** Under the name of its field in `sparkplug_b.proto`. */
  value?: readonly [field: string, value: number | boolean | string]
}

export interface WirePayload {
  timestamp?: number
  seq?: number
  metrics: WireMetric[]
}

/** Reads protocol buffers by their specification alone, so that an error of the encoder's is not read back as right. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get more(): boolean {
    return this.#at < this.#bytes.length
  }

  varint(): number {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return Number(BigInt.asIntN(64, value))
  }

  double(): number {
    this.#at += 8
    return this.#bytes.readDoubleLE(this.#at - 8)
  }

  bytes(): Buffer {
    const length = this.varint()
    const from = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) throw new Error('a field is longer than its message')
    return this.#bytes.subarray(from, this.#at)
  }
}

/** @throws for a field or wire type that our payloads must not have */
export function readPayload(bytes: Buffer): WirePayload {
  const payload: WirePayload = { metrics: [] }
  for (const reader = new Reader(bytes); reader.more; ) {
    const key = reader.varint()
    if (key === tag(1, 0)) payload.timestamp = reader.varint()
    else if (key === tag(2, 2)) payload.metrics.push(readMetric(reader.bytes()))
    else if (key === tag(3, 0)) payload.seq = reader.varint()
    else throw new Error(`payload: field ${key >> 3} of wire type ${key & 7}`)
  }
  return payload
}

function readMetric(bytes: Buffer): WireMetric {
  const metric: WireMetric = {}
  for (const reader = new Reader(bytes); reader.more; ) {
    const key = reader.varint()
    if (key === tag(1, 2)) metric.name = reader.bytes().toString()
    else if (key === tag(2, 0)) metric.alias = reader.varint()
    else if (key === tag(3, 0)) metric.timestamp = reader.varint()
    else if (key === tag(4, 0)) metric.datatype = reader.varint()
    else if (key === tag(5, 0)) metric.historical = reader.varint() === 1
    else if (key === tag(7, 0)) metric.null = reader.varint() === 1
    else if (key === tag(11, 0)) metric.value = ['long_value', reader.varint()]
    else if (key === tag(13, 1)) metric.value = ['double_value', reader.double()]
    else if (key === tag(14, 0)) metric.value = ['boolean_value', reader.varint() === 1]
    else if (key === tag(15, 2)) metric.value = ['string_value', reader.bytes().toString()]
    else throw new Error(`metric: field ${key >> 3} of wire type ${key & 7}`)
  }
  return metric
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType
}

/** A command as a host sends it: boolean metrics by name or alias, without `seq`. */
export function writeCommand(
  ...metrics: readonly { readonly name?: string; readonly alias?: number; readonly value: boolean }[]
): Buffer {
  const parts = metrics.map(({ name, alias, value }) =>
    lengthDelimited(
      2,
      Buffer.concat([
        ...(name === undefined ? [] : [lengthDelimited(1, Buffer.from(name))]),
        ...(alias === undefined ? [] : [Buffer.from([tag(2, 0)]), varint(alias)]),
        Buffer.from([tag(4, 0), 11, tag(14, 0), value ? 1 : 0]),
      ]),
    ),
  )
  return Buffer.concat([Buffer.from([tag(1, 0)]), varint(Date.UTC(2026, 4, 1)), ...parts])
}

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag(field, 2)]), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
