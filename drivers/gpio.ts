/** Which pin, and how it is wired. */
export interface LineSpec {
  /** `gpiochip0`, or `simulated`. */
  readonly chip: string
  /** Offset within the chip. */
  readonly line: number
  /** Whether a low level means active. Default false. */
  readonly activeLow?: boolean
  /** Of an input; default: as the pin is. */
  readonly bias?: 'pull-up' | 'pull-down' | 'disabled'
}

/** Why a line cannot be used. */
export type LineFault = 'no-library' | 'no-chip' | 'no-line' | 'no-permission' | 'busy' | 'failed'

/** A line that could not be had, set, read or watched. */
export class LineError extends Error {
  override readonly name = 'LineError'
  readonly fault: LineFault

  constructor(fault: LineFault, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.fault = fault
  }
}

/** One digital output. */
export interface OutputLine {
  /** Takes effect before it returns. @throws LineError */
  set(active: boolean): void
  /** Makes it inactive and gives it back. @throws LineError when it could not be made inactive; it is given back all the same */
  close(): void
}

/** One digital input. */
export interface InputLine {
  /** The level now, never a remembered one. @throws LineError */
  read(): boolean
  close(): void
}

/** An input changed. */
export interface Edge {
  readonly active: boolean
  /** Monotonic ms of the clock at which it did: the kernel's time where it gives one. */
  readonly at: number
}

/** An input whose changes are told. */
export interface EdgeWatch {
  close(): Promise<void>
}

/** The digital lines of the machine. A line belongs to whoever asked for it first, until it is closed. */
export interface Gpio {
  /** @throws LineError */
  output(spec: LineSpec, initial: boolean): Promise<OutputLine>
  /** @throws LineError */
  input(spec: LineSpec): Promise<InputLine>
  /**
   * Tells every change of a line from now on, in order.
   * @param ended called once when the watch breaks by itself; the line is given back then
   * @throws LineError
   */
  watch(spec: LineSpec, changed: (edge: Edge) => void, ended: (error: LineError) => void): Promise<EdgeWatch>
}

/** `gpiochip0/17`, as messages name a line. */
export function nameOf({ chip, line }: LineSpec): string {
  return `${chip}/${line}`
}
