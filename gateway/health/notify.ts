import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'

/** What a service manager is told: `READY`, `STATUS`, `STOPPING`, `WATCHDOG` (sd_notify(3)). */
export type Notice = Readonly<Record<string, string>>

/** Sends one datagram to a Unix socket. @throws when it was not taken */
export type SendDatagram = (path: string, payload: Buffer) => Promise<void>

export interface NotifierOptions {
  /** Of the process: `NOTIFY_SOCKET` is where the service manager listens. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly log: Log
  /** Default: the optional package unix-dgram; without it, or where it cannot be loaded, `systemd-notify`. */
  readonly send?: SendDatagram
  /** The program that speaks in its place. Default `systemd-notify`. */
  readonly program?: string
}

/** Tells the service manager how the process is doing. */
export interface Notifier {
  /** Whether anybody listens: a process that nobody supervises has nobody to tell. */
  readonly listening: boolean
  /** Never rejects: a manager that does not hear is its own affair, and logged once. */
  tell(notice: Notice): Promise<void>
}

/** A full queue of the manager empties itself within this. */
const ATTEMPTS = 5
const PAUSE_MS = 50
const PROGRAM_MS = 5000

const run = promisify(execFile)

/** Opens nothing: every notice is a socket of its own, since they are seconds apart. */
export function notifierOf({ env, clock, log, send, program = 'systemd-notify' }: NotifierOptions): Notifier {
  const path = env.NOTIFY_SOCKET
  if (path === undefined || path === '') return { listening: false, tell: () => Promise.resolve() }
  // The package cannot name a socket of the abstract name space; the program can.
  const direct = path.startsWith('/') ? (send ?? datagrams()) : undefined
  let complained = false
  const complain = (err: unknown): void => {
    if (!complained) log.warn({ err, socket: path }, 'the service manager cannot be told')
    complained = true
  }
  return {
    listening: true,
    async tell(notice) {
      const lines = linesOf(notice)
      try {
        if (direct !== undefined)
          return await insist(() => direct(path, Buffer.from(lines.join('\n'))), clock)
      } catch (error) {
        log.debug({ err: error }, 'no datagram to the service manager')
      }
      try {
        await run(program, lines, { env: { PATH: env.PATH, NOTIFY_SOCKET: path }, timeout: PROGRAM_MS })
      } catch (error) {
        complain(error)
      }
    },
  }
}

/** `NAME=value` each; a line end in a value would begin another. Pure. */
export function linesOf(notice: Notice): string[] {
  return Object.entries(notice).map(([name, value]) => `${name}=${value.replaceAll(/[\r\n]+/g, ' ')}`)
}

async function insist(act: () => Promise<void>, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act()
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await clock.sleep(PAUSE_MS)
    }
  }
}

/** What is needed of unix-dgram's Socket. */
interface DatagramSocket {
  send(payload: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void): void
  close(): void
}

/** @returns undefined where the package is not installed or was built for another Node */
function datagrams(): SendDatagram | undefined {
  let library: unknown
  try {
    library = createRequire(import.meta.url)('unix-dgram')
  } catch {
    return undefined
  }
  if (!isLibrary(library)) return undefined
  const { createSocket } = library
  return (path, payload) =>
    new Promise((resolve, reject) => {
      const socket = createSocket('unix_dgram')
      socket.send(payload, 0, payload.length, path, (error) => {
        socket.close()
        if (error === undefined || error === null) resolve()
        else reject(error)
      })
    })
}

function isLibrary(library: unknown): library is { createSocket(type: 'unix_dgram'): DatagramSocket } {
  return (
    typeof library === 'object' &&
    library !== null &&
    'createSocket' in library &&
    typeof library.createSocket === 'function'
  )
}
