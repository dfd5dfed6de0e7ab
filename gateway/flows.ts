import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

/** `flows` of `poincon.yaml`. */
export const flowsOptions = z.strictObject({
  enabled: z.boolean().default(true).describe('Starts Node-RED as a child process.'),
  port: z
    .int()
    .min(0)
    .max(65535)
    .default(1880)
    .describe('Port of the editor and of `/station/`, on 127.0.0.1.'),
  alert_after_rejects: z.int().min(1).max(1000).default(3).describe('Rejects in a row that raise an alert.'),
})
export type FlowsOptions = Readonly<z.infer<typeof flowsOptions>>

export interface FlowsProcessOptions {
  readonly flows: FlowsOptions
  /** Where Node-RED finds the station; read at every start, because an embedded broker's port is known only then. */
  readonly mqtt: {
    readonly host: string
    readonly port: number
    readonly topicBase: string
    /** What it presents to the broker; absent: nothing. */
    readonly username?: string
    readonly password?: string
  }
  /** The release's flows: holds settings.cjs. */
  readonly folder: string
  /** Flows in place of the release's; asked at every start. Undefined: the release's. */
  readonly shipped?: () => string | undefined
  /** Where Node-RED keeps its files; made if missing. */
  readonly userDir: string
  /** What the child may see of the environment: `PATH`, `TZ` and the like, no secrets. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly log: Log
  /** Between SIGTERM and SIGKILL at `stop`. Default 5000 ms. */
  readonly graceMs?: number
  /** Default: 1 s, doubled up to 60 s. */
  readonly backoff?: Backoff
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
}

