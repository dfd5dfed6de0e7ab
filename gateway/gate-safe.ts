import { type Gpio, LineError, nameOf } from '../drivers/gpio.ts'
import type { WiredGate } from './gate-plan.ts'
import { lineSpec } from './line-options.ts'

/** What became of one output. */
export interface SafeOutput {
  /** As the configuration calls it: `pass`, `hold`, `stop`, `kick`, `accept`, `reject`, `ready`. */
  readonly output: string
  /** `gpiochip0/17`. */
  readonly line: string
  /** `held`: a process has it, whose affair it is then. */
  readonly state: 'inactive' | 'held' | 'failed'
  readonly detail?: string
}

/**
 * Makes every output of the gate inactive, as a stop of the station does, and gives it back. Each by itself: one that cannot
 * be had keeps none of the others as it was. What an input or a pull resistor makes of a line that nobody holds is the
 * wiring's affair (drivers/gate).
 */
export async function makeGateSafe(lines: WiredGate['lines'], gpio: Gpio): Promise<readonly SafeOutput[]> {
  const done: SafeOutput[] = []
  for (const [output, options] of Object.entries(lines)) {
    if (options === undefined || output === 'feedback') continue
    const spec = lineSpec(options)
    done.push({ output, line: nameOf(spec), ...(await inactive(() => gpio.output(spec, false))) })
  }
  return done
}

async function inactive(
  take: () => ReturnType<Gpio['output']>,
): Promise<Pick<SafeOutput, 'state' | 'detail'>> {
  try {
    const line = await take()
    line.close()
    return { state: 'inactive' }
  } catch (error) {
    const state = error instanceof LineError && error.fault === 'busy' ? 'held' : 'failed'
    return { state, detail: error instanceof Error ? error.message : String(error) }
  }
}
