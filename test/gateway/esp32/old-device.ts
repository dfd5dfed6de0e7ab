import { WebSocket } from 'ws'
import { z } from 'zod'
import type { Json } from './samples.ts'

/** How the old firmware behaves (facts §2); a test makes it hurry. */
export interface Firmware {
  /** Samples in the ring buffer; one more drops the oldest. */
  readonly buffer: number
  /** Between two samples of a flush. */
  readonly flushMs: number
  readonly reconnectMs: number
}

const FIRMWARE: Firmware = { buffer: 100, flushMs: 100, reconnectMs: 5000 }
const reply = z.looseObject({
  type: z.string(),
  sample_id: z.string().optional(),
  code: z.string().optional(),
})
export type Reply = z.output<typeof reply>

/**
 * An ESP32 of the old system: keeps samples in a ring buffer, says hello after the greeting, flushes, forgets what was
 * acknowledged, and comes back for the rest when the connection is gone.
 */
export class OldDevice {
  readonly id: string
  readonly mac: string
  readonly replies: Reply[] = []
  readonly acknowledged: string[] = []
  /** Samples that the ring buffer had no room for. */
  dropped = 0
  readonly #firmware: Firmware
  readonly #buffer: { readonly id: string; readonly text: string }[] = []
  #url: string | undefined
  #socket: WebSocket | undefined
  #timer: NodeJS.Timeout | undefined
  #look: () => void = () => {}

  constructor(id: string, mac: string, firmware: Partial<Firmware> = {}) {
    this.id = id
    this.mac = mac
    this.#firmware = { ...FIRMWARE, ...firmware }
  }

  /** Not acknowledged yet. */
  get waiting(): readonly string[] {
    return this.#buffer.map(({ id }) => id)
  }

  measure(id: string, message: Json): void {
    this.#buffer.push({ id, text: JSON.stringify(message) })
    if (this.#buffer.length <= this.#firmware.buffer) return
    this.#buffer.shift()
    this.dropped += 1
  }

  /** Power on: connects, and goes on trying. */
  on(url: string): void {
    this.#url = url
    this.#connect()
  }

  /** Power off: no goodbye. */
  off(): void {
    this.#url = undefined
    clearTimeout(this.#timer)
    this.#socket?.terminate()
    this.#socket = undefined
  }

  say(message: unknown): void {
    this.#socket?.send(
      typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message),
    )
  }

  /** Resolves when this holds, looking after every reply and disconnection. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (holds()) resolve()
      }
      this.#look()
    })
  }

  #connect(): void {
    if (this.#url === undefined) return
    // What the Arduino library sends.
    const socket = new WebSocket(this.#url, { origin: 'file://' })
    this.#socket = socket
    socket.on('message', (text) => {
      if (this.#socket === socket) this.#hear(reply.parse(JSON.parse(String(text))))
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket !== socket) return
      clearTimeout(this.#timer)
      this.#look()
      if (this.#url !== undefined) this.#timer = setTimeout(() => this.#connect(), this.#firmware.reconnectMs)
    })
  }

  #hear(heard: Reply): void {
    this.replies.push(heard)
    if (heard.type === 'connection_established') {
      this.say({ type: 'esp32_hello', device_id: this.id, mac_address: this.mac, firmware_version: '1.0.0' })
    } else if (heard.type === 'hello_ack') {
      this.#flush(0)
    } else if (heard.type === 'ack') {
      this.acknowledged.push(heard.sample_id ?? '')
      const place = this.#buffer.findIndex(({ id }) => id === heard.sample_id)
      if (place >= 0) this.#buffer.splice(place, 1)
    }
    this.#look()
  }

  /** From the oldest on, whatever is acknowledged meanwhile. */
  #flush(from: number, texts: readonly string[] = this.#buffer.map(({ text }) => text)): void {
    const text = texts[from]
    if (text === undefined || this.#socket?.readyState !== WebSocket.OPEN) return
    this.say(text)
    this.#timer = setTimeout(() => this.#flush(from + 1, texts), this.#firmware.flushMs)
  }
}
