import { type Clock, systemClock } from '../clock.ts'
import {
  type Edge,
  type EdgeWatch,
  type Gpio,
  type InputLine,
  LineError,
  type LineSpec,
  nameOf,
  type OutputLine,
} from '../gpio.ts'
import { type Chips, chipsOf, type GpiodLine, isGpiod } from './gpio-chips.ts'
import type { Dialect } from './gpio-events.ts'
import { gpiomonDialect, watchEdges } from './gpio-watch.ts'

export interface GpioOptions {
  /** Imports node-libgpiod; it is optional, because it needs the headers of libgpiod 1.x to compile. */
  readonly load?: () => Promise<unknown>
  /** The program that tells edges. Default: `gpiomon` on the path. */
  readonly gpiomon?: string
  /** Whose time edges are told in. Default: the system's. */
  readonly clock?: Clock
}

/**
 * The digital lines of this machine. A chip is named (`gpiochip0`), labelled (`pinctrl-rp1`) or given by its path.
 * @throws LineError `no-library`
 */
export async function openGpio(options: GpioOptions = {}): Promise<Gpio> {
  const { load = () => import('node-libgpiod'), gpiomon = 'gpiomon', clock = systemClock } = options
  const library = await load().catch((error: unknown) => {
    const advice = 'install libgpiod 1.x and the optional package node-libgpiod, or npm rebuild node-libgpiod'
    throw new LineError('no-library', `digital lines are not available: ${advice}`, { cause: error })
  })
  if (!isGpiod(library))
    throw new LineError('no-library', 'node-libgpiod has no Chip: version 0.5 is expected')
  return new GpiodLines(chipsOf(library), gpiomon, clock)
}

/** GPIOD_LINE_REQUEST_FLAG_… of libgpiod 1.6, gpiod.h. */
const ACTIVE_LOW = 1 << 2
const BIAS = { disabled: 1 << 3, 'pull-down': 1 << 4, 'pull-up': 1 << 5 } as const
const CONSUMER = 'poincon'

class GpiodLines implements Gpio {
  readonly #chips: Chips
  readonly #gpiomon: string
  readonly #clock: Clock
  readonly #aheadMs: number
  #dialect: Dialect | undefined

  constructor(chips: Chips, gpiomon: string, clock: Clock) {
    this.#chips = chips
    this.#gpiomon = gpiomon
    this.#clock = clock
    this.#aheadMs = kernelAheadMs(clock)
  }

  output(spec: LineSpec, initial: boolean): Promise<OutputLine> {
    return settled(() => {
      const line = this.#chips.line(spec)
      const request = (): void => line.requestOutputModeFlags(CONSUMER, flagsOf(spec), initial ? 1 : 0)
      this.#chips.told(spec, request, line)
      return this.#outputOf(spec, line)
    })
  }

  input(spec: LineSpec): Promise<InputLine> {
    return settled(() => {
      const line = this.#chips.line(spec)
      this.#chips.told(spec, () => line.requestInputModeFlags(CONSUMER, flagsOf(spec)), line)
      const read = this.#whileOpen(spec, line, () => line.getValue() === 1)
      return { read: read.use, close: () => read.close() }
    })
  }

  async watch(
    spec: LineSpec,
    changed: (edge: Edge) => void,
    ended: (error: LineError) => void,
  ): Promise<EdgeWatch> {
    this.#dialect ??= await gpiomonDialect(this.#gpiomon)
    const line = this.#chips.line(spec)
    const held = (): boolean =>
      this.#chips.told(spec, () => {
        line.update()
        return line.used
      })
    if (held()) throw new LineError('busy', `${nameOf(spec)}: it is in use by ${line.consumer}`)
    const watcher = { gpiomon: this.#gpiomon, clock: this.#clock, aheadMs: this.#aheadMs }
    const chip = this.#chips.nameOf(spec)
    return await watchEdges(watcher, this.#dialect, { spec, chip, held, changed, ended })
  }

  #outputOf(spec: LineSpec, line: GpiodLine): OutputLine {
    const level = this.#whileOpen(spec, line, (active: boolean) => line.setValue(active ? 1 : 0))
    return { set: level.use, close: () => level.close(() => level.use(false)) }
  }

  /** What may be done with a line until it is given back, and how it is. */
  #whileOpen<A extends readonly unknown[], T>(spec: LineSpec, line: GpiodLine, act: (...with_: A) => T) {
    let open = true
    return {
      use: (...given: A): T => {
        if (!open) throw new LineError('failed', `${nameOf(spec)}: it is closed`)
        return this.#chips.told(spec, () => act(...given))
      },
      close: (last: () => void = () => {}): void => {
        if (!open) return
        try {
          last()
        } finally {
          open = false
          line.release()
        }
      },
    }
  }
}

function flagsOf({ activeLow, bias }: LineSpec): number {
  return (activeLow === true ? ACTIVE_LOW : 0) | (bias === undefined ? 0 : BIAS[bias])
}

/** Runs now; what it throws is the promise's. */
function settled<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => resolve(act()))
}

/** How much CLOCK_MONOTONIC, which the kernel stamps edges with and `hrtime` reads, is ahead of a clock, ms. */
function kernelAheadMs(clock: Clock): number {
  const before = clock.now()
  const kernel = Number(process.hrtime.bigint()) / 1e6
  return kernel - (before + clock.now()) / 2
}
