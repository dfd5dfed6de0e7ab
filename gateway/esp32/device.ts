import { z } from 'zod'

/** Devices name themselves; the name goes into logs, reasons and ids of heads, so that it is kept plain. */
export const deviceId = z
  .string('expected 1 to 64 of letters, digits, ., _ and -')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 of letters, digits, ., _ and -')

/** Text that a device says of itself. */
export const saidText = z
  .string('expected text')
  .max(256, 'expected at most 256 characters')
  .refine((text) => !hasControl(text), 'expected no control characters')

function hasControl(text: string): boolean {
  for (const character of text) if (character < ' ' || character === '\u007f') return true
  return false
}

/** A device's heads, as reasons and raw records name them: no head of the station has a slash in its id. */
export function oldHeadIds(device: string): { readonly ranging: string; readonly spectral: string } {
  return { ranging: `${device}/vl53l8ch`, spectral: `${device}/as7341` }
}
