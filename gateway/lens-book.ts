import type { Clock } from '../drivers/clock.ts'
import { type EngravedLens, type LensIndex, lensCandidates, lensIndex } from './catalogue/lens-candidates.ts'
import type { LensCandidate, NamedLens } from './lens.ts'
import type { SeenEngraving } from './lens-sight.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface LensBookOptions {
  /** Another one after each change of the catalogue, by whomever. Throws StoreError. */
  readonly version: () => Promise<number | string>
  /** Throws StoreError. */
  readonly lenses: () => Promise<readonly EngravedLens[]>
  /** Searches what is enrolled now. */
  readonly refreshGallery: (signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

/** How often it is asked whether somebody has changed the catalogue, ms. */
const PERIOD_MS = 2000

/**
 * What the station knows of lenses, in memory: the catalogue by what is engraved, and the gallery of symbols. It follows
 * the file, whoever writes it: the page, a command, a restored backup.
 */
export class LensBook implements Unit {
  readonly name = 'catalogue'
  readonly #options: LensBookOptions
  readonly #ended = new AbortController()
  #index: LensIndex = lensIndex([])
  #version: number | string | undefined
  #fault: string | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(options: LensBookOptions) {
    this.#options = options
  }

  /** Resolves when it has been read, or could not be; it is tried on. */
  async start(): Promise<void> {
    await this.#follow()
    this.#running = this.#watch()
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  /** Lenses that what was read may belong to, likeliest first. */
  candidates(
    engravings: readonly SeenEngraving[],
    expected: NamedLens | undefined,
  ): readonly LensCandidate[] {
    return lensCandidates(this.#index, engravings, expected)
  }

  status(): UnitStatus {
    const facts = { lenses: this.#index.lenses.length }
    return this.#fault === undefined
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: `the catalogue is as it was read before: ${this.#fault}`, facts }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await this.#options.clock.sleep(PERIOD_MS, signal).catch(() => {})
      if (!signal.aborted) await this.#follow()
    }
  }

  async #follow(): Promise<void> {
    const { version, lenses, refreshGallery, log } = this.#options
    try {
      const now = await version()
      if (now === this.#version) return
      await refreshGallery(this.#ended.signal)
      this.#index = lensIndex(await lenses())
      this.#version = now
      this.#fault = undefined
    } catch (error) {
      if (this.#ended.signal.aborted) return
      const said = error instanceof Error ? error.message : String(error)
      if (said !== this.#fault) log.warn({ err: error }, 'catalogue not read, trying on')
      this.#fault = said
    }
  }
}
