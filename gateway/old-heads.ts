import { v7 } from 'uuid'
import type { Clock } from '../drivers/clock.ts'
import { SensorError } from '../drivers/sensor.ts'
import { emptyTrayOf } from './analysis/empty-tray.ts'
import { judge, type Plan, prepare } from './analysis/judge.ts'
import { isExpired } from './calibration/newest.ts'
import { validUntil } from './calibration/origin.ts'
import { CalibrationRefused } from './calibration/refused.ts'
import { type EmptyTray, emptyTrayJson, parseCalibration } from './calibration.ts'
import type { ClockDiscipline } from './clock-discipline.ts'
import { oldHeadIds } from './esp32/device.ts'
import type { Esp32Options } from './esp32/options.ts'
import type { StoredSample } from './esp32/protocol.ts'
import type { OldSample } from './esp32/sample.ts'
import type { SampleLog } from './esp32/session.ts'
import type { FeedHub } from './feed.ts'
import type { Identity } from './identity.ts'
import { inspect, type MeasuringHead, type Observation } from './inspect.ts'
import type { HeadKind, Measurement } from './inspection.ts'
import { inspectionMessage } from './message.ts'
import { oldSubject } from './old-subject.ts'
import type { OutboxEntry } from './outbox.ts'
import { type Air, conditionsOf, measurementOf, type RawRecord } from './raw.ts'
import { recordOf } from './record.ts'
import { architectureOf } from './rejudge/architecture.ts'
import type { InForce, Setup } from './setup.ts'
import { StoreError } from './store/error.ts'
import { originOf } from './store/log/rows.ts'
import type { Store } from './store/store.ts'
import type { CommandWatch } from './update-commands.ts'

export interface OldHeadsOptions {
  readonly identity: Identity
  readonly version: string
  readonly config: Pick<Esp32Options, 'gain' | 'integration_ms'>
  readonly setup: Pick<Setup, 'recipe' | 'lot'>
  readonly store: Pick<Store, 'append' | 'sampled' | 'calibrations'>
  readonly feed: Pick<FeedHub, 'emit'>
  readonly discipline: Pick<ClockDiscipline, 'state'>
  /** Keeps something, for which an update waits. @throws LineTaken while one has the line */
  readonly keep: CommandWatch['keep']
  readonly clock: Clock
}

/** Samples that an empty tray of an old head is averaged over, and how long they may take: its slowest rate is 30 s. */
const TRAY_SAMPLES = 12
const TRAY_LIMIT_MS = 600_000
/** Devices with a tray of their own, and the recipe in force: so many plans are kept. */
const PLANS = 16
const NEVER = new AbortController().signal

interface Collecting {
  readonly measurements: Measurement[]
  readonly heads: Set<string>
  readonly full: () => void
}

/**
 * Parts that heads of the old system measured: judged as the station's own are, by the recipe in force and over the
 * device's own empty tray, and kept in the same log. No gate moves for them, and nothing of the station's calibrations,
 * charts or counters takes part.
 */
export class OldHeads implements SampleLog {
  readonly #options: OldHeadsOptions
  readonly #architecture = architectureOf(process)
  readonly #plans = new Map<string, Plan>()
  readonly #collecting = new Map<string, Collecting>()
  #parts = 0

  constructor(options: OldHeadsOptions) {
    this.#options = options
  }

  async find(deviceId: string, sampleId: string): Promise<StoredSample | undefined> {
    const entry = await this.#options.store.sampled(originOf(deviceId, sampleId))
    return entry === undefined ? undefined : storedOf(entry)
  }

  store(sample: OldSample, address: string): Promise<StoredSample> {
    return this.#options.keep('esp32/sample', () => this.#store(sample, address))
  }

