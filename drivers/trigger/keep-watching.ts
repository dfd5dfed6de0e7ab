import type { Clock } from '../clock.ts'
import { type Edge, type Gpio, LineError, type LineSpec } from '../gpio.ts'

/** An input, and who is told of it. */
export interface WatchedInput {
  readonly spec: LineSpec
  /** It is watched from now on. @param active its level just before, monotonic ms `at` */
  readonly begun: (active: boolean, at: number) => void
  readonly changed: (edge: Edge) => void
  /** It is not watched any more, and `begun` will tell when it is again. Once an outage. */
  readonly lost: (error: LineError) => void
}

const FIRST_MS = 100
const LONGEST_MS = 10_000

/** Watches an input until the signal aborts; a watch that dies is begun anew, after 0.1 s, 0.2 s … at most 10 s. */
export async function keepWatching(
  gpio: Gpio,
  clock: Clock,
  input: WatchedInput,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  let told = false
  const begun: WatchedInput['begun'] = (active, at) => {
    told = false
    input.begun(active, at)
  }
  while (!signal.aborted) {
    const since = clock.now()
    const error = await watchOnce(gpio, clock, { ...input, begun }, signal)
    if (error === undefined) return
    if (!told) input.lost(error)
    told = true
    // One that lived for long begins a new count; one that dies as soon as it has begun does not.
    failures = clock.now() - since > LONGEST_MS ? 1 : failures + 1
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10))
    await clock.sleep(pause, signal).catch(() => {})
  }
}

/** @returns why it is over; undefined when the signal aborted */
async function watchOnce(
  gpio: Gpio,
  clock: Clock,
  { spec, begun, changed }: WatchedInput,
  signal: AbortSignal,
): Promise<LineError | undefined> {
  let end = (_error: LineError | undefined): void => {}
  const ended = new Promise<LineError | undefined>((resolve) => {
    end = resolve
  })
  const abort = (): void => end(undefined)
  signal.addEventListener('abort', abort)
  try {
    const level = await levelOf(gpio, spec)
    const at = clock.now()
    // Edges may come before the watch says that it has begun.
    const early: Edge[] = []
    let tell = (edge: Edge): void => void early.push(edge)
    const watch = await gpio.watch(spec, (edge) => tell(edge), end)
    try {
      if (signal.aborted) return undefined
      begun(level, at)
      for (const edge of early) changed(edge)
      tell = changed
      return await ended
    } finally {
      await watch.close()
    }
  } catch (error) {
    if (error instanceof LineError) return signal.aborted ? undefined : error
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A watched line cannot be read by anybody else, so it is read before. */
async function levelOf(gpio: Gpio, spec: LineSpec): Promise<boolean> {
  const input = await gpio.input(spec)
  try {
    return input.read()
  } finally {
    input.close()
  }
}
