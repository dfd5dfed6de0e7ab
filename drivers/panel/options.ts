import type { I2cBus } from '../bus.ts'
import { type LineSpec, nameOf } from '../gpio.ts'
import type { Pattern } from './patterns.ts'

export const LAMPS = ['green', 'amber', 'red'] as const
export type Lamp = (typeof LAMPS)[number]
export const OUTPUTS = [...LAMPS, 'buzzer'] as const
export type Output = (typeof OUTPUTS)[number]
export const BUTTONS = ['start', 'stop', 'acknowledge'] as const
export type Button = (typeof BUTTONS)[number]

/** What each output of a panel does. */
export type PanelShow = Readonly<Record<Output, Pattern>>

/** A pin of an expander. */
export interface ExpanderPin {
  /** Name of an entry of `expanders`. */
  readonly expander: string
  /** From 0; MCP23017: 0…7 are GPA, 8…15 are GPB. */
  readonly pin: number
  /** Whether a low level means active. Default false. */
  readonly activeLow?: boolean
}

export type PanelPin = LineSpec | ExpanderPin

export interface ExpanderSpec {
  readonly kind: 'pcf8574' | 'mcp23017'
  readonly bus: I2cBus
  /** 7 bits: PCF8574 0x20…0x27, PCF8574A 0x38…0x3F, MCP23017 0x20…0x27. */
  readonly address: number
}

/** What the panel consists of: every piece may be absent. */
export interface PanelOptions {
  readonly lamps?: Readonly<Partial<Record<Lamp, PanelPin>>>
  readonly buzzer?: PanelPin
  /** On an expander the chip's own pull-up is on: a button connects its pin to ground. */
  readonly buttons?: Readonly<Partial<Record<Button, PanelPin>>>
  readonly expanders?: Readonly<Record<string, ExpanderSpec>>
  /** How long a contact must keep its level to be believed, ms. Default 20. */
  readonly debounceMs?: number
}

export const DEFAULT_DEBOUNCE_MS = 20

export const PIN_COUNT = { pcf8574: 8, mcp23017: 16 } as const
/** GPA7 and GPB7 became outputs only with the datasheet's revision D (DS20001952D, table 1-1): as inputs they may spoil SDA. */
const MCP23017_OUTPUT_ONLY = [7, 15]

/** `gpiochip0/17`, or `expander main/3`. */
export function placeOf(pin: PanelPin): string {
  return 'expander' in pin ? `expander ${pin.expander}/${pin.pin}` : nameOf(pin)
}

/** The configured outputs, in the order of `OUTPUTS`. */
export function outputPins({ lamps = {}, buzzer }: PanelOptions): readonly (readonly [Output, PanelPin])[] {
  return OUTPUTS.flatMap((name) => {
    const pin = name === 'buzzer' ? buzzer : lamps[name]
    return pin === undefined ? [] : [[name, pin] as const]
  })
}

/** The configured buttons, in the order of `BUTTONS`. */
export function buttonPins({ buttons = {} }: PanelOptions): readonly (readonly [Button, PanelPin])[] {
  return BUTTONS.flatMap((name) => {
    const pin = buttons[name]
    return pin === undefined ? [] : [[name, pin] as const]
  })
}

/** The pins of these pieces that are on an expander. */
export function pinsOn(name: string, pieces: readonly (readonly [string, PanelPin])[]): readonly number[] {
  return pieces.flatMap(([, pin]) => ('expander' in pin && pin.expander === name ? [pin.pin] : []))
}

/**
 * Whether these pins can exist together.
 * @throws RangeError that names the piece, what it was given and what was expected
 */
export function checkOptions(options: PanelOptions): void {
  const taken = new Map<string, string>()
  const outputs = outputPins(options)
  const buttons = buttonPins(options)
  for (const [piece, pin] of [...outputs, ...buttons]) {
    const place = placeOf(pin)
    const other = taken.get(place)
    if (other !== undefined) throw new RangeError(`${piece}: ${place} is taken by ${other}`)
    taken.set(place, piece)
    if ('expander' in pin) checkExpanderPin(piece, pin, options.expanders?.[pin.expander])
  }
  for (const [piece, pin] of buttons) {
    if (!('expander' in pin) || options.expanders?.[pin.expander]?.kind !== 'mcp23017') continue
    if (MCP23017_OUTPUT_ONLY.includes(pin.pin)) {
      throw new RangeError(`${piece}: pin ${pin.pin} of an mcp23017 is an output only, expected another`)
    }
  }
  checkAddresses(options.expanders ?? {})
  const debounceMs = options.debounceMs ?? DEFAULT_DEBOUNCE_MS
  if (!(debounceMs >= 1 && debounceMs <= 500)) {
    throw new RangeError(`debounceMs: ${debounceMs}, expected 1 to 500`)
  }
}

function checkExpanderPin(piece: string, pin: ExpanderPin, spec: ExpanderSpec | undefined): void {
  if (spec === undefined) throw new RangeError(`${piece}: there is no expander ${pin.expander}`)
  const count = PIN_COUNT[spec.kind]
  if (!Number.isInteger(pin.pin) || pin.pin < 0 || pin.pin >= count) {
    throw new RangeError(`${piece}: pin ${pin.pin} of a ${spec.kind}, expected 0 to ${count - 1}`)
  }
}

function checkAddresses(expanders: Readonly<Record<string, ExpanderSpec>>): void {
  const names = Object.entries(expanders)
  for (const [index, [name, { bus, address }]] of names.entries()) {
    const other = names.slice(0, index).find(([, spec]) => spec.bus === bus && spec.address === address)
    if (other === undefined) continue
    throw new RangeError(`expander ${name}: ${other[0]} has address 0x${address.toString(16)} of that bus`)
  }
}
