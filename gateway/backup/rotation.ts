import type { KeepOptions } from './options.ts'

/**
 * Which backups may go: those that no rule keeps. Of each day, week and month that has any, the newest one stands for
 * it; as many of them as the rule says are kept, the newest first.
 * @param takenMs ms since 1970, one for each backup, in any order
 * @returns those of them to delete; never the newest
 */
export function obsolete(takenMs: readonly number[], keep: KeepOptions): ReadonlySet<number> {
  const newestFirst = [...takenMs].sort((one, other) => other - one)
  const kept = new Set([
    ...newestFirst.slice(0, Math.max(1, keep.last)),
    ...newestOf(newestFirst, dayOf, keep.daily),
    ...newestOf(newestFirst, weekOf, keep.weekly),
    ...newestOf(newestFirst, monthOf, keep.monthly),
  ])
  return new Set(newestFirst.filter((one) => !kept.has(one)))
}

function newestOf(
  newestFirst: readonly number[],
  spanOf: (ms: number) => string,
  spans: number,
): readonly number[] {
  const newest = new Map<string, number>()
  for (const ms of newestFirst) {
    const span = spanOf(ms)
    if (!newest.has(span)) newest.set(span, ms)
  }
  return [...newest.values()].slice(0, spans)
}

function dayOf(ms: number): string {
  const at = new Date(ms)
  return `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`
}

/** By its Monday. */
function weekOf(ms: number): string {
  const at = new Date(ms)
  const sinceMonday = (at.getDay() + 6) % 7
  return dayOf(new Date(at.getFullYear(), at.getMonth(), at.getDate() - sinceMonday).getTime())
}

function monthOf(ms: number): string {
  const at = new Date(ms)
  return `${at.getFullYear()}-${at.getMonth()}`
}
