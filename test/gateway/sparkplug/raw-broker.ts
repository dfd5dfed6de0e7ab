import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** A control packet as it came, its fixed header taken apart. */
export interface Packet {
  readonly type: number
  readonly flags: number
  readonly body: Buffer
}

/** Types of control packets (MQTT 3.1.1 and 5, 2.1). */
export const PACKET = { connect: 1, publish: 3, subscribe: 8, pingreq: 12, disconnect: 14 } as const

/** What a CONNECT says, without user name and password. */
export interface Connect {
  readonly clean: boolean
  readonly willQos: number
  readonly willRetain: boolean
  /** MQTT 5, s; absent: 0. */
  readonly sessionExpiry: number | undefined
  readonly willTopic: string
  readonly will: Buffer
}

/** The least that a client takes for a broker, to see every packet of its and in which order they come. */
export class RawBroker {
  readonly packets: Packet[] = []
  /** Called for every packet before it is answered. */
  before: (packet: Packet) => void = () => {}
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #version5: boolean
  readonly #granted: number
  readonly #mute: readonly number[]
  #looks: (() => void)[] = []

  private constructor(version5: boolean, granted: number, mute: readonly number[]) {
    this.#version5 = version5
    this.#granted = granted
    this.#mute = mute
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /**
   * @param granted what every subscription is answered with: a QoS, or 0x80 and more for a refusal
   * @param mute types of packets that are not answered
   */
  static async open(version5: boolean, granted = 1, mute: readonly number[] = []): Promise<RawBroker> {
    const broker = new RawBroker(version5, granted, mute)
    broker.#server.listen(0, '127.0.0.1')
    await once(broker.#server, 'listening')
    return broker
  }

  get url(): string {
    const address = this.#server.address()
    return `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }

  /** The first packet of a type, whether it came already or comes. */
  async first(type: number): Promise<Packet> {
    const find = () => this.packets.find((packet) => packet.type === type)
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (find() !== undefined) resolve()
      }
      this.#looks.push(look)
      look()
    })
    const found = find()
    if (found === undefined) throw new Error(`no packet ${type}`)
    return found
  }

  /** Publishes to every client at QoS 0, MQTT 3.1.1; at most 127 bytes in all. */
  say(topic: string, payload: string): void {
    const body = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic + payload)])
    for (const socket of this.#sockets) socket.write(Buffer.from([0x30, body.length, ...body]))
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let next = cut(rest); next !== undefined; next = cut(rest)) {
        rest = next.rest
        this.packets.push(next.packet)
        this.before(next.packet)
        const answer = this.#answer(next.packet)
        if (answer !== undefined) socket.write(answer)
        for (const look of this.#looks) look()
      }
    })
  }

  #answer({ type, flags, body }: Packet): Buffer | undefined {
    if (this.#mute.includes(type)) return undefined
    if (type === PACKET.connect) return Buffer.from(this.#version5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0])
    if (type === PACKET.pingreq) return Buffer.from([0xd0, 0])
    if (type === PACKET.subscribe) {
      const codes = subscriptions(body, this.#version5).map(() => this.#granted)
      const head = [...body.subarray(0, 2), ...(this.#version5 ? [0] : [])]
      return Buffer.from([0x90, head.length + codes.length, ...head, ...codes])
    }
    if (type === PACKET.publish && (flags & 6) !== 0) {
      const at = 2 + body.readUInt16BE(0)
      return Buffer.from([0x40, 2, ...body.subarray(at, at + 2)])
    }
    return undefined
  }
}

/** Takes the first whole packet off. Lengths beyond two bytes of header do not come up here. */
function cut(bytes: Buffer): { readonly packet: Packet; readonly rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const { value: length, at } = variableInteger(bytes, 1)
  if (at === undefined || bytes.length < at + length) return undefined
  const first = bytes.readUInt8(0)
  const packet = { type: first >> 4, flags: first & 15, body: bytes.subarray(at, at + length) }
  return { packet, rest: bytes.subarray(at + length) }
}

function variableInteger(bytes: Buffer, from: number): { value: number; at: number | undefined } {
  let value = 0
  for (let i = from; i < bytes.length && i < from + 4; i += 1) {
    const byte = bytes.readUInt8(i)
    value += (byte & 0x7f) * 128 ** (i - from)
    if (byte < 0x80) return { value, at: i + 1 }
  }
  return { value, at: undefined }
}

/** Topic and QoS of each filter of a SUBSCRIBE. */
export function subscriptions(body: Buffer, version5: boolean): (readonly [topic: string, qos: number])[] {
  const found: (readonly [string, number])[] = []
  let at = 2
  if (version5) {
    const { value, at: after = 0 } = variableInteger(body, at)
    at = after + value
  }
  while (at < body.length) {
    const end = at + 2 + body.readUInt16BE(at)
    found.push([body.toString('utf8', at + 2, end), body.readUInt8(end) & 3])
    at = end + 1
  }
  return found
}

/** Topic of a PUBLISH. */
export function topicOf({ body }: Packet): string {
  return body.toString('utf8', 2, 2 + body.readUInt16BE(0))
}

/** Takes a CONNECT apart (MQTT 3.1.1 and 5, 3.1). */
export function readConnect(body: Buffer): Connect {
  const version5 = body.readUInt8(6) === 5
  const flags = body.readUInt8(7)
  let at = 10
  let sessionExpiry: number | undefined
  if (version5) {
    const { value, at: after = 0 } = variableInteger(body, at)
    // Of the properties that come here only the session expiry is looked at, and it comes first.
    if (value > 0 && body.readUInt8(after) === 0x11) sessionExpiry = body.readUInt32BE(after + 1)
    at = after + value
  }
  const field = (): Buffer => {
    const from = at + 2
    at = from + body.readUInt16BE(at)
    return body.subarray(from, at)
  }
  field()
  if (version5) {
    const { value, at: after = 0 } = variableInteger(body, at)
    at = after + value
  }
  return {
    clean: (flags & 2) !== 0,
    willQos: (flags >> 3) & 3,
    willRetain: (flags & 0x20) !== 0,
    sessionExpiry,
    willTopic: field().toString(),
    will: field(),
  }
}
