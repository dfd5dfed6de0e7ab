import type { Board, JohnnyFive } from 'johnny-five'
import type { Clock } from '../clock.ts'
import type { Gpio } from '../gpio.ts'
import { healthOf, type PanelHealth } from './health.ts'
import { LineIo } from './io.ts'
import {
  type Button,
  checkOptions,
  OUTPUTS,
  type Output,
  type PanelOptions,
  type PanelShow,
} from './options.ts'
import { isOn, nextSwitch } from './patterns.ts'
import {
  type ButtonPiece,
  linesOf,
  type OutputPiece,
  openButtons,
  openExpanders,
  openOutputs,
  type PanelWiring,
} from './pieces.ts'

/** How long opening and closing wait for the expanders, ms; a bus gives up a transfer after 1 s. */
const BUS_LIMIT_MS = 3000

// Kept, so that only the first panel waits for the disk; not at start, because a station without a panel needs none of it.
let loading: Promise<JohnnyFive> | undefined

function load(): Promise<JohnnyFive> {
  loading ??= import('johnny-five').then(({ default: johnnyFive }) => johnnyFive)
  loading.catch(() => {
    loading = undefined
  })
  return loading
}

export const ALL_OFF: PanelShow = { green: 'off', amber: 'off', red: 'off', buzzer: 'off' }

/** A button was pressed; `at` is the monotonic ms of the first touch that lasted. Must not throw. */
export type PressListener = (button: Button, at: number) => void
/** The debounced level of a button: the one found at first, then each change. Must not throw. */
export type LevelListener = (button: Button, active: boolean) => void

interface PanelParts {
  readonly wiring: PanelWiring
  readonly outputs: readonly OutputPiece[]
  readonly buttons: readonly ButtonPiece[]
  readonly pressed: Set<PressListener>
  readonly levels: Set<LevelListener>
}

/**
 * Stack light, buzzer and buttons. Every piece is optional, and one that fails is a state of `health`, never an
 * exception: the others work on.
 */
export class Panel {
  readonly #wiring: PanelWiring
  readonly #outputs: readonly OutputPiece[]
  readonly #buttons: readonly ButtonPiece[]
  readonly #on = new Map<Output, boolean>()
  readonly #pressed: Set<PressListener>
  readonly #levels: Set<LevelListener>
  #shown = ALL_OFF
  #since = 0
  #forgetSwitch = (): void => {}
  #closed = false

  private constructor(parts: PanelParts) {
    this.#wiring = parts.wiring
    this.#outputs = parts.outputs
    this.#buttons = parts.buttons
    this.#pressed = parts.pressed
    this.#levels = parts.levels
  }

  /**
   * Opens the panel with everything off. Resolves also when pieces of it fail: `health` says which.
   * @throws RangeError when the options contradict themselves; Error when johnny-five cannot be loaded
   */
  static async open(gpio: Gpio, clock: Clock, options: PanelOptions): Promise<Panel> {
    checkOptions(options)
    const johnnyFive = await load()
    const lines = linesOf(options)
    const io = new LineIo(gpio, lines)
    // Its prompt, its prints and its signal handler are for programs that own their process.
    const board = new johnnyFive.Board({ io, repl: false, debug: false, sigint: false })
    await new Promise<void>((resolve) => board.once('ready', resolve))
    const expanders = openExpanders({ johnnyFive, board, clock }, options)
    const wiring = { johnnyFive, board, clock, io, lines, expanders }
    const pressed = new Set<PressListener>()
    const levels = new Set<LevelListener>()
    const outputs = openOutputs(wiring, options)
    const buttons = openButtons(wiring, options, {
      pressed: (button, at) => tell(pressed, button, at),
      level: (button, active) => tell(levels, button, active),
    })
    const panel = new Panel({ wiring, outputs, buttons, pressed, levels })
    panel.show(ALL_OFF)
    await panel.settled()
    // Later than the pull-ups behind a bus, or an input would be found floating.
    for (const { watch } of buttons) watch()
    await panel.settled()
    return panel
  }

  /**
   * Makes every output what `show` says, its patterns from their beginning if `show` differs from before. It writes
   * all of it again, so call it every second or so: an expander that lost its supply gets its state back.
   */
  show(show: PanelShow): void {
    if (this.#closed) return
    if (OUTPUTS.some((output) => show[output] !== this.#shown[output])) {
      this.#shown = show
      this.#since = this.#wiring.clock.now()
    }
    this.#write(true)
    for (const expander of this.#wiring.expanders.values()) expander.renew()
  }

  /** Tells each press, once, however long it is held. @returns what ends that */
  onButton(listener: PressListener): () => void {
    this.#pressed.add(listener)
    return () => this.#pressed.delete(listener)
  }

  /** Tells what a button's contact does: for trying it by hand. @returns what ends that */
  onLevel(listener: LevelListener): () => void {
    this.#levels.add(listener)
    return () => this.#levels.delete(listener)
  }

  /** Its debounced level. */
  isPressed(button: Button): boolean {
    return this.#buttons.some((piece) => piece.name === button && piece.button.active)
  }

  /** Tries again the lines that failed; resolves when each is there or has failed again. */
  async mend(): Promise<void> {
    if (!this.#closed) await this.#wiring.io.mend()
  }

  /** Resolves when what was shown last is on the wires, or has failed; after some seconds in any case. */
  async settled(): Promise<void> {
    const { io, clock } = this.#wiring
    await io.settled()
    const enough = new AbortController()
    const limit = clock.sleep(BUS_LIMIT_MS, enough.signal).catch(() => {})
    await Promise.race([io.idle(), limit])
    enough.abort()
  }

  health(): PanelHealth {
    return healthOf(this.#outputs, this.#buttons)
  }

  /** Everything off, every line given back. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#forgetSwitch()
    for (const { button } of this.#buttons) button.close()
    this.#off()
    await this.settled()
    // One disturbed transfer must not leave a lamp on for ever.
    if ([...this.#wiring.expanders.values()].some(({ fault }) => fault !== undefined)) {
      this.#off()
      await this.settled()
    }
    const { io, board, expanders, johnnyFive } = this.#wiring
    forget(johnnyFive, board)
    for (const expander of expanders.values()) forget(johnnyFive, expander.board)
    await io.close()
  }

  #off(): void {
    for (const { set } of this.#outputs) set(false)
  }

  /** @param again also those that are so already */
  #write(again: boolean): void {
    const ms = this.#wiring.clock.now() - this.#since
    for (const { name, set } of this.#outputs) {
      const on = isOn(this.#shown[name], ms)
      if (!again && on === this.#on.get(name)) continue
      this.#on.set(name, on)
      set(on)
    }
    this.#forgetSwitch()
    const next = this.#outputs.flatMap(({ name }) => nextSwitch(this.#shown[name], ms) ?? [])
    if (next.length === 0) return
    this.#forgetSwitch = this.#wiring.clock.after(Math.min(...next) - ms, () => this.#write(false))
  }
}

/** johnny-five keeps every board that was ever made. */
function forget({ Board }: JohnnyFive, board: Board): void {
  const place = Board.cache.indexOf(board)
  if (place >= 0) Board.cache.splice(place, 1)
}

function tell<T>(listeners: ReadonlySet<(button: Button, what: T) => void>, button: Button, what: T): void {
  for (const listener of listeners) listener(button, what)
}
