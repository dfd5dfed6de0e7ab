import type { Clock } from '../../drivers/clock.ts'
import { judge } from '../analysis/judge.ts'
import type { Config } from '../config.ts'
import { type Hardware, wire } from '../hardware.ts'
import { identityOf } from '../identity.ts'
import { inspect } from '../inspect.ts'
import type { Judgement } from '../inspection.ts'
import { silentLog } from '../log.ts'
import { Setup } from '../setup.ts'
import { StoreError } from '../store/error.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { type Bench, chipsOf, type OpenBench, type OpenOptions, openBench } from './bench.ts'
import { CalibrationRefused } from './refused.ts'

/** A person at the terminal. */
export interface Person {
  /** Tells something, in plain words. */
  readonly say: (line: string) => void
  /** Asks for something to be done. @returns false where the person gives up; at once where nobody is to be asked */
  readonly ready: (request: string) => Promise<boolean>
}

/** A station that does not run: its store and its wires, for whoever calibrates it. */
export interface Workbench {
  readonly config: Config
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly store: Store
  readonly hardware: Hardware
  readonly person: Person
  /** Opens heads; close them before others open theirs. */
  readonly open: (wanted?: OpenOptions['wanted']) => Promise<OpenBench>
}

const LOOK_LIMIT_MS = 10_000

/**
 * Takes the station's data directory and its wires, lends them to `work`, and gives them back.
 * @param config simulated buses bring no empty places: whoever calibrates says what lies there
 * @throws CalibrationRefused where a gateway runs with this data directory; StoreError, and what `work` throws
 */
export async function atWorkbench<T>(
  { config, clock, signal, person }: Pick<Workbench, 'config' | 'clock' | 'signal' | 'person'>,
  work: (bench: Workbench) => Promise<T>,
): Promise<T> {
  const filled = { ...config, simulation: { ...config.simulation, empty_rate: 0 } }
  const store = await storeOf(config, clock)
  try {
    const hardware = wire({ config: filled, clock, profile: config.recipe })
    try {
      const open: Workbench['open'] = (wanted) =>
        openBench(hardware, { clock, signal, ...(wanted === undefined ? {} : { wanted }) })
      return await work({ config, clock, signal, store, hardware, person, open })
    } finally {
      await hardware.close()
    }
  } finally {
    await store.close()
  }
}

async function storeOf(config: Config, clock: Clock): Promise<Store> {
  try {
    const { deviceId } = identityOf(config)
    return await openStore({ dir: config.data_dir, deviceId, clock, log: silentLog })
  } catch (error) {
    if (!(error instanceof StoreError) || error.fault !== 'locked') throw error
    throw new CalibrationRefused(
      `a gateway runs with ${config.data_dir}, and has the heads: stop it first (systemctl stop poincon), or send it cmd/calibration/start`,
      { cause: error },
    )
  }
}

/** What parts are judged by on this bench: the recipe in force over the tray of these chips. */
export interface JudgingBench {
  readonly look: () => Promise<Judgement>
  readonly recipe: Setup['recipe']['recipe']
}

/** @throws CalibrationRefused where no empty tray was measured with these chips */
export async function judgingBench(
  { store, config, clock, signal }: Workbench,
  bench: Bench,
): Promise<JudgingBench> {
  const setup = await Setup.load(store, { recipeId: config.recipe, wallMs: clock.wall() })
  await setup.useChips(chipsOf(bench.heads))
  const { recipe } = setup.recipe
  if (recipe.shape !== undefined && setup.tray === undefined) {
    throw new CalibrationRefused(
      'no empty tray was measured with these heads: `poincon calibrate tray` first',
    )
  }
  const { plan } = setup.inForce
  let number = 0
  const look = async (): Promise<Judgement> => {
    number += 1
    const trigger = { number, at: clock.now(), source: 'command' } as const
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_LIMIT_MS)])
    const inspected = await inspect(trigger, bench.heads, (evidence) => judge(plan, evidence), limit)
    signal.throwIfAborted()
    return inspected.judgement
  }
  return { look, recipe }
}
