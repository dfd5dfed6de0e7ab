import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { type InspectionMessage, inspectionMessage } from '../../gateway/message.ts'

const CLI = fileURLToPath(new URL('../../gateway/cli.js', import.meta.url))
/** As `npm start` and the command's own first line have it. */
const NODE_FLAGS = ['--max-semi-space-size=4']

/** How long a station may take to say `ready`, or to end, on a machine that does other things as well. */
const PATIENCE_MS = 30_000

export interface CommandOptions {
  /** `POINCON_…` variables; nothing else of the test's environment but `PATH` reaches the process. */
  readonly env?: Readonly<Record<string, string>>
  /** Where it runs; a `poincon.yaml` there is found. Default: a folder that holds none. */
  readonly cwd?: string
  /** What it reads from standard input. */
  readonly stdin?: string
}

/** How a command ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One line of the log, as pino writes it. */
const logLine = z.looseObject({ level: z.number(), msg: z.string().default('') })
export type LogLine = z.infer<typeof logLine>

const readyLine = z.looseObject({
  url: z.string(),
  mqttPort: z.number().optional(),
  afterMs: z.number(),
})

function launch(args: readonly string[], { env = {}, cwd = '/', stdin }: CommandOptions): ChildProcess {
  const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.end(stdin)
  return child
}

/** Runs `poincon <args>` to its end. */
export async function poincon(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const child = launch(args, options)
  const text = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text.stdout += piece
  })
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text.stderr += piece
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await once(child, 'close')
  clearTimeout(limit)
  return { code: child.exitCode, ...text }
}

/** Any free ports, no Node-RED. */
export const QUIET: Readonly<Record<string, string>> = {
  POINCON_HTTP_PORT: '0',
  POINCON_MQTT_PORT: '0',
  POINCON_FLOWS_ENABLED: 'false',
}

/** A station in a process of its own: `node dist/gateway/cli.js run`. */
export class StationProcess {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #lines: LogLine[] = []
  readonly #other: string[] = []
  #look: () => void = () => {}
  #ready: z.infer<typeof readyLine> | undefined

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#closed = once(child, 'close')
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) this.#follow(stream)
    child.once('close', () => this.#look())
  }

  /** Starts it and returns at once: it may never be ready. */
  static launch(args: readonly string[] = [], options: CommandOptions = {}): StationProcess {
    const env = { ...QUIET, ...options.env }
    return new StationProcess(launch(['run', ...args], { ...options, env }))
  }

  /** Starts it and waits for `ready`. @throws with what it said, when it ends before */
  static async start(args: readonly string[] = [], options: CommandOptions = {}): Promise<StationProcess> {
    const station = StationProcess.launch(args, options)
    await station.said('ready')
    return station
  }

  /** Where the page and the API are. */
  get url(): string {
    return this.#whenReady().url
  }

  /** Where the embedded broker is. */
  get broker(): string {
    return `mqtt://127.0.0.1:${this.#whenReady().mqttPort}`
  }

  /** From the start of the process to `ready`, ms. */
  get readyAfterMs(): number {
    return this.#whenReady().afterMs
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Everything it logged so far. */
  get lines(): readonly LogLine[] {
    return this.#lines
  }

  /** What it said, for a person who looks for the reason. */
  get output(): string {
    return [...this.#other, ...this.#lines.map((line) => JSON.stringify(line))].join('\n')
  }

  /** Waits for a line of the log. @throws when the process ends without it, or after 30 s */
  async said(message: string): Promise<LogLine> {
    const find = (): LogLine | undefined => this.#lines.find(({ msg }) => msg === message)
    const over = Date.now() + PATIENCE_MS
    for (let line = find(); ; line = find()) {
      if (line !== undefined) return line
      if (this.#ended || Date.now() > over) throw new Error(`no "${message}":\n${this.output}`)
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, Math.max(0, over - Date.now()))
        this.#look = () => {
          clearTimeout(late)
          resolve()
        }
      })
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits for its end, at most 30 s. @returns the exit code, or the signal that ended it */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS)
    await this.#closed
    clearTimeout(limit)
    return this.#child.signalCode ?? this.#child.exitCode
  }

  /** Ends it in order. @returns the exit code */
  stop(): Promise<number | NodeJS.Signals | null> {
    this.signal('SIGTERM')
    return this.ended()
  }

  /** A crash at this instant. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended()
  }

  /** Asks the API. */
  async get(path: string): Promise<{ status: number; type: string; text: string }> {
    const response = await fetch(`${this.url}${path}`)
    const type = response.headers.get('content-type') ?? ''
    return { status: response.status, type, text: await response.text() }
  }

  /** Resident memory of the process, MB. */
  async memoryMb(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #whenReady(): z.infer<typeof readyLine> {
    if (this.#ready === undefined) throw new Error(`not ready:\n${this.output}`)
    return this.#ready
  }

  #follow(stream: Readable): void {
    createInterface({ input: stream }).on('line', (text) => {
      const line = logLine.safeParse(jsonOf(text))
      if (line.success) this.#lines.push(line.data)
      else this.#other.push(text)
      if (line.success && line.data.msg === 'ready') this.#ready = readyLine.parse(line.data)
      this.#look()
    })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('latest'), data: z.array(inspectionMessage).readonly() }),
  z.object({ type: z.literal('inspection'), data: inspectionMessage }),
])

/** Somebody who watches `/ws/realtime` and keeps every inspection that was said to be on disk, by sequence. */
export class Watcher {
  readonly inspections = new Map<number, InspectionMessage>()
  readonly #socket: WebSocket
  #look: () => void = () => {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => this.#look())
    socket.on('message', (text) => this.#hear(String(text)))
  }

  /** @param url of the API */
  static async open(url: string): Promise<Watcher> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/realtime`)
    const watcher = new Watcher(socket)
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'subscribe', rate: 'all' }))
    return watcher
  }

  /** Resolves when that many different inspections have come. @throws when the connection ends before */
  async seen(count: number): Promise<readonly InspectionMessage[]> {
    while (this.inspections.size < count) {
      if (this.#socket.readyState === WebSocket.CLOSED)
        throw new Error(`${this.inspections.size} of ${count}`)
      await new Promise<void>((resolve) => {
        this.#look = resolve
      })
    }
    return [...this.inspections.values()].sort((a, b) => a.sequence - b.sequence)
  }

  close(): void {
    this.#socket.terminate()
  }

  #hear(text: string): void {
    const heard = event.safeParse(JSON.parse(text))
    if (heard.success) {
      for (const message of [heard.data.data].flat()) this.inspections.set(message.sequence, message)
    } else if (/^\{"type":"(latest|inspection)"/.test(text)) {
      throw new Error(`not an inspection: ${heard.error.message}: ${text}`)
    }
    this.#look()
  }
}
