import type { Gpio, InputLine, LineSpec, OutputLine } from '../gpio.ts'
import type { BeltGateOptions } from './options.ts'

export type GateOutput = 'pass' | 'hold' | 'stop' | 'kick' | 'accept' | 'reject' | 'ready'

interface Output {
  readonly line: OutputLine
  /** Undefined after a fault: it may be anything. */
  active: boolean | undefined
}

/** The wires of a gate, all inactive from the moment they are taken. */
export class GateLines {
  readonly #outputs: Map<GateOutput, Output>
  readonly #feedback: InputLine | undefined

  private constructor(outputs: Map<GateOutput, Output>, feedback: InputLine | undefined) {
    this.#outputs = outputs
    this.#feedback = feedback
  }

  /** Takes all or none. @throws LineError */
  static async open(gpio: Gpio, options: BeltGateOptions): Promise<GateLines> {
    const outputs = new Map<GateOutput, Output>()
    const lines = new GateLines(outputs, undefined)
    try {
      for (const [name, spec] of outputsOf(options)) {
        outputs.set(name, { line: await gpio.output(spec, false), active: false })
      }
      if (options.feedback === undefined) return lines
      return new GateLines(outputs, await gpio.input(options.feedback.line))
    } catch (error) {
      lines.close()
      throw error
    }
  }

  /** One that is not wired never changes. @returns whether it changed @throws LineError */
  set(name: GateOutput, active: boolean): boolean {
    const output = this.#outputs.get(name)
    if (output === undefined || output.active === active) return false
    output.active = undefined
    output.line.set(active)
    output.active = active
    return true
  }

  /** Whether the flap lies so that parts pass. @throws LineError */
  flapPasses(): boolean {
    return this.#feedback?.read() ?? false
  }

  /** Gives every line back, the ones that fail too; from then on none is wired. */
  close(): void {
    for (const { line } of this.#outputs.values()) quietly(() => line.close())
    this.#outputs.clear()
    quietly(() => this.#feedback?.close())
  }
}

function outputsOf(options: BeltGateOptions): readonly (readonly [GateOutput, LineSpec])[] {
  const { pass, hold, stop, kicks, plc } = options
  const wired: readonly (readonly [GateOutput, LineSpec | undefined])[] = [
    ['pass', pass],
    ['hold', hold],
    ['stop', stop],
    ['kick', kicks?.line],
    ['accept', plc?.accept],
    ['reject', plc?.reject],
    ['ready', plc?.ready],
  ]
  return wired.flatMap(([name, spec]) => (spec === undefined ? [] : [[name, spec] as const]))
}

/** A line that cannot be given back cleanly is released all the same, and nobody could do more about it. */
function quietly(act: () => void): void {
  try {
    act()
  } catch {}
}
