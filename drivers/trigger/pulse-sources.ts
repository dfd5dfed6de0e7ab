import type { Clock } from '../clock.ts'
import { type Gpio, LineError, type LineSpec } from '../gpio.ts'
import { keepWatching } from './keep-watching.ts'
import type { PulseCounter, PulseListener, PulseSource } from './position.ts'

const LONGEST_MS = 5000

/**
 * A hardware counter, read again and again: a reading costs some 20 µs of the event loop.
 * @param pollMs between two readings, at least 1; between failing ones more, up to 5 s
 */
export function polledPulses(counter: PulseCounter, clock: Clock, pollMs = 2): PulseSource {
  if (!(pollMs >= 1)) throw new RangeError(`pollMs: expected at least 1, not ${pollMs}`)
  return {
    modulus: counter.modulus,
    start(listener) {
      let cancel = (): void => {}
      let failures = 0
      const poll = (): void => {
        failures = readInto(counter, clock, listener) ? 0 : failures + 1
        cancel = clock.after(Math.min(LONGEST_MS, pollMs * 2 ** Math.min(failures, 12)), poll)
      }
      cancel = clock.after(0, poll)
      return Promise.resolve(() => {
        cancel()
        return Promise.resolve()
      })
    },
  }
}

function readInto(counter: PulseCounter, clock: Clock, listener: PulseListener): boolean {
  try {
    listener.sampled({ count: counter.read(), at: clock.now() })
    return true
  } catch (error) {
    if (!(error instanceof LineError)) throw error
    listener.lost(error)
    return false
  }
}

/**
 * One channel of an encoder on a GPIO line, where there is no counter: each rising edge is a pulse forward, whichever
 * way the belt moves. Every edge goes through a pipe, and the kernel keeps 16 that were not fetched: good for some
 * hundred pulses a second.
 */
export function countedPulses(gpio: Gpio, clock: Clock, spec: LineSpec): PulseSource {
  return {
    modulus: 2n ** 32n,
    start(listener) {
      const ending = new AbortController()
      let count = 0n
      const input = {
        spec,
        begun: (_active: boolean, at: number) => listener.sampled({ count, at }),
        changed: ({ active, at }: { readonly active: boolean; readonly at: number }) => {
          if (!active) return
          count = (count + 1n) % 2n ** 32n
          listener.sampled({ count, at })
        },
        lost: (error: LineError) => listener.lost(error),
      }
      const over = keepWatching(gpio, clock, input, ending.signal)
      return Promise.resolve(() => {
        ending.abort()
        return over
      })
    },
  }
}
