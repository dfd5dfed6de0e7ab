import type { Led, Relay } from 'johnny-five'
import type { BusFault } from '../bus.ts'
import type { LineFault, LineSpec } from '../gpio.ts'
import { PanelButton } from './button.ts'
import { PanelExpander, type Wiring } from './expander.ts'
import type { LineIo } from './io.ts'
import {
  type Button,
  buttonPins,
  DEFAULT_DEBOUNCE_MS,
  type ExpanderPin,
  type Output,
  outputPins,
  type PanelOptions,
  type PanelPin,
  pinsOn,
  placeOf,
} from './options.ts'

/** A piece of the panel, wherever it is connected. */
interface Piece<Name extends Output | Button> {
  readonly name: Name
  /** `gpiochip0/17`, or `expander main/3`. */
  readonly place: string
  /** Why it does not work; undefined when it does. */
  fault(): { readonly fault: LineFault | BusFault; readonly message: string } | undefined
}

export interface OutputPiece extends Piece<Output> {
  set(on: boolean): void
}

export interface ButtonPiece extends Piece<Button> {
  readonly button: PanelButton
  /** Begins to look at it. */
  watch(): void
}

/** What the panel tells of its buttons. */
export interface ButtonsTold {
  pressed(button: Button, at: number): void
  level(button: Button, active: boolean): void
}

export interface PanelWiring extends Wiring {
  readonly io: LineIo
  /** Pin n of the plugin is the n-th of these. */
  readonly lines: readonly LineSpec[]
  readonly expanders: ReadonlyMap<string, PanelExpander>
}

/** The lines that are no expander's, in the order in which the plugin numbers them. */
export function linesOf(options: PanelOptions): readonly LineSpec[] {
  return [...outputPins(options), ...buttonPins(options)].flatMap(([, pin]) =>
    'expander' in pin ? [] : [pin],
  )
}

export function openExpanders(wiring: Wiring, options: PanelOptions): ReadonlyMap<string, PanelExpander> {
  const outputs = outputPins(options)
  const buttons = buttonPins(options)
  return new Map(
    Object.entries(options.expanders ?? {}).map(([name, spec]) => {
      const use = { outputs: pinsOn(name, outputs), inputs: pinsOn(name, buttons) }
      return [name, PanelExpander.open(wiring, spec, use)]
    }),
  )
}

/** The lamps and the buzzer. */
export function openOutputs(wiring: PanelWiring, options: PanelOptions): readonly OutputPiece[] {
  return outputPins(options).map(([name, pin]) => ({
    ...piece(wiring, name, pin),
    set: 'expander' in pin ? expanderSwitch(wiring, pin) : lineSwitch(wiring, name, pin),
  }))
}

/** The buttons; nobody looks at them yet. */
export function openButtons(
  wiring: PanelWiring,
  options: PanelOptions,
  told: ButtonsTold,
): readonly ButtonPiece[] {
  const { clock, io, lines } = wiring
  return buttonPins(options).map(([name, pin]) => {
    const button = new PanelButton(clock, options.debounceMs ?? DEFAULT_DEBOUNCE_MS, {
      pressed: (at) => told.pressed(name, at),
      level: (active) => told.level(name, active),
    })
    const watch = (): void => {
      if ('expander' in pin) {
        const { activeLow = false } = pin
        expanderOf(wiring, pin).listen(pin.pin, (high, at) => button.told(high !== activeLow, at))
      } else {
        const number = lines.indexOf(pin)
        wiring.board.pinMode(number, io.MODES.INPUT)
        io.listen(number, (active, at) => button.told(active, at))
      }
    }
    return { ...piece(wiring, name, pin), button, watch }
  })
}

function piece<Name extends Output | Button>(wiring: PanelWiring, name: Name, pin: PanelPin): Piece<Name> {
  if ('expander' in pin) {
    const expander = expanderOf(wiring, pin)
    return { name, place: placeOf(pin), fault: () => expander.fault }
  }
  const number = wiring.lines.indexOf(pin)
  return { name, place: placeOf(pin), fault: () => wiring.io.fault(number) }
}

/** On a line: which level is active is the line's matter. */
function lineSwitch({ johnnyFive, board, io, lines }: PanelWiring, name: Output, pin: LineSpec): Switch {
  const number = lines.indexOf(pin)
  if (name !== 'buzzer') return ofLed(new johnnyFive.Led({ board, pin: number }))
  // A relay of johnny-five's does not make its pin an output.
  board.pinMode(number, io.MODES.OUTPUT)
  return ofRelay(new johnnyFive.Relay({ board, pin: number, type: 'NO' }))
}

/** On an expander. johnny-five's lamps invert where they can dim only; its relays do everywhere. */
function expanderSwitch(wiring: PanelWiring, { expander, pin, activeLow = false }: ExpanderPin): Switch {
  const { board } = expanderOf(wiring, { expander })
  if (!activeLow) return ofLed(new wiring.johnnyFive.Led({ board, pin }))
  board.pinMode(pin, wiring.io.MODES.OUTPUT)
  return ofRelay(new wiring.johnnyFive.Relay({ board, pin, type: 'NC' }))
}

type Switch = (on: boolean) => void

function ofLed(led: Led): Switch {
  return (on) => void (on ? led.on() : led.off())
}

function ofRelay(relay: Relay): Switch {
  return (on) => void (on ? relay.close() : relay.open())
}

function expanderOf(
  { expanders }: PanelWiring,
  { expander: name }: { readonly expander: string },
): PanelExpander {
  const expander = expanders.get(name)
  if (expander === undefined) throw new RangeError(`there is no expander ${name}`)
  return expander
}
