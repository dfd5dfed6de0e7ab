import type { LineSpec } from '../gpio.ts'

/** The two languages of `gpiomon`: libgpiod 1.x and 2.x differ in options, event numbers and time format. */
export type Dialect = 1 | 2

/** An event as the kernel stamped it. */
export interface KernelEdge {
  readonly active: boolean
  /** CLOCK_MONOTONIC, ms. */
  readonly kernelMs: number
}

/** Of what `gpiomon --version` says: `gpiomon (libgpiod) v1.6.3`; undefined for a version that we do not know. */
export function dialectOf(version: string): Dialect | undefined {
  const major = /\bv?(\d+)\.\d+/.exec(version)?.[1]
  return major === '1' ? 1 : major === '2' ? 2 : undefined
}

/**
 * The arguments that make `gpiomon` print one line for every change of a line. The clock is not asked for: monotonic
 * is the default of both, and libgpiod 2.0 takes `--event-clock monotonic` for a hardware clock.
 * @param chip the kernel's name of the chip, not its label: 2.x knows no labels
 */
export function watchArguments(dialect: Dialect, chip: string, spec: LineSpec): string[] {
  const { line, activeLow, bias } = spec
  const inverted = activeLow === true ? ['-l'] : []
  if (dialect === 1) {
    const biased = bias ? ['-B', bias === 'disabled' ? 'disable' : bias] : []
    return ['-b', '-F', '%e %s %n', ...inverted, ...biased, chip, String(line)]
  }
  const biased = bias ? ['-b', bias] : []
  return ['-F', '%e %S', '-C', 'poincon', ...inverted, ...biased, '-c', chip, String(line)]
}

/** One line of `gpiomon` with the format above; undefined when it is none. 1.x: `1 5123 77012345`, 2.x: `2 5123.077012345`. */
export function parseEdge(dialect: Dialect, text: string): KernelEdge | undefined {
  const form = dialect === 1 ? /^([01]) (\d+) +(\d{1,9})$/ : /^([12]) (\d+)\.(\d{9})$/
  const [, kind, seconds, nanoseconds] = form.exec(text.trim()) ?? []
  if (kind === undefined) return undefined
  // 1 is a rising edge in both; falling is 0 in 1.x and 2 in 2.x.
  return { active: kind === '1', kernelMs: Number(seconds) * 1000 + Number(nanoseconds) / 1e6 }
}

/** Older than this, a time stamp is not of the clock that we know. */
const BELIEVABLE_MS = 60_000

/**
 * The kernel's time on our clock. Kernels before 5.7 stamped with the wall clock: what is impossible counts as now.
 * @param aheadMs how much CLOCK_MONOTONIC is ahead of our clock
 * @param now ms of our clock
 */
export function clockTime(kernelMs: number, aheadMs: number, now: number): number {
  const at = kernelMs - aheadMs
  return at <= now && now - at <= BELIEVABLE_MS ? at : now
}