  async #store(sample: OldSample, address: string): Promise<StoredSample> {
    const { store, feed } = this.#options
    const { draft, raw, measurements } = await this.#judged(sample, address)
    try {
      const entry = await store.append(draft, raw)
      feed.emit({ type: 'inspection', inspection: entry })
      this.#collect(sample.deviceId, measurements)
      return storedOf(entry)
    } catch (error) {
      // A commit that failed may have reached the disk all the same.
      const duplicate = error instanceof StoreError && error.fault === 'duplicate'
      const found = duplicate ? await this.find(sample.deviceId, sample.sampleId) : undefined
      if (found === undefined) throw error
      return found
    }
  }

  /**
   * Takes the next samples of a device for its empty tray, and keeps it. They are stored as parts all the same.
   * @throws CalibrationRefused where they do not come in time, or another waits for them; RangeError without ranges
   */
  async measureTray(deviceId: string, by: string, validDays?: number): Promise<EmptyTray> {
    const { clock, store } = this.#options
    if (this.#collecting.has(deviceId)) throw new CalibrationRefused(`head: ${deviceId}: is being calibrated`)
    const measurements: Measurement[] = []
    const heads = new Set<string>()
    try {
      await new Promise<void>((full, refuse) => {
        const late = `head: ${deviceId}: ${TRAY_SAMPLES} samples expected within ${TRAY_LIMIT_MS / 1000} s`
        const cancel = clock.after(TRAY_LIMIT_MS, () => refuse(new CalibrationRefused(late)))
        const done = (): void => {
          cancel()
          full()
        }
        this.#collecting.set(deviceId, { measurements, heads, full: done })
      })
    } finally {
      this.#collecting.delete(deviceId)
    }
    const until = validUntil({ clock }, { validDays })
    const tray = {
      ...emptyTrayOf(
        measurements.filter((one) => one.kind === 'vl53l8ch'),
        measurements.filter((one) => one.kind === 'as7341'),
        { id: v7(), at: new Date(clock.wall()).toISOString(), by, heads: [...heads] },
      ),
      ...(until === undefined ? {} : { validUntil: until }),
    }
    const subject = oldSubject(deviceId)
    const { id, kind, at: takenAt, by: takenBy } = tray
    await store.calibrations.save({
      id,
      kind,
      subject,
      takenAt,
      takenBy,
      calibration: emptyTrayJson(tray, subject),
    })
    return tray
  }

  async #judged(
    sample: OldSample,
    address: string,
  ): Promise<ReturnType<typeof recordOf> & Pick<Observation, 'measurements'>> {
    const { identity, version, discipline, clock } = this.#options
    const at = clock.now()
    const wallMs = clock.wall()
    const inForce = await this.#inForce(sample)
    const rawHeads = this.#rawHeads(sample)
    const climate = climateOf(sample)
    const conditions = conditionsOf({ wallMs, climate })
    this.#parts += 1
    const trigger = { number: this.#parts, at, source: 'esp32', sampleId: sample.sampleId } as const
    const inspected = await inspect(
      trigger,
      headsOf(sample.deviceId, rawHeads, at),
      (evidence) => judge(inForce.plan, { ...evidence, conditions }),
      NEVER,
    )
    const decidedAt = clock.now()
    const { judgement } = inspected
    const record = recordOf(
      { trigger, inspected, judgement, latencyMs: decidedAt - at, decidedAt },
      {
        id: v7(),
        identity,
        software: version,
        inForce,
        architecture: this.#architecture,
        clock: discipline.state,
        wallMs,
        dryRun: true,
        climate,
        foreign: { block: { ...sample.said, address }, heads: rawHeads },
      },
    )
    return { ...record, measurements: inspected.observation.measurements }
  }

  /** The station's recipe over the device's own tray. */
  async #inForce({ deviceId, lotId }: OldSample): Promise<InForce> {
    const { setup, store, clock } = this.#options
    const stored = await store.calibrations.newest('empty-tray', oldSubject(deviceId))
    const newest = stored === undefined ? undefined : parseCalibration(stored.calibration)
    const until = newest?.validUntil
    const ended = until !== undefined && isExpired({ valid_until: until }, clock.wall())
    const tray = ended ? undefined : newest
    const { recipe, lot } = setup
    const key = `${recipe.sha256} ${tray?.id ?? ''}`
    const plan = this.#plans.get(key) ?? prepare(recipe.recipe, tray)
    this.#plans.delete(key)
    this.#plans.set(key, plan)
    const [oldest] = this.#plans.keys()
    if (this.#plans.size > PLANS && oldest !== undefined) this.#plans.delete(oldest)
    return { recipe, lotId: lotId ?? lot.id, tray, references: [], plan }
  }

  /** What is kept of the sample: as it came, with the exposure that the configuration knows where it did not. */
  #rawHeads({ deviceId, ranging, spectrum }: OldSample): RawRecord['heads'] {
    const ids = oldHeadIds(deviceId)
    const { config } = this.#options
    const heads: RawRecord['heads'] = {}
    if (ranging !== undefined) {
      heads[ids.ranging] = { kind: 'vl53l8ch', form: 'esp32', targets_per_zone: 1, ...ranging }
    }
    if (spectrum !== undefined) {
      const { gain = config.gain, integrationMs = config.integration_ms, counts } = spectrum
      heads[ids.spectral] = {
        kind: 'as7341',
        ...(gain === undefined ? {} : { gain }),
        ...(integrationMs === undefined ? {} : { integration_ms: integrationMs }),
        payload: { ...counts },
      }
    }
    return heads
  }

  #collect(deviceId: string, measurements: Observation['measurements']): void {
    const collecting = this.#collecting.get(deviceId)
    if (collecting === undefined) return
    for (const [id, measurement] of measurements) {
      collecting.heads.add(id)
      collecting.measurements.push(measurement)
    }
    const frames = collecting.measurements.filter(({ kind }) => kind === 'vl53l8ch').length
    if (frames >= TRAY_SAMPLES) collecting.full()
  }
}

/** A device is two heads; one that sent nothing is absent. */
function headsOf(deviceId: string, kept: RawRecord['heads'], takenAt: number): readonly MeasuringHead[] {
  const ids = oldHeadIds(deviceId)
  const head = (id: string, kind: HeadKind): MeasuringHead => ({
    id,
    kind,
    measure: () =>
      new Promise((resolve) => {
        const raw = kept[id]
        if (raw === undefined) throw new SensorError(id, 'absent', 'nothing in the message')
        resolve(measurementOf(raw, takenAt))
      }),
  })
  return [head(ids.ranging, 'vl53l8ch'), head(ids.spectral, 'as7341')]
}

function climateOf({ temperatureC, humidityPercent }: OldSample): Air | undefined {
  if (temperatureC === undefined) return undefined
  return { temperatureC, ...(humidityPercent === undefined ? {} : { humidityPercent }) }
}

const stored = inspectionMessage.pick({ verdict: true, old_head: true })

/** @throws ZodError for an inspection of the station's own */
function storedOf({ id, sequence, payload }: OutboxEntry): StoredSample {
  const { verdict, old_head: head } = stored.required().parse(JSON.parse(payload))
  const graded = verdict.kind === 'graded' ? { grade: verdict.grade, score: verdict.score } : {}
  const { kind, action, reasons } = verdict
  return { id, sequence, measuredSha256: head.measured_sha256, verdict: { kind, action, reasons, ...graded } }
}
