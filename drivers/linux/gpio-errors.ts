import { LineError, type LineFault, type LineSpec, nameOf } from '../gpio.ts'

/** What the kernel's error codes mean where a line is opened or used, and what to do about it. */
const FAULTS: Readonly<Record<string, readonly [LineFault, string]>> = {
  ENOENT: ['no-chip', 'this machine has no such chip: gpiodetect lists them'],
  ENODEV: ['no-chip', 'the chip is gone'],
  ENOTTY: ['no-chip', 'that device is no GPIO chip'],
  ENXIO: ['no-chip', 'that device is no GPIO chip, or the line cannot tell edges'],
  EACCES: ['no-permission', 'give the user the group that owns /dev/gpiochip* (gpio on a Raspberry Pi)'],
  EPERM: ['no-permission', 'the line is not ours to use: was it closed?'],
  EBUSY: ['busy', 'it is in use'],
  EINVAL: ['no-line', 'the chip does not take that line, or the bias asked of it'],
}

/**
 * The LineError for what node-libgpiod threw.
 * @param holder the consumer that the kernel names for a line in use
 */
export function lineError(error: unknown, spec: LineSpec, holder?: string): LineError {
  if (error instanceof LineError) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const [fault, advice] = FAULTS[code] ?? ['failed', error instanceof Error ? error.message : String(error)]
  const by = fault === 'busy' && holder !== undefined ? ` by ${holder || 'somebody without a name'}` : ''
  const detail = `${nameOf(spec)}: ${advice}${by}${code === '' ? '' : ` (${code})`}`
  return new LineError(fault, detail, { cause: error })
}

/** The LineError for what `gpiomon` complained of when it ended. */
export function watchError(stderr: string, spec: LineSpec, cause?: unknown): LineError {
  const said = stderr.trim()
  const code = SAYINGS.find(([text]) => said.includes(text))?.[1] ?? ''
  const [fault] = FAULTS[code] ?? ['failed']
  return new LineError(
    code === 'ENXIO' ? 'failed' : fault,
    `${nameOf(spec)}: gpiomon ended: ${said || 'it said nothing'}${code === 'ENODEV' ? NO_EDGES : ''}`,
    cause === undefined ? undefined : { cause },
  )
}

/** Both are ENODEV to gpiomon. */
const NO_EDGES = ' (the chip is gone, or has no interrupts for this line and cannot tell edges)'

/** strerror(3) of glibc, which is all that gpiomon passes on. */
const SAYINGS = [
  ['No such file or directory', 'ENOENT'],
  ['No such device or address', 'ENXIO'],
  ['No such device', 'ENODEV'],
  ['Permission denied', 'EACCES'],
  ['Operation not permitted', 'EPERM'],
  ['Device or resource busy', 'EBUSY'],
  ['Invalid argument', 'EINVAL'],
] as const
