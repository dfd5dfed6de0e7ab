import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import type { Config } from '../config.ts'
import { type ConfigSources, loadConfig } from '../config-file.ts'
import { type Content, contentIn } from '../content.ts'
import { modelsInForce } from '../models-in-force.ts'
import { checkContent } from './content-check.ts'
import type { CopyOptions } from './copy.ts'
import { checkModels } from './models.ts'
import type { Check, CheckName, DifferingVerdict, SelfTestReport } from './report.ts'
import { checkStore, type StoreFound } from './store-check.ts'
import { checkUpdater } from './updater.ts'
import { judgeAgain } from './verdicts.ts'

export interface SelfTestOptions {
  /** Where the configuration comes from, as for `run`. */
  readonly sources: ConfigSources
  /** In place of the configuration's: the updater's own environment may name another. */
  readonly dataDir?: string | undefined
  /**
   * Where a folder for the copy is made, and removed again; what killed tests left there goes, too: one test at a time.
   * Default: the system's for temporary files.
   */
  readonly scratch?: string | undefined
  /** Newest parts that are judged again. */
  readonly parts: number
  readonly version: string
  /** The release's folder `models`. */
  readonly models: string
  /** Entry of the release's updater. */
  readonly updater: string
  readonly clock: Clock
  /** Tries only this, which came as an update, beside what is in force. */
  readonly candidate?: Content | undefined
  readonly copying?: Pick<CopyOptions, 'wholeBytes' | 'freeBytes'>
  /** Longest that each check may take, ms. */
  readonly limitsMs?: Partial<Record<CheckName, number>>
}

// A copy of 128 MiB on a slow card; TensorRT builds its engines anew for a new release.
const LIMITS_MS: Readonly<Record<CheckName, number>> = {
  configuration: 10_000,
  store: 180_000,
  models: 330_000,
  verdicts: 120_000,
  updater: 30_000,
  content: 330_000,
}

const PREFIX = 'poincon-self-test-'

/**
 * Whether this release can take the place of the one that runs: it reads that one's configuration, brings its store
 * forward on a copy, loads its networks, judges its last parts, and could be replaced in turn. It opens no bus and no
 * port, and writes nothing but into its scratch folder. What fails ends the test: what follows would say nothing.
 */
export async function selfTest(options: SelfTestOptions): Promise<SelfTestReport> {
  const folder = options.scratch ?? tmpdir()
  await mkdir(folder, { recursive: true })
  if (options.scratch !== undefined) await clear(folder)
  const scratch = await mkdtemp(join(folder, PREFIX))
  try {
    return await new SelfTest(options, scratch).run()
  } finally {
    // A check that took too long may still be writing: the next test clears it away.
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 }).catch(() => {})
  }
}

/** What tests left that were killed. */
async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(PREFIX)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

class SelfTest {
  readonly #options: SelfTestOptions
  readonly #scratch: string
  readonly #checks: Check[] = []

  constructor(options: SelfTestOptions, scratch: string) {
    this.#options = options
    this.#scratch = scratch
  }

  async run(): Promise<SelfTestReport> {
    const { candidate, version } = this.#options
    if (candidate !== undefined) return await this.#only(candidate, version)
    const config = await this.#check('configuration', () => this.#configuration())
    const store =
      config === undefined ? undefined : await this.#check('store', (signal) => this.#store(config, signal))
    const differing =
      config === undefined || store === undefined ? undefined : await this.#judging(config, store)
    const passed = differing !== undefined && this.#checks.every((check) => check.passed)
    return {
      ...{ schema: 'poincon.self-test/1', version, passed, checks: this.#checks },
      ...(store === undefined ? {} : { store: { from: store.from, to: store.to } }),
      differing: [...(differing ?? [])],
    }
  }

  async #only(candidate: Content, version: string): Promise<SelfTestReport> {
    const { sources, dataDir, models } = this.#options
    const found = await this.#check(
      'content',
      async () => await checkContent({ candidate, sources, dataDir, models }),
    )
    return {
      ...{ schema: 'poincon.self-test/1', version, passed: found !== undefined, checks: this.#checks },
      ...(found === undefined ? {} : { changes: [...found.changes] }),
      differing: [],
    }
  }

  /** @returns undefined where the verdicts cannot be told */
  async #judging(config: Config, store: StoreFound): Promise<readonly DifferingVerdict[] | undefined> {
    const { parts, models, updater } = this.#options
    if (config.camera !== undefined || store.recipe.camera !== undefined) {
      await this.#check('models', async () => ({
        detail: await checkModels({
          models: modelsInForce(contentIn(config.update.dir), models),
          vision: config.vision,
        }),
      }))
    }
    const found = await this.#check('verdicts', (signal) => judgeAgain({ dir: this.#scratch, parts, signal }))
    await this.#check('updater', async (signal) => {
      const detail = await checkUpdater(updater, signal)
      return detail === undefined ? undefined : { detail }
    })
    return found?.differing
  }

  #configuration(): Promise<Config & { readonly detail: string }> {
    const { sources, dataDir } = this.#options
    const { config, file } = loadConfig(sources)
    const named = dataDir === undefined ? config : { ...config, data_dir: dataDir }
    return Promise.resolve({ ...named, detail: `${file}: correct` })
  }

  #store(config: Config, signal: AbortSignal): Promise<StoreFound> {
    const { parts, clock, copying = {} } = this.#options
    return checkStore({ config, scratch: this.#scratch, parts, clock, signal, copying })
  }

  /** @returns what was found; undefined where the check failed, or does not apply */
  async #check<T extends { readonly detail: string }>(
    name: CheckName,
    work: (signal: AbortSignal) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { clock, limitsMs } = this.#options
    const limitMs = limitsMs?.[name] ?? LIMITS_MS[name]
    const signal = AbortSignal.timeout(limitMs)
    const beganAt = clock.now()
    const tell = (passed: boolean, detail: string): void => {
      this.#checks.push({ name, passed, detail, ms: Math.round(clock.now() - beganAt) })
    }
    try {
      const found = await untilAborted(new Promise<T | undefined>((resolve) => resolve(work(signal))), signal)
      if (found !== undefined) tell(true, found.detail)
      return found
    } catch (error) {
      const late = signal.aborted ? `took longer than ${limitMs / 1000} s` : undefined
      tell(false, late ?? (error instanceof Error ? error.message : String(error)))
      return undefined
    }
  }
}

/** Whichever comes first: what does not listen to its signal is not waited for. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
  })
  work.catch(() => {})
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
