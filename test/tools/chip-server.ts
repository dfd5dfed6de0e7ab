import { createServer, type Server, type Socket } from 'node:net'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { ADDRESS } from '../../drivers/vl53l8ch/registers.ts'
import { StillScene } from '../fakes/still-scene.ts'

const MOST_BYTES = 0x8000
const MOST_LINE = 64
const NEWLINE = 0x0a

/**
 * One chip behind a wire of text lines; connecting powers it up, and its time is what the host says that it slept.
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
    socket.on('data', (chunk) => {
      held = session.take(Buffer.concat([held, chunk]), socket)
    })
    // A host that goes away without a word is no fault of ours.
    socket.on('error', () => socket.destroy())
  })
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

  /** Executes the whole commands at the front. @returns what is left */
  take(bytes: Buffer, socket: Socket): Buffer {
    let at = 0
    while (at < bytes.length && !socket.writableEnded) {
      const end = bytes.indexOf(NEWLINE, at)
      if (end < 0) {
        if (bytes.length - at > MOST_LINE) socket.end('ERR line too long\n')
        break
      }
      const words = bytes.toString('latin1', at, end).trim().split(/\s+/)
      const payload = words[0] === 'W' ? Number(words[2]) : 0
      if (payload > 0 && payload <= MOST_BYTES && bytes.length < end + 1 + payload) break
      at = end + 1 + (payload > 0 && payload <= MOST_BYTES ? payload : 0)
      this.#execute(words, bytes.subarray(end + 1, at), socket)
    }
    return bytes.subarray(at)
  }

  #execute([verb = '', first = '', second = '']: string[], payload: Buffer, socket: Socket): void {
    const register = /^(0x)?[0-9a-f]{1,4}$/i.test(first) ? Number.parseInt(first, 16) : -1
    const length = /^\d{1,5}$/.test(second) && Number(second) <= MOST_BYTES ? Number(second) : -1
    if (verb === 'W' && register >= 0 && length >= 0) {
      const sent = this.#write(register, payload)
      socket.write(sent ? 'OK\n' : 'NACK\n')
    } else if (verb === 'R' && register >= 0 && length > 0) {
      const answer = this.#write(register, Buffer.alloc(0)) ? this.#chip.read(length) : undefined
      if (answer === undefined) socket.write('NACK\n')
      else socket.write(Buffer.concat([Buffer.from(`OK ${length}\n`), answer]))
    } else if (verb === 'T' && Number(first) >= 0) {
      this.#clock.spend(Number(first))
      socket.write('OK\n')
    } else if (verb === 'A' && /^(0x)?[0-9a-f]+$/i.test(first)) {
      this.#selected = [Number.parseInt(first, 16), Number.parseInt(first, 10)]
      socket.write('OK\n')
    } else if (verb === 'Q') {
      socket.end('OK\n')
    } else {
      socket.end(`ERR ${[verb, first, second].join(' ').trim()}\n`)
    }
  }

  #write(register: number, payload: Uint8Array): boolean {
    if (!this.#selected.includes(this.#address)) return false
    return this.#chip.write(Uint8Array.of(register >> 8, register & 0xff, ...payload))
  }
}
