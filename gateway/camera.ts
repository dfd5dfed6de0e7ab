import type { Camera } from '../drivers/camera/camera.ts'
import type { CameraImage } from '../drivers/camera/image.ts'
import type { Clock } from '../drivers/clock.ts'
import { SensorError, type SensorFault } from '../drivers/sensor.ts'
import type { LensPlace } from '../drivers/simulated/lens-camera-place.ts'
import { backoffMs } from './backoff.ts'
import { type CameraConfig, cameraSource } from './camera-options.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface CameraUnitOptions {
  readonly open: (signal: AbortSignal) => Promise<Camera>
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ x < 1, spreads the retries of a fleet. */
  readonly random: () => number
}

const RETRIES = { firstMs: 100, longestMs: 5000 }
/** How long the start of the station waits for the first picture; then it goes on, and the camera joins when it comes. */
const START_WAIT_MS = 4000
/** One that delivers for so long is well: the next fault begins with the shortest wait again. */
const STEADY_MS = 5000

/** What it is in from its first fault until it has delivered for a while. */
interface Trouble {
  readonly since: number
  /** Kinds of fault that the log knows of. */
  readonly told: Set<SensorFault>
  /** Failures in a row. */
  failures: number
}

/**
 * How to open the camera of a configuration; its drivers are loaded when it is first opened.
 * @param place where the simulated line lays its lenses: what a simulated camera looks at
 */
export function cameraOpening(
  config: CameraConfig,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  place?: LensPlace,
): CameraUnitOptions['open'] {
  return async (signal) => {
    const { Camera } = await import('../drivers/camera/camera.ts')
    const { startCamera } = await import('../drivers/linux/camera.ts')
    const { latencyOf } = await import('../drivers/linux/camera-command.ts')
    const source = await cameraSource(config, place)
    const { latency_ms: latencyMs = latencyOf(source), open_ms: openMs, stall_ms: stallMs } = config
    return await Camera.open(
      (starting) => startCamera(source, env, clock, starting),
      clock,
      {
        latencyMs,
        ...('fps' in source ? { fps: source.fps } : {}),
        ...(openMs === undefined ? {} : { openMs }),
        ...(stallMs === undefined ? {} : { stallMs }),
      },
      signal,
    )
  }
}

/**
 * The camera of the station: opened, watched, and after a fault closed and opened anew with exponential backoff, for
 * ever. A missing camera is a state, never an exit.
 */
export class CameraUnit implements Unit {
  readonly name = 'camera'
  readonly #options: CameraUnitOptions
  readonly #lifetime = new AbortController()
  #camera: Camera | undefined
  #fault = new SensorError('camera', 'absent', 'not opened yet')
  #trouble: Trouble | undefined
  #over = false
  #opened = 0
  /** Of the cameras before this one. */
  #past = { frames: 0, damaged: 0, skipped: 0 }
  #running: Promise<void> = Promise.resolve()

  constructor(options: CameraUnitOptions) {
    this.#options = options
  }

  /** Resolves with the first picture, or after a few seconds without one. */
  async start(signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    const first = new Promise<void>((resolve) => {
      this.#running = this.#supervise(resolve)
    })
    await Promise.race([
      first,
      this.#options.clock.sleep(START_WAIT_MS, AbortSignal.any([signal, enough.signal])).catch(() => {}),
    ])
    enough.abort()
  }

  async stop(): Promise<void> {
    this.#lifetime.abort()
    // What does not close is told where it is attended.
    await this.#camera?.close().catch(() => {})
    await this.#running
  }

  /**
   * @param since the exposure began at or after this monotonic time, ms
   * @throws SensorError at once while the camera is absent, or when it is lost meanwhile; the signal's reason
   */
  async measure(since: number, signal: AbortSignal): Promise<CameraImage> {
    if (this.#camera === undefined) throw this.#fault
    return await this.#camera.measure(since, signal)
  }

  /** The newest picture and the age of its exposure; undefined while there is no camera. */
  newest(): { readonly image: CameraImage; readonly ageMs: number } | undefined {
    return this.#camera?.newest()
  }

  status(): UnitStatus {
    const camera = this.#camera
    const age = camera?.ageMs
    const facts = {
      ...this.#counts(camera),
      fps: Number((camera?.fps ?? 0).toFixed(1)),
      restarts: Math.max(0, this.#opened - 1),
      ...(age === undefined ? {} : { age_ms: Math.round(age) }),
    }
    if (camera !== undefined) return { state: 'ok', facts }
    const { message, fault } = this.#fault
    return { state: 'failed', detail: message, facts: { ...facts, fault } }
  }

  #counts(camera: Camera | undefined): { frames: number; damaged: number; skipped: number } {
    const { frames, damaged, skipped } = this.#past
    return {
      frames: frames + (camera?.frames ?? 0),
      damaged: damaged + (camera?.damaged ?? 0),
      skipped: skipped + (camera?.skipped ?? 0),
    }
  }

  async #supervise(opened: () => void): Promise<void> {
    const { clock, random } = this.#options
    const { signal } = this.#lifetime
    while (!signal.aborted && !this.#over) {
      const camera = await this.#open(signal)
      if (camera !== undefined) {
        opened()
        await this.#attend(camera, signal)
      }
      if (signal.aborted || this.#over) return
      const wait = backoffMs(this.#trouble?.failures ?? 1, RETRIES, random)
      await clock.sleep(wait, signal).catch(() => {})
    }
  }

  async #open(signal: AbortSignal): Promise<Camera | undefined> {
    const { clock, log, open } = this.#options
    const since = clock.now()
    try {
      this.#camera = await open(signal)
    } catch (error) {
      if (!signal.aborted) this.#wrong(sensorError(error), 'camera absent, trying on')
      return undefined
    }
    this.#opened += 1
    if (this.#opened === 1) log.info({ afterMs: Math.round(clock.now() - since) }, 'camera ready')
    return this.#camera
  }

  /** Until it is lost, or the unit stops. */
  async #attend(camera: Camera, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    const cancel = clock.after(STEADY_MS, () => this.#well(camera))
    const loss = signal.aborted ? undefined : await camera.lost
    cancel()
    this.#camera = undefined
    this.#past = this.#counts(camera)
    this.#over = camera.over
    if (loss !== undefined && !signal.aborted) this.#wrong(loss, 'camera fault')
    await camera.close().catch((error: unknown) => log.warn({ err: error }, 'camera not closed'))
  }

  #well(camera: Camera): void {
    const { clock, log } = this.#options
    if (this.#camera !== camera || this.#trouble === undefined) return
    const awayMs = Math.round(clock.now() - STEADY_MS - this.#trouble.since)
    const { failures } = this.#trouble
    this.#trouble = undefined
    log.info({ failures, awayMs }, 'camera well again')
  }

  /** The log hears of each kind of fault once, until the camera has been well for a while. */
  #wrong(fault: SensorError, message: string): void {
    const { clock, log } = this.#options
    this.#fault = fault
    this.#trouble ??= { since: clock.now(), told: new Set(), failures: 0 }
    this.#trouble.failures += 1
    if (this.#trouble.told.has(fault.fault)) return
    this.#trouble.told.add(fault.fault)
    log.warn({ fault: fault.fault, err: fault }, message)
  }
}

function sensorError(error: unknown): SensorError {
  if (error instanceof SensorError) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new SensorError('camera', 'failed', detail, { cause: error })
}
