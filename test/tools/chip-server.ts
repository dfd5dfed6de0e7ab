import { createServer, type Server, type Socket } from 'node:net'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { ADDRESS } from '../../drivers/vl53l8ch/registers.ts'
import { StillScene } from '../fakes/still-scene.ts'

const MOST_BYTES = 0x8000
const MOST_LINE = 64
const NEWLINE = 0x0a

/** What a transfer costs of the chip's time, as on the fastest bus: a host that asks without sleeping gets on, too. */
const TRANSFER_MS = 0.02

/**
 * One chip behind a wire of text lines; connecting powers it up, and its time is what the host says that it slept,
 * with 20 µs a transfer.
 * - `W reg4hex len` and len bytes → `OK`
 * - `R reg4hex len` → `OK len` and len bytes
 * - `T ms` → `OK`: the host slept
 * - `A addr7` → `OK`: the host talks to this address from now on (hexadecimal, or decimal)
 * - `Q` → `OK`, and the connection ends
 *
 * `NACK` where nothing acknowledges; `ERR what`, and the end, for a line that is none of these.
 */
export function serveChip(): Server {
  return createServer((socket) => {
    const session = new ChipSession()
    let held: Buffer = Buffer.alloc(0)
    const serve = (bytes: Buffer): void => {
      held = session.take(bytes, socket)
      // A host that asks faster than it listens waits, instead of filling our memory.
      if (socket.writableNeedDrain) socket.pause()
      else socket.resume()
    }
    socket.on('data', (chunk) => serve(Buffer.concat([held, chunk])))
    socket.on('drain', () => serve(held))
    // A host that goes away without a word is no fault of ours.
    socket.on('error', () => socket.destroy())
  })
}

/** One line of the host: its words, and those that are numbers, -1 where they are none that is allowed. */
interface Line {
  readonly verb: string
  readonly first: string
  readonly register: number
  readonly length: number
  readonly text: string
}

function parseLine(text: string): Line {
  const [verb = '', first = '', second = ''] = text.trim().split(/\s+/)
  const register = /^(0x)?[0-9a-f]{1,4}$/i.test(first) ? Number.parseInt(first, 16) : -1
  const length = /^\d{1,5}$/.test(second) && Number(second) <= MOST_BYTES ? Number(second) : -1
  return { verb, first, register, length, text: text.trim() }
}

class ChipSession {
  readonly #clock = new VirtualClock()
  readonly #chip: SimulatedVl53l8ch
  #address: number = ADDRESS
  #selected: readonly number[] = [ADDRESS]

  constructor() {
    this.#chip = new SimulatedVl53l8ch({
      clock: this.#clock,
      scene: new StillScene(),
      moved: (address) => {
        this.#address = address
      },
    })
  }

  /** Executes the whole commands at the front, until the host must listen first. @returns what is left */
  take(bytes: Buffer, socket: Socket): Buffer {
    let at = 0
    while (at < bytes.length && !socket.writableEnded && !socket.writableNeedDrain) {
      const end = bytes.indexOf(NEWLINE, at)
      if (end < 0) {
        if (bytes.length - at > MOST_LINE) socket.end('ERR line too long\n')
        break
      }
      const line = parseLine(bytes.toString('latin1', at, end))
      const next = end + 1 + (line.verb === 'W' ? Math.max(0, line.length) : 0)
      if (bytes.length < next) break
      this.#execute(line, bytes.subarray(end + 1, next), socket)
      at = next
    }
    return socket.writableEnded ? Buffer.alloc(0) : bytes.subarray(at)
  }

  #execute({ verb, first, register, length, text }: Line, payload: Buffer, socket: Socket): void {
    if (verb === 'W' && register >= 0 && length >= 0) {
      const sent = this.#write(register, payload)
      socket.write(sent ? 'OK\n' : 'NACK\n')
    } else if (verb === 'R' && register >= 0 && length > 0) {
      const answer = this.#write(register, Buffer.alloc(0)) ? this.#chip.read(length) : undefined
      if (answer === undefined) socket.write('NACK\n')
      else socket.write(Buffer.concat([Buffer.from(`OK ${length}\n`), answer]))
    } else if (verb === 'T' && /^\d{1,9}(\.\d+)?$/.test(first)) {
      this.#clock.spend(Number(first))
      socket.write('OK\n')
    } else if (verb === 'A' && /^(0x)?[0-9a-f]+$/i.test(first)) {
      this.#selected = [Number.parseInt(first, 16), Number.parseInt(first, 10)]
      socket.write('OK\n')
    } else if (verb === 'Q') {
      socket.end('OK\n')
    } else {
      socket.end(`ERR ${text}\n`)
    }
  }

  #write(register: number, payload: Uint8Array): boolean {
    this.#clock.spend(TRANSFER_MS)
    if (!this.#selected.includes(this.#address)) return false
    return this.#chip.write(Uint8Array.of(register >> 8, register & 0xff, ...payload))
  }
}
