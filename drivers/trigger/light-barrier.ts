import type { Clock } from '../clock.ts'
import { type Edge, type Gpio, type LineSpec, nameOf } from '../gpio.ts'
import { Beam, type BeamNews, type BeamOptions } from './beam.ts'
import { keepWatching } from './keep-watching.ts'
import { TriggerError } from './trigger.ts'

export interface LightBarrierOptions extends Partial<BeamOptions> {
  readonly line: LineSpec
  /** Whether the line is active while the beam is interrupted. Default true. */
  readonly activeWhenBlocked?: boolean
}

/** Who is told. */
export interface BarrierListener {
  /** A part came. @param at monotonic ms of its leading edge, which lies a little in the past */
  readonly part: (at: number) => void
  /** Parts may come unseen; with undefined: all is well again. */
  readonly trouble: (error: TriggerError | undefined) => void
}

/** Metal and plastic parts on a belt of 0.1 to 1 m/s; anything else says what it needs. */
const DEFAULTS: BeamOptions = { minBlockedMs: 5, minGapMs: 10, maxBlockedMs: 5000 }

/**
 * Tells the parts that interrupt a light barrier, until the signal aborts. A line that fails is tried again.
 * @throws RangeError for options that contradict each other
 */
export async function watchLightBarrier(
  gpio: Gpio,
  clock: Clock,
  options: LightBarrierOptions & { readonly told: BarrierListener },
  signal: AbortSignal,
): Promise<void> {
  const { line, activeWhenBlocked = true } = options
  const barrier = new Barrier(clock, line, { ...beamOf(options), ...options.told })
  try {
    const input = {
      spec: line,
      begun: (active: boolean, at: number) => barrier.begin(active === activeWhenBlocked, at),
      changed: ({ active, at }: Edge) => barrier.edge(active === activeWhenBlocked, at),
      lost: (error: Error) => barrier.lost(error),
    }
    await keepWatching(gpio, clock, input, signal)
  } finally {
    barrier.end()
  }
}

function beamOf(options: Partial<BeamOptions>): BeamOptions {
  const { minBlockedMs, minGapMs, maxBlockedMs } = { ...DEFAULTS, ...options }
  for (const [name, value] of Object.entries({ minBlockedMs, minGapMs, maxBlockedMs })) {
    if (!(value >= 0)) throw new RangeError(`${name}: expected 0 or more, not ${value}`)
  }
  if (maxBlockedMs <= minBlockedMs) {
    throw new RangeError(
      `maxBlockedMs: expected more than minBlockedMs (${minBlockedMs}), not ${maxBlockedMs}`,
    )
  }
  return { minBlockedMs, minGapMs, maxBlockedMs }
}

/** A beam with a clock. */
class Barrier {
  readonly #clock: Clock
  readonly #line: LineSpec
  readonly #options: BeamOptions & BarrierListener
  readonly #beam: Beam
  #cancel = (): void => {}
  #troubled = false

  constructor(clock: Clock, line: LineSpec, options: BeamOptions & BarrierListener) {
    this.#clock = clock
    this.#line = line
    this.#options = options
    this.#beam = new Beam(options)
  }

  begin(blocked: boolean, at: number): void {
    this.#beam.begin(blocked, at)
    this.#well()
    this.#await()
  }

  edge(blocked: boolean, at: number): void {
    this.#tell(this.#beam.edge(blocked, at))
    this.#await()
  }

  lost(error: Error): void {
    this.#cancel()
    this.#trouble(
      new TriggerError('lost', `the light barrier is not watched: ${error.message}`, { cause: error }),
    )
  }

  end(): void {
    this.#cancel()
  }

  #await(): void {
    this.#cancel()
    const { lookAt } = this.#beam
    if (lookAt === undefined) return
    this.#cancel = this.#clock.after(lookAt - this.#clock.now(), () => {
      this.#tell(this.#beam.look(this.#clock.now()))
      this.#await()
    })
  }

  #tell({ part, jammed }: BeamNews): void {
    if (part !== undefined) this.#options.part(part)
    if (jammed === true) {
      const { maxBlockedMs } = this.#options
      const detail = `${nameOf(this.#line)}: the light barrier is blocked for more than ${maxBlockedMs} ms`
      this.#trouble(new TriggerError('jammed', detail))
    } else if (jammed === false) {
      this.#well()
    }
  }

  #trouble(error: TriggerError): void {
    this.#troubled = true
    this.#options.trouble(error)
  }

  #well(): void {
    if (!this.#troubled) return
    this.#troubled = false
    this.#options.trouble(undefined)
  }
}
