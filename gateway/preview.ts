import type { Clock } from '../drivers/clock.ts'
import { everyInterval } from '../drivers/trigger/interval.ts'
import type { BusHead } from './inspect.ts'
import type { HeadKind, Measurement } from './inspection.ts'
import type { PreviewMessage } from './message.ts'
import { headBlock } from './message-blocks.ts'
import type { Unit } from './station.ts'

/** Where previews go, and whether anybody looks. */
export interface PreviewScreen {
  /** Whether somebody would see what is shown under this name. */
  watched(name: string): boolean
  show(name: string, payload: Uint8Array): void
}

export interface PreviewOptions {
  readonly heads: readonly BusHead[]
  /** The newest picture as a small JPEG, where there is a camera that has one. */
  readonly picture: () => Promise<Uint8Array | undefined>
  readonly screen: PreviewScreen
  readonly clock: Clock
  /** Whether no part is under the heads. */
  readonly idle: () => boolean
}

/** Two pictures a second are a live view; more would cost the line. */
const PERIOD_MS = 500

const NAMES: Readonly<Record<HeadKind, string>> = { vl53l8ch: 'tof', as7341: 'spectrum' }

/**
 * A live view of what the heads see, for whoever aligns one: only while somebody looks, and never at the cost of a
 * part. While parts come their own measurements are shown; while none comes the heads are asked for one.
 */
export class Preview implements Unit {
  readonly name = 'preview'
  readonly #options: PreviewOptions
  readonly #ended = new AbortController()
  #asking = new AbortController()
  #work: Promise<void> | undefined
  #loop: Promise<void> = Promise.resolve()
  readonly #begun = new Map<string, number>()

  constructor(options: PreviewOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    const { clock } = this.#options
    this.#loop = everyInterval(clock, PERIOD_MS, () => this.#tick(), this.#ended.signal)
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    this.#asking.abort()
    await this.#loop
    await this.#work
  }

  /** A part has come: the heads are its own. */
  makeWay(): void {
    this.#asking.abort()
  }

  /** What the heads said about a part. */
  measured(measurements: ReadonlyMap<string, Measurement>): void {
    for (const head of this.#firstOfKind()) {
      const measurement = measurements.get(head.id)
      if (measurement !== undefined && this.#due(NAMES[head.kind])) this.#show(head, measurement)
    }
  }

  /** One look at a time: what takes longer than a period is shown less often. */
  #tick(): void {
    this.#work ??= this.#look()
      .catch(() => {})
      .finally(() => {
        this.#work = undefined
      })
  }

  async #look(): Promise<void> {
    const { screen, picture } = this.#options
    if (screen.watched('camera')) {
      const image = await picture()
      if (image !== undefined) screen.show('camera', image)
    }
    this.#asking = new AbortController()
    await Promise.all(this.#firstOfKind().map((head) => this.#ask(head)))
  }

  async #ask(head: BusHead): Promise<void> {
    const { clock, idle } = this.#options
    const { signal } = this.#asking
    if (!idle() || this.#ended.signal.aborted || !this.#due(NAMES[head.kind])) return
    try {
      const measurement = await (head.next?.(signal) ?? head.measure(clock.now(), signal))
      this.#show(head, measurement)
    } catch {
      // A head that fails says so by itself; a part that comes is no failure.
    }
  }

  /** The station's main heads. */
  #firstOfKind(): readonly BusHead[] {
    const { heads } = this.#options
    return heads.filter((head) => heads.find(({ kind }) => kind === head.kind) === head)
  }

  /** Somebody looks, and nothing was begun to be shown for a while: whoever asks begins. */
  #due(name: string): boolean {
    const { clock, screen } = this.#options
    const begun = this.#begun.get(name) ?? Number.NEGATIVE_INFINITY
    if (clock.now() - begun < PERIOD_MS * 0.9 || !screen.watched(name)) return false
    this.#begun.set(name, clock.now())
    return true
  }

  #show(head: BusHead, measurement: Measurement): void {
    if (measurement.kind === 'camera') return
    const { clock, screen } = this.#options
    const name = NAMES[head.kind]
    const timestamp = new Date(clock.wall()).toISOString()
    const preview: PreviewMessage = {
      schema: 'poincon.preview/1',
      head: head.id,
      timestamp,
      ...headBlock(measurement),
    }
    screen.show(name, Buffer.from(JSON.stringify(preview)))
  }
}
