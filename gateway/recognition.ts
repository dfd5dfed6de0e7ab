import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../drivers/clock.ts'
import type { ApiServerOptions } from './api/server.ts'
import { CatalogueFile } from './catalogue-file.ts'
import type { Config } from './config.ts'
import { contentIn } from './content.ts'
import { EngravingDesk } from './engraving-desk.ts'
import { galleryPlaces } from './engraving-places.ts'
import type { MeasuringHead } from './inspect.ts'
import type { NamedLens } from './lens.ts'
import { LensBook } from './lens-book.ts'
import { LensDesk } from './lens-desk.ts'
import { type LensHeadParts, lensHead } from './lens-head.ts'
import type { Log } from './log.ts'
import { modelsInForce } from './models-in-force.ts'
import type { Unit, UnitStatus } from './station.ts'
import { lensesOf } from './store/catalogue/catalogue.ts'
import { EvidenceStore } from './store/evidence.ts'
import { ModelError } from './vision/model.ts'
import { VisionError } from './vision/vision-error.ts'
import { VisionThread } from './vision/vision-thread.ts'

export interface RecognitionParts {
  readonly config: Config
  readonly camera: LensHeadParts['camera']
  /** The lens that the recipe in force wants to see. */
  readonly expected: () => NamedLens | undefined
  readonly log: Log
}

/** What recognises engravings at this station. */
export interface Recognition {
  readonly lens: MeasuringHead
  readonly evidence: EvidenceStore
  /** What is asked over HTTP. */
  readonly sources: Pick<ApiServerOptions, 'engravings' | 'lenses' | 'evidence'>
  /** In the order to start them in. */
  readonly units: readonly Unit[]
}

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url))

/** What opens pictures: 9 MB, which a station without pictures has a better use for. */
const decoder = () => import('../drivers/camera/frame.ts')

/** Wires camera, networks, gallery and catalogue to each other. */
export function recognition({ config, camera, expected, log }: RecognitionParts): Recognition {
  const { data_dir: dataDir, vision: options, store } = config
  const clock = systemClock
  const networks = modelsInForce(contentIn(config.update.dir), MODELS)
  const vision = new VisionOnDemand(
    () =>
      new VisionThread({
        ...{ models: networks, providers: options.providers, threads: options.threads },
        ...{ clock, log, random: Math.random },
        decode: async (jpeg) => {
          const { decode } = await decoder()
          // The driver has looked at the size when it cut the picture out of the stream.
          return await decode({ kind: 'camera', jpeg, width: 0, height: 0, takenAt: 0, sequence: 0 })
        },
      }),
    camera !== undefined,
    log,
  )
  const catalogue = new CatalogueFile(join(dataDir, 'catalogue.db'))
  const desk = new EngravingDesk({
    ...{ catalogue, reader: vision, wall: () => clock.wall() },
    leftOut: (symbol, err) => log.warn({ symbol, err }, 'an enrolled picture is left out'),
    places: {
      ...galleryPlaces(dataDir),
      embedder: () => vision.embedder(),
      notKept: (err) => log.warn({ err }, 'what was made of an enrolled picture is not kept'),
    },
  })
  const evidence = new EvidenceStore({
    folder: join(dataDir, 'evidence'),
    keep: store.evidence.keep,
    quotaBytes: store.evidence.quota_mb * 1e6,
    log,
  })
  const book = new LensBook({
    version: () => desk.version(),
    lenses: async () => await lensesOf(await catalogue.reader()),
    // Without a camera nobody asks until somebody draws: the desk looks then.
    refreshGallery: async (signal) => {
      if (camera !== undefined) await desk.refresh(signal)
    },
    clock,
    log,
  })
  const lens = lensHead({
    ...{ camera, vision },
    candidates: (engravings) => book.candidates(engravings, expected()),
    models: () => vision.models,
  })
  const file: Unit = {
    name: 'catalogue file',
    start: async () => {
      if (config.camera?.kind === 'simulated') await seed(catalogue, log)
    },
    stop: () => catalogue.close(),
  }
  const units = camera === undefined ? [file, vision, evidence] : [file, vision, book, evidence]
  const sources = {
    engravings: desk,
    lenses: new LensDesk(catalogue, () => clock.wall()),
    evidence: (hash: string) => evidence.read(hash),
  }
  return { lens, evidence, sources, units }
}

async function seed(catalogue: CatalogueFile, log: Log): Promise<void> {
  const { seedDemo } = await import('./demo-lenses.ts')
  const symbols = await seedDemo(catalogue, new Date(systemClock.wall()).toISOString())
  if (symbols > 0) log.info({ symbols }, 'the catalogue was empty: the demonstration’s symbols are in it now')
}

/**
 * The thread that looks at pictures, started with the station where a camera needs it, else with the first question: it
 * costs memory that a station without pictures has a better use for.
 */
class VisionOnDemand implements Unit {
  readonly name = 'vision'
  readonly #make: () => VisionThread
  readonly #atOnce: boolean
  readonly #log: Log
  readonly #ended = new AbortController()
  /** A model that cannot be used, by no thread. */
  #fault: ModelError | undefined
  #thread: VisionThread | undefined
  #started: Promise<void> | undefined

  constructor(make: () => VisionThread, atOnce: boolean, log: Log) {
    this.#make = make
    this.#atOnce = atOnce
    this.#log = log
  }

  /** A model that cannot be used is a state: parts that need it are left ungraded, all others go on. */
  async start(): Promise<void> {
    if (!this.#atOnce) return
    // What cannot be loaded is found now, and by no part.
    await decoder()
    await this.#awake().catch((error: unknown) => {
      if (!(error instanceof ModelError)) throw error
      this.#log.error({ err: error }, 'a network cannot be used: no engraving is read')
    })
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#started?.catch(() => {})
    await this.#thread?.stop()
  }

  /** SHA-256 of each network that is open, by its name. */
  get models(): Readonly<Record<string, string>> {
    return this.#thread?.models ?? {}
  }

  async read(jpeg: Uint8Array, signal: AbortSignal) {
    if (this.#fault !== undefined) {
      throw new VisionError('not-loaded', this.#fault.message, { cause: this.#fault })
    }
    return await (await this.#awake()).read(jpeg, signal)
  }

  async match(picture: Uint8Array, top: number) {
    return await (await this.#awake()).match(picture, top)
  }

  async prototypes(picture: Uint8Array, symbol: string) {
    return await (await this.#awake()).prototypes(picture, symbol)
  }

  /** SHA-256 of the network that makes vectors. */
  async embedder(): Promise<string> {
    return (await this.#awake()).embedder
  }

  async setGallery(...searched: Parameters<VisionThread['setGallery']>): Promise<void> {
    const thread = await this.#awake()
    thread.setGallery(...searched)
  }

  status(): UnitStatus {
    if (this.#fault !== undefined) return { state: 'failed', detail: this.#fault.message }
    return this.#thread?.status() ?? { state: 'ok', facts: { loaded: false } }
  }

  /** @throws ModelError when a model cannot be used, until the station is started anew; VisionError `stopped` */
  async #awake(): Promise<VisionThread> {
    if (this.#ended.signal.aborted) throw new VisionError('stopped', 'the station stops')
    if (this.#fault !== undefined) throw this.#fault
    this.#thread ??= this.#make()
    const thread = this.#thread
    this.#started ??= thread.start(this.#ended.signal)
    try {
      await this.#started
      return thread
    } catch (error) {
      if (error instanceof ModelError) this.#fault = error
      throw error
    }
  }
}
