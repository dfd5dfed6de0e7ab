import * as reg from './registers.ts'

/** What the GPIO pin does. It is an open drain: `high` lets it go, and a resistor pulls it up. */
export type GpioMode =
  | { readonly direction: 'input' }
  | { readonly direction: 'output'; readonly high: boolean; readonly inverted?: boolean }

/** GPIO2 for a mode; an input lets the pin go. */
export function gpioRegister(mode: GpioMode): number {
  if (mode.direction === 'input') return reg.GPIO2_IN_EN | reg.GPIO2_OUT
  return (mode.high ? reg.GPIO2_OUT : 0) | (mode.inverted === true ? reg.GPIO2_INV : 0)
}
