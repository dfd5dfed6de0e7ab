import { z } from 'zod'
import type { I2cBus } from '../drivers/bus.ts'
import { checkOptions, type PanelOptions, type PanelPin } from '../drivers/panel/options.ts'
import { lineOptions } from './line-options.ts'

const { chip, line, active_low, bias } = lineOptions.shape

const pin = z
  .strictObject({
    chip,
    line: line.optional(),
    expander: z.string().optional().describe('Name of an entry of `expanders`, in place of `line`.'),
    pin: z.int().min(0).max(15).optional().describe('Of the expander; of an MCP23017 8 to 15 are GPB.'),
    active_low,
    bias,
  })
  .refine(({ line, expander }) => (line === undefined) !== (expander === undefined), {
    error: 'expected either line or expander',
  })
  .refine(({ expander, pin }) => (expander === undefined) === (pin === undefined), {
    path: ['pin'],
    error: 'expected expander and pin together',
  })
type Pin = z.infer<typeof pin>

const expander = z.strictObject({
  kind: z.enum(['pcf8574', 'mcp23017']).describe('PCF8574 and PCF8574A: 8 pins; MCP23017: 16.'),
  bus: z.string().describe('Name of an entry of `buses`.'),
  address: z.int().min(0x20).max(0x3f).default(0x20).describe('7-bit address; 32 is 0x20.'),
})

/** `panel` of `poincon.yaml`. */
export const panelOptions = z
  .strictObject({
    lamps: z
      .strictObject({
        green: pin.optional().describe('Parts are inspected.'),
        amber: pin.optional().describe('Something is missing, or wants to be looked at.'),
        red: pin.optional().describe('The line stands, or must not run.'),
      })
      .prefault({})
      .describe('The stack light; each lamp is optional.'),
    buzzer: pin.optional().describe('Sounds when the line stops or a part is held, until acknowledged.'),
    buttons: z
      .strictObject({
        start: pin.optional().describe('Lets the line run again.'),
        stop: pin
          .optional()
          .describe('Stops the line. No emergency stop: that one is wired, not programmed.'),
        acknowledge: pin.optional().describe('Silences the buzzer and acknowledges alerts.'),
      })
      .prefault({})
      .describe('Buttons, told once a press; each is optional.'),
    expanders: z
      .record(z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9 and -'), expander)
      .default({})
      .describe('I²C expanders by name.'),
    debounce_ms: z
      .int()
      .min(1)
      .max(500)
      .default(20)
      .describe('How long a contact must keep its level to be believed, ms.'),
  })
  .superRefine((options, context) => {
    try {
      checkOptions(panelPlan(options, () => Promise.reject(new Error('nothing is opened to check it'))))
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
    }
  })
export type PanelConfig = Readonly<z.infer<typeof panelOptions>>

/**
 * What the driver is to open.
 * @param bus by the name of an entry of `buses`; asked at each transfer, so that a panel lives without its bus
 */
export function panelPlan(
  { lamps, buzzer, buttons, expanders, debounce_ms: debounceMs }: PanelConfig,
  bus: (name: string) => Promise<I2cBus>,
): PanelOptions {
  const buses = new Map<string, I2cBus>()
  const specs = Object.entries(expanders).map(([name, { kind, address, bus: busName }]) => {
    const found = buses.get(busName) ?? {
      transfer: async (...transfer) => (await bus(busName)).transfer(...transfer),
    }
    buses.set(busName, found)
    return [name, { kind, address, bus: found }] as const
  })
  return {
    lamps: pinsOf(lamps),
    ...(buzzer === undefined ? {} : { buzzer: pinOf(buzzer) }),
    buttons: pinsOf(buttons),
    expanders: Object.fromEntries(specs),
    debounceMs,
  }
}

function pinsOf<Name extends string>(
  pins: Readonly<Partial<Record<Name, Pin | undefined>>>,
): Partial<Record<Name, PanelPin>> {
  const found: Partial<Record<Name, PanelPin>> = {}
  for (const name in pins) {
    const pin = pins[name]
    if (pin !== undefined) found[name] = pinOf(pin)
  }
  return found
}

function pinOf({ chip, line, expander, pin, active_low: activeLow, bias }: Pin): PanelPin {
  if (expander !== undefined && pin !== undefined) return { expander, pin, activeLow }
  return { chip, line: line ?? 0, activeLow, ...(bias === undefined ? {} : { bias }) }
}
