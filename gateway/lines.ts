import type { Edge, EdgeWatch, Gpio, InputLine, LineError, LineSpec, OutputLine } from '../drivers/gpio.ts'

export interface LinesOptions {
  /** Serves the lines whose chip is `simulated`. */
  readonly simulated: Gpio
  /** Opens the machine's own; called when one is first asked for, and again after it failed. */
  readonly open: () => Promise<Gpio>
}

/** All digital lines of the station: those of the machine, and the simulated ones. */
export class Lines implements Gpio {
  readonly #options: LinesOptions
  #machine: Promise<Gpio> | undefined

  constructor(options: LinesOptions) {
    this.#options = options
  }

  async output(spec: LineSpec, initial: boolean): Promise<OutputLine> {
    return await (await this.#of(spec)).output(spec, initial)
  }

  async input(spec: LineSpec): Promise<InputLine> {
    return await (await this.#of(spec)).input(spec)
  }

  async watch(
    spec: LineSpec,
    changed: (edge: Edge) => void,
    ended: (error: LineError) => void,
  ): Promise<EdgeWatch> {
    return await (await this.#of(spec)).watch(spec, changed, ended)
  }

  #of({ chip }: LineSpec): Promise<Gpio> {
    const { simulated, open } = this.#options
    if (chip === 'simulated') return Promise.resolve(simulated)
    if (this.#machine === undefined) {
      this.#machine = open()
      this.#machine.catch(() => {
        this.#machine = undefined
      })
    }
    return this.#machine
  }
}
