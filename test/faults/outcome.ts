/** How much of every table is run, and with which random numbers. */
export interface Scale {
  /** 1 for the figures, 0.1 for every build. */
  readonly share: number
  readonly seed: number
}

/** One line of the table: one kind of fault, brought about again and again. */
export interface Outcome {
  readonly family: string
  readonly fault: string
  /** How often it was brought about. */
  readonly count: number
  /** What was seen, in figures. */
  readonly seen: string
  /** What was lost, or wrong, or not said; empty when the promise held. */
  readonly violations: readonly string[]
  /** Why nothing was brought about here. */
  readonly skipped?: string
}

/** One family of faults: its lines as they come about. */
export type Family = (scale: Scale) => AsyncGenerator<Outcome>

/** So many of a full table's `full` are run; at least one. */
export function countOf({ share }: Scale, full: number): number {
  return Math.max(1, Math.round(full * share))
}

/** A line for a fault that cannot be brought about on this machine. */
export function notHere(family: string, fault: string, reason: string): Outcome {
  return { family, fault, count: 0, seen: '', violations: [], skipped: `NOT PROVEN HERE: ${reason}` }
}

/** The head of the table, in Markdown. */
export const HEAD = '| family | fault | count | seen | violations |\n| --- | --- | --- | --- | --- |'

/** One line of it. */
export function row({ family, fault, count, seen, violations, skipped }: Outcome): string {
  const cells =
    skipped === undefined
      ? [family, fault, figure(count), seen, violations.length]
      : [family, fault, '-', skipped, '-']
  return `| ${cells.join(' | ')} |`
}

/** A number as the table has it: whole, thousands apart. */
export function figure(value: number): string {
  return Math.round(value).toLocaleString('en')
}