/** What the child may inherit. */
const INHERITED = ['PATH', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS'] as const
/** A process that ran this long was healthy: the next one starts soon. */
const STEADY_MS = 60_000
/** The last words of a process, for the log line that says it ended. */
const LAST_LINES = 8
const LAST_WORDS_MS = 200

const logLine = z.object({ level: z.number(), text: z.string().optional(), node: z.string().optional() })

/**
 * Node-RED as a process of its own: started again with backoff whenever it ends, ended with the gateway. Whatever
 * happens to it, the gateway goes on.
 */
export class FlowsProcess implements Unit {
  readonly name = 'flows'
  readonly #options: FlowsProcessOptions
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #child: ChildProcess | undefined
  #started = false
  #restarts = 0
  #trouble: string | undefined
  #lastLines: string[] = []

  constructor(options: FlowsProcessOptions) {
    this.#options = options
  }

  /** Starts Node-RED; resolves at once, its flows run seconds later. */
  start(): Promise<void> {
    this.#running = this.#run(this.#ended.signal)
    return Promise.resolve()
  }

  /** Asks Node-RED to end, waits for it, kills it after the grace time. */
  async stop(): Promise<void> {
    const { clock, graceMs = 5000 } = this.#options
    this.#ended.abort()
    const child = this.#child
    child?.kill('SIGTERM')
    const exited = new AbortController()
    const grace = clock.sleep(graceMs, exited.signal).then(
      () => child?.kill('SIGKILL'),
      () => {},
    )
    await this.#running
    exited.abort()
    await grace
  }

  /** Ends Node-RED; it comes again with the flows that are in force then. */
  restart(): void {
    this.#started = false
    this.#child?.kill('SIGTERM')
  }

  status(): UnitStatus {
    const pid = this.#child?.pid
    const facts = {
      port: this.#options.flows.port,
      running: this.#started,
      restarts: this.#restarts,
      ...(pid === undefined ? {} : { pid }),
    }
    if (this.#trouble !== undefined) return { state: 'degraded', detail: this.#trouble, facts }
    return this.#started
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: 'Node-RED is starting', facts }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log, backoff = { firstMs: 1000, longestMs: 60_000 }, random = Math.random } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const since = clock.now()
      const reason = await this.#once(signal)
      this.#started = false
      if (signal.aborted) return
      failures = clock.now() - since > STEADY_MS ? 1 : failures + 1
      const retryInMs = Math.round(backoffMs(failures, backoff, random))
      this.#trouble = reason
      this.#restarts += 1
      log.warn({ reason, failures, retryInMs, lines: this.#lastLines }, 'Node-RED ended')
      await clock.sleep(retryInMs, signal).catch(() => {})
    }
  }

  /** One process from beginning to end; never rejects. @returns why it ended */
  async #once(signal: AbortSignal): Promise<string> {
    this.#lastLines = []
    try {
      await mkdir(this.#options.userDir, { recursive: true })
      if (signal.aborted) return 'stopped'
      const child = this.#spawn()
      this.#child = child
      const closed = once(child, 'close')
      const [code, killedBy]: unknown[] = await once(child, 'exit')
      // Its last lines; a process of its own that it left behind may hold the pipe open for ever.
      await Promise.race([closed, this.#options.clock.sleep(LAST_WORDS_MS)])
      return this.#explain(code, killedBy)
    } catch (error) {
      return `Node-RED cannot be started: ${error instanceof Error ? error.message : error}`
    } finally {
      this.#child = undefined
    }
  }

  #spawn(): ChildProcess {
    const { folder, flows, mqtt, userDir, env } = this.#options
    const shipped = this.#options.shipped?.()
    const script = createRequire(import.meta.url).resolve('node-red/red.js')
    const inherited = INHERITED.flatMap((key) => (env[key] === undefined ? [] : [[key, env[key]] as const]))
    const child = spawn(process.execPath, [script, '--settings', `${folder}/settings.cjs`], {
      // The child ends when this pipe does, so it never outlives a gateway that was killed.
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(inherited),
        HOME: userDir,
        POINCON_FLOWS_PARENT: 'stdin',
        POINCON_FLOWS_LOG: 'json',
        POINCON_FLOWS_DIR: userDir,
        ...(shipped === undefined ? {} : { POINCON_FLOWS_SHIPPED: shipped }),
        POINCON_FLOWS_PORT: String(flows.port),
        POINCON_FLOWS_TOPIC: mqtt.topicBase,
        POINCON_FLOWS_ALERT_AFTER_REJECTS: String(flows.alert_after_rejects),
        POINCON_MQTT_HOST: mqtt.host,
        POINCON_MQTT_PORT: String(mqtt.port),
        ...(mqtt.username === undefined ? {} : { POINCON_MQTT_USERNAME: mqtt.username }),
        ...(mqtt.password === undefined ? {} : { POINCON_MQTT_PASSWORD: mqtt.password }),
      },
    })
    child.stdin.on('error', () => {})
    this.#follow(child.stdout)
    this.#follow(child.stderr)
    return child
  }

  #follow(stream: Readable): void {
    createInterface({ input: stream }).on('line', (line) => {
      const { text, ...fields } = parseLine(line)
      if (text.trim() === '') return
      this.#options.log.debug(fields, text)
      this.#lastLines = [...this.#lastLines.slice(1 - LAST_LINES), text]
      if (text.includes('Started flows')) {
        this.#started = true
        this.#trouble = undefined
      }
    })
  }

  #explain(code: unknown, killedBy: unknown): string {
    if (this.#lastLines.some((line) => /port in use/i.test(line))) {
      const { port } = this.#options.flows
      return `port ${port} on 127.0.0.1 is taken: end what uses it, or set flows.port (POINCON_FLOWS_PORT) to another one`
    }
    return killedBy === null ? `Node-RED ended with code ${code}` : `Node-RED was ended by ${killedBy}`
  }
}

/** A line of settings.cjs' JSON log, or of whatever else prints. */
function parseLine(line: string): { readonly text: string; readonly node?: string | undefined } {
  try {
    const { text, node } = logLine.parse(JSON.parse(line))
    return { text: text ?? '', ...(node === undefined ? {} : { node }) }
  } catch {
    return { text: line }
  }
}
