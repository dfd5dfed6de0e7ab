import { type EdgeWatch, type Gpio, LineError, type LineSpec, nameOf, type OutputLine } from '../gpio.ts'

/** A level, and since when: monotonic ms; undefined when it was found so. */
export type LevelTold = (active: boolean, at: number | undefined) => void

/** One pin of the plugin: acquired in the background, because johnny-five does not wait. */
export interface Pin {
  /** Why it is not what was asked of it; undefined when it is. */
  readonly fault: LineError | undefined
  /** Asks for its line in the background. */
  open(): void
  /** Asks again, if that failed. */
  mend(): void
  /** Resolves when it is acquired, or has failed. */
  settled(): Promise<void>
  /** Gives the line back; an output is inactive then. */
  close(): Promise<void>
}

/** An output that remembers what it shall be, and is that as soon as it has its line. */
export class OutputPin implements Pin {
  readonly #gpio: Gpio
  readonly #spec: LineSpec
  #line: OutputLine | undefined
  #active = false
  #closed = false
  #fault: LineError | undefined
  #acquiring: Promise<void> = Promise.resolve()

  constructor(gpio: Gpio, spec: LineSpec) {
    this.#gpio = gpio
    this.#spec = spec
  }

  get fault(): LineError | undefined {
    return this.#fault
  }

  /** Never throws: what fails is `fault`, until `mend`. */
  set(active: boolean): void {
    this.#active = active
    const line = this.#line
    if (line === undefined) return
    try {
      line.set(active)
    } catch (error) {
      this.#fault = asLineError(error, this.#spec)
      this.#line = undefined
      letGo(line)
    }
  }

  open(): void {
    this.#acquiring = this.#acquire()
  }

  mend(): void {
    if (this.#fault !== undefined && !this.#closed) this.open()
  }

  settled(): Promise<void> {
    return this.#acquiring
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#acquiring
    const line = this.#line
    this.#line = undefined
    if (line !== undefined) letGo(line)
  }

  async #acquire(): Promise<void> {
    this.#fault = undefined
    try {
      const initial = this.#active
      this.#line = await this.#gpio.output(this.#spec, initial)
      if (initial !== this.#active) this.set(this.#active)
    } catch (error) {
      this.#fault = asLineError(error, this.#spec)
    }
  }
}

/** An input whose level is told when it was found, and at each change. */
export class InputPin implements Pin {
  readonly #gpio: Gpio
  readonly #spec: LineSpec
  readonly #listeners: LevelTold[] = []
  #watch: EdgeWatch | undefined
  #closed = false
  #fault: LineError | undefined
  #acquiring: Promise<void> = Promise.resolve()

  constructor(gpio: Gpio, spec: LineSpec) {
    this.#gpio = gpio
    this.#spec = spec
  }

  get fault(): LineError | undefined {
    return this.#fault
  }

  /** Before `open`: the level found is told once. */
  listen(told: LevelTold): void {
    this.#listeners.push(told)
  }

  open(): void {
    this.#acquiring = this.#acquire()
  }

  mend(): void {
    if (this.#fault !== undefined && !this.#closed) this.open()
  }

  settled(): Promise<void> {
    return this.#acquiring
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#acquiring
    const watch = this.#watch
    this.#watch = undefined
    await watch?.close()
  }

  async #acquire(): Promise<void> {
    this.#fault = undefined
    try {
      // A watch tells changes only, and a line has one owner: it is read first. A change between the two is seen with
      // the next one.
      this.#tell(await this.#level(), undefined)
      this.#watch = await this.#gpio.watch(
        this.#spec,
        ({ active, at }) => this.#tell(active, at),
        (error) => {
          this.#watch = undefined
          this.#fault = error
        },
      )
    } catch (error) {
      this.#fault = asLineError(error, this.#spec)
    }
  }

  async #level(): Promise<boolean> {
    const line = await this.#gpio.input(this.#spec)
    try {
      return line.read()
    } finally {
      line.close()
    }
  }

  #tell(active: boolean, at: number | undefined): void {
    if (this.#closed) return
    for (const told of this.#listeners) told(active, at)
  }
}

/** A line that failed may fail at this too, and is as gone. */
function letGo(line: OutputLine): void {
  try {
    line.close()
  } catch {
    // The fault that matters is told already, or there is nobody left to tell.
  }
}

function asLineError(error: unknown, spec: LineSpec): LineError {
  if (error instanceof LineError) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new LineError('failed', `${nameOf(spec)}: ${detail}`, { cause: error })
}
