import type { ConsoleEvent } from './state.ts'
import { parseServerEvent } from './wire.ts'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
/** The gateway speaks every two seconds at least; a connection that is silent for longer is dead. */
const SILENCE_MS = 8000

/** The page's connection to the gateway: opened anew for ever, ever more rarely, until it is closed. */
export class RealtimeFeed {
  readonly #url: string
  readonly #tell: (event: ConsoleEvent) => void
  #socket: WebSocket | undefined
  #attempts = 0
  #retry = 0
  #silence = 0

  constructor(url: string, tell: (event: ConsoleEvent) => void) {
    this.#url = url
    this.#tell = tell
  }

  open(): void {
    window.addEventListener('online', this.#now)
    this.#connect()
  }

  close(): void {
    window.removeEventListener('online', this.#now)
    clearTimeout(this.#retry)
    this.#drop()
  }

  readonly #now = (): void => {
    if (this.#socket !== undefined) return
    this.#attempts = 0
    clearTimeout(this.#retry)
    this.#connect()
  }

  #connect(): void {
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    this.#watchSilence()
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return
      this.#watchSilence()
      const event = parseServerEvent(String(data))
      if (event === undefined) return
      this.#attempts = 0
      this.#tell(event)
    })
    socket.addEventListener('close', () => {
      if (socket === this.#socket) this.#lose()
    })
  }

  #lose(): void {
    this.#drop()
    this.#tell({ type: 'lost' })
    const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts)
    this.#attempts += 1
    // Spread, so that a hall full of panels does not return in one instant.
    this.#retry = window.setTimeout(() => this.#connect(), ceiling * (0.5 + Math.random() / 2))
  }

  #watchSilence(): void {
    clearTimeout(this.#silence)
    this.#silence = window.setTimeout(() => this.#lose(), SILENCE_MS)
  }

  #drop(): void {
    clearTimeout(this.#silence)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }
}
