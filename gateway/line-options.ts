import { z } from 'zod'
import type { LineSpec } from '../drivers/gpio.ts'

/** One digital line of the machine, as the configuration names it. */
export const lineOptions = z.strictObject({
  chip: z
    .string()
    .regex(/^[A-Za-z0-9_./-]{1,64}$/, 'expected gpiochipN, a label of gpiodetect, a path, or simulated')
    .default('gpiochip0')
    .describe('GPIO chip of the kernel, by name, label or path (`gpiodetect` lists them), or `simulated`.'),
  line: z.int().min(0).max(1023).describe('Offset within the chip; on a Raspberry Pi the GPIO number.'),
  active_low: z.boolean().default(false).describe('A low level means active.'),
  bias: z
    .enum(['pull-up', 'pull-down', 'disabled'])
    .optional()
    .describe('Of an input; default: as the pin is.'),
})
export type LineOptions = Readonly<z.infer<typeof lineOptions>>

export function lineSpec({ chip, line, active_low: activeLow, bias }: LineOptions): LineSpec {
  return { chip, line, activeLow, ...(bias === undefined ? {} : { bias }) }
}
