import type { Clock } from '../clock.ts'

/**
 * Calls `tick` every `periodMs` until `signal` aborts. The schedule does not drift; ticks that the process slept
 * through are left out, not made up for.
 */
export async function everyInterval(
  clock: Clock,
  periodMs: number,
  tick: () => void,
  signal: AbortSignal,
): Promise<void> {
  let next = clock.now()
  while (!signal.aborted) {
    tick()
    const now = clock.now()
    next += periodMs
    if (next < now) next += Math.ceil((now - next) / periodMs) * periodMs
    try {
      await clock.sleep(next - now, signal)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
  }
}
