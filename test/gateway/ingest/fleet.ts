import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { systemClock } from '../../../drivers/clock.ts'
import { ConfirmationWatch } from '../../../gateway/confirmation/watch.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { Endpoint } from '../../../gateway/mqtt/link.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import type { Outbox, OutboxEntry } from '../../../gateway/outbox.ts'
import { Pump } from '../../../gateway/pump.ts'
import type { Author } from './history.ts'

const SCRIPT = fileURLToPath(new URL('./worker-process.js', import.meta.url))
/** How long a test waits for something to come true, on a machine that does other things as well. */
const PATIENCE_MS = 60_000

/** Asks until it holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`it never held: ${holds}`)
    await delay(25)
  }
}

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #log = ''

  private constructor(args: readonly string[]) {
    this.#args = args
  }

  /** @param config as `ingest.yaml` has it */
  static async make(folder: string, name: string, config: unknown): Promise<WorkerProcess> {
    const file = join(folder, `ingest-${name}.yaml`)
    await writeFile(file, stringify(config))
    return new WorkerProcess(['run', '--config', file, '--name', name])
  }

  /** Starts it and waits until it takes what comes. */
  async start(says = '"ready"'): Promise<void> {
    this.#log = ''
    const child = spawn(process.execPath, [SCRIPT, ...this.#args], { stdio: ['ignore', 'ignore', 'pipe'] })
    process.once('exit', () => child.kill('SIGKILL'))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
    })
    this.#child = child
    await until(() => this.#log.includes(says) || child.exitCode !== null)
    if (child.exitCode !== null) throw new Error(`the worker ended: ${this.#log}`)
  }

  /** What it logged in this run. */
  get log(): string {
    return this.#log
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** @returns its exit code, or the signal that ended it */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string | null> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null
    const exit = once(child, 'exit')
    child.kill(signal)
    const [code, ended] = await exit
    return code ?? ended
  }
}

/** A station's way out: its log in memory, the real sink, the real pump, and the watch over confirmations. */
export class StationOut {
  readonly sink: MqttSink
  readonly watch: ConfirmationWatch
  readonly log: CursorLog
  readonly #pump: Pump
  readonly #end = new AbortController()

  constructor(
    author: Author,
    entries: readonly OutboxEntry[],
    options: { readonly url: string; readonly stalledMs: number; readonly endpoint?: Partial<Endpoint> },
  ) {
    const { device, station, epoch } = author
    const topics = stationTopics({ site: 'lyon', line: 'l1', station })
    this.log = new CursorLog(entries)
    this.sink = new MqttSink({
      name: 'upstream',
      endpoint: {
        url: options.url,
        protocolVersion: '3.1.1',
        clientId: `poincon-${device}`,
        ...options.endpoint,
      },
      ...{ topics, clock: systemClock, log: silentLog },
      backoff: { firstMs: 20, longestMs: 100 },
      facts: () => ({ device_id: device, site: 'lyon', line: 'l1', station, software: 'test' }),
    })
    this.#pump = new Pump({
      ...{
        outbox: this.log,
        sink: this.sink,
        backlog: () => this.log.backlog,
        clock: systemClock,
        log: silentLog,
      },
      ...{ backoff: { firstMs: 20, longestMs: 100 }, graceMs: 0 },
    })
    const { log } = this
    this.watch = new ConfirmationWatch({
      topic: `${topics.base}/confirmed`,
      store: {
        deviceId: device,
        epochs: () => [{ epoch, base: 0, end: log.entries.length }],
        hashAt: (_epoch, sequence) => Promise.resolve(log.hashOf(sequence)),
        delivered: () => log.position,
        rewind: (position) => Promise.resolve(log.rewind(position)),
        kept: {
          position: () => log.kept,
          advance: async (position) => {
            await log.keep(position)
          },
          rewind: (position) => log.keep(position),
        },
      },
      listen: (topic, receive) =>
        this.sink.listen([topic], ({ payload, retain }) => receive(payload, retain ?? false)),
      limits: { stalledMs: options.stalledMs, longestMs: 10_000 },
      ...{ clock: systemClock, log: silentLog },
    })
  }

  async start(): Promise<void> {
    for (const unit of [this.sink, this.#pump, this.watch]) await unit.start(this.#end.signal)
  }

  async stop(): Promise<void> {
    for (const unit of [this.watch, this.#pump, this.sink]) await unit.stop()
  }

  fact(name: string): unknown {
    return this.watch.status().facts?.[name]
  }
}

/** A log with one sink's cursor, that can be put back. */
export class CursorLog implements Outbox {
  readonly entries: OutboxEntry[]
  position = 0
  /** What retention may free. */
  kept = 0
  #handed = 0
  #generation = 0
  #wake: (() => void)[] = []

  constructor(entries: readonly OutboxEntry[]) {
    this.entries = [...entries]
  }

  get backlog(): number {
    return this.entries.length - this.position
  }

  append(...entries: readonly OutboxEntry[]): void {
    this.entries.push(...entries)
    this.#wakeAll()
  }

  hashOf(sequence: number): string | undefined {
    return /"hash":"([0-9a-f]{64})"/.exec(this.entries[sequence - 1]?.payload ?? '')?.[1]
  }

  async next(_sink: string, limit: number, signal: AbortSignal): Promise<readonly OutboxEntry[]> {
    while (this.backlog === 0) {
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(signal.reason)
        signal.addEventListener('abort', abort, { once: true })
        this.#wake.push(() => {
          signal.removeEventListener('abort', abort)
          resolve()
        })
      })
    }
    this.#handed = this.#generation
    return this.entries.slice(this.position, this.position + limit)
  }

  advance(_sink: string, sequence: number): Promise<void> {
    if (this.#handed === this.#generation) this.position = Math.max(this.position, sequence)
    return Promise.resolve()
  }

  rewind(position: number): number {
    this.#generation += 1
    this.position = Math.min(this.position, position)
    this.#wakeAll()
    return this.position
  }

  keep(position: number): Promise<number> {
    this.kept = position
    return Promise.resolve(position)
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}
