import type { Clock } from '../drivers/clock.ts'
import { goldenOf } from './calibration/start.ts'
import { type GoldenSnapshot, GoldenWatch, goldenSnapshot } from './golden-watch.ts'
import type { UngradedReason } from './inspection.ts'
import type { Log } from './log.ts'
import type { Recipe } from './recipe.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface GoldenKeeperParts {
  readonly recipe: () => Recipe
  readonly state: { get(key: string): Promise<unknown>; set(key: string, value: unknown): Promise<void> }
  readonly clock: Clock
  readonly log: Log
}

/** Shared with `poincon calibrate golden`, which runs while the station does not. */
const STATE = 'golden'
/** Parts after which the count is written down: a crash forgets at most so many. */
const WRITE_EVERY = 100

/** Remembers when the golden part was seen, and says when it must be seen again. */
export class GoldenKeeper implements Unit {
  readonly name = 'golden'
  readonly #parts: GoldenKeeperParts
  #recipe: Recipe | undefined
  #watch = new GoldenWatch(undefined)
  #snapshot: GoldenSnapshot | undefined
  #unwritten = 0

  constructor(parts: GoldenKeeperParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const stored = goldenSnapshot.safeParse(await this.#parts.state.get(STATE))
    this.#snapshot = stored.success ? stored.data : undefined
  }

  stop(): Promise<void> {
    return this.kept()
  }

  /** Of the recipe in force. */
  get watch(): GoldenWatch {
    const recipe = this.#parts.recipe()
    if (recipe === this.#recipe) return this.#watch
    this.#snapshot = this.#recipe === undefined ? this.#snapshot : this.#watch.snapshot
    this.#recipe = recipe
    this.#watch = new GoldenWatch(goldenOf(recipe), this.#snapshot)
    return this.#watch
  }

  /** Why no part is graded before a golden part has passed, where the recipe says so. */
  get obstacle(): UngradedReason | undefined {
    return this.watch.standing(this.#parts.clock.wall()).obstacle
  }

  /** A part was inspected. */
  inspected(): void {
    this.watch.inspected()
    this.#unwritten += 1
    if (this.#unwritten >= WRITE_EVERY) void this.kept()
  }

  /** Writes down how it stands; where that fails, it is known until the next restart. */
  async kept(): Promise<void> {
    const { state, log } = this.#parts
    this.#unwritten = 0
    const { snapshot } = this.watch
    if (snapshot.part === '') return
    await state.set(STATE, snapshot).catch((err: unknown) => {
      log.warn({ err }, 'when the golden part was seen cannot be written down')
    })
  }

  status(): UnitStatus {
    const { state, detail, obstacle, parts } = this.watch.standing(this.#parts.clock.wall())
    if (state === 'off' || state === 'passed') return { state: 'ok', facts: { golden: state, parts } }
    const bad = obstacle === undefined ? 'degraded' : 'failed'
    return { state: bad, detail: detail ?? state, facts: { golden: state, parts } }
  }
}
