/** What benchmarks tell of themselves: percentiles, the main thread, the machine. */
import { readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'

/** @param share in [0, 1]; NaN of nothing */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
}

/** CPU time of the main thread so far, µs (proc(5), schedstat; Linux): what neighbours on the machine change little. */
export async function threadUs(): Promise<number> {
  return Number((await readFile(`/proc/self/task/${process.pid}/schedstat`, 'utf8')).split(' ')[0]) / 1000
}

/** Processes that run or want to, over the last minute: figures are those of a machine that does this beside. */
export function load(): string {
  return `load ${loadavg()[0]?.toFixed(1)}`
}

/** The system's monotonic clock, ms: the same in every process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
