import type { Clock } from '../../drivers/clock.ts'
import { SensorError } from '../../drivers/sensor.ts'
import type { EmptyTray } from '../calibration.ts'
import type { BusHead, MeasuringHead } from '../inspect.ts'
import type { HeadKind } from '../inspection.ts'
import { headFor, looksOf, measurementOf, type RawHead, type RawRecord } from '../raw.ts'

/** The heads of a station as far as a replay stands in for them. */
export interface ReplayedHead {
  readonly id: string
  readonly kind: HeadKind
}

export interface ReplayOptions {
  readonly records: readonly RawRecord[]
  /** Calibrations that came with the records, by id. */
  readonly trays: ReadonlyMap<string, EmptyTray>
  readonly heads: readonly ReplayedHead[]
  readonly clock: Clock
  /** Waits between the records as long as the recording says, at most `MAX_PAUSE_MS`; else goes as fast as it can. */
  readonly paced: boolean
}

/** A pause in the recording longer than this was nobody's intention. */
const MAX_PAUSE_MS = 2000

/**
 * Recorded raw data in place of the heads: record by record, everything from decoding on is the live path.
 * A head that a record does not hold is absent in it.
 */
export class Player {
  readonly heads: readonly BusHead[]
  /** The camera, as far as it was recorded: what was read, not the pictures. */
  readonly camera: MeasuringHead
  readonly #options: ReplayOptions
  #current: RawRecord | undefined

  constructor(options: ReplayOptions) {
    this.#options = options
    this.heads = options.heads.map(({ id, kind }) => ({
      id,
      kind,
      measure: () => promised(() => measurementOf(this.#recorded(id), options.clock.now())),
      looks: () => promised(() => looksOf(this.#recorded(id), options.clock.now())),
    }))
    this.camera = {
      id: 'camera',
      kind: 'camera',
      measure: () => promised(() => measurementOf(this.#recorded('camera'), options.clock.now())),
    }
  }

  /**
   * Plays all records once, one part each, each after the one before is on disk.
   * @param fire inspects the part that the record holds
   * @returns how many were played
   */
  async play(
    fire: (part: { readonly sampleId: string | undefined }) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<number> {
    const { records, clock, paced } = this.#options
    let played = 0
    let before: RawRecord | undefined
    for (const record of records) {
      if (signal.aborted) break
      if (paced) await clock.sleep(pauseMs(before, record), signal)
      this.#current = record
      // A part that cannot be recorded is counted and logged where it is lost; the next one still comes.
      await fire({ sampleId: record.trigger?.sample_id }).catch(() => {})
      before = record
      played += 1
    }
    this.#current = undefined
    return played
  }

  /**
   * The empty tray that the present record was measured over: one it names, among those of the recording and the
   * station's own. Over any other, heights would mean nothing.
   */
  tray(own: EmptyTray | undefined): EmptyTray | undefined {
    for (const id of this.#current?.calibration ?? []) {
      const tray = id === own?.id ? own : this.#options.trays.get(id)
      if (tray !== undefined) return tray
    }
    return undefined
  }

  #recorded(id: string): RawHead {
    const heads = [...this.#options.heads, { id: 'camera', kind: 'camera' } as const]
    const found = Object.entries(this.#current?.heads ?? {}).find(
      ([name, head]) => headFor(name, head.kind, heads) === id,
    )
    if (found === undefined) throw new SensorError(id, 'absent', 'not in this record')
    return found[1]
  }
}

/** What `work` throws rejects. */
function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()))
}

function pauseMs(before: RawRecord | undefined, record: RawRecord): number {
  if (before?.t_us === undefined || record.t_us === undefined) return 0
  return Math.min(MAX_PAUSE_MS, Math.max(0, (record.t_us - before.t_us) / 1000))
}
