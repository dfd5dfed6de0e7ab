import type { Clock } from '../clock.ts'
import { SensorError } from '../sensor.ts'
import { CAMERA, type CameraImage } from './image.ts'
import { LatestFrame } from './latest.ts'
import { type Jpeg, MjpegSplitter } from './mjpeg.ts'

/** Whatever writes pictures: a process, or a folder that is read out. */
export interface CameraStream {
  /** JPEGs that follow each other, in any pieces. Ends when the pictures are over; throws SensorError when they break off. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** When the picture was taken, monotonic ms of the clock, where the bytes before it say so. */
  readonly stampOf?: (picture: Jpeg) => number | undefined
  /** Resolves when nothing of it is left. May be called more than once. */
  stop(): Promise<void>
}

/** Begins a stream. @throws SensorError */
export type StartCamera = (signal: AbortSignal) => Promise<CameraStream>

export interface CameraOptions {
  /** Pictures per second that it is asked for: what the default of `stallMs` is made from. Default 10. */
  readonly fps?: number
  /**
   * From the beginning of an exposure to its time stamp, at most; ms, default 0. The stamp is that of the stream where
   * it has one, else the moment at which the picture's last byte was read here.
   */
  readonly latencyMs?: number
  /** Without a picture for so long it is stalled; ms, default 2 s or ten periods. */
  readonly stallMs?: number
  /** For the first picture, ms. Default 10 s: an RTSP camera shakes hands and waits for a key frame. */
  readonly openMs?: number
  /** A longer picture is damaged. Default 16 MiB. */
  readonly maxFrameBytes?: number
}

const OPEN_MS = 10_000
const LEAST_STALL_MS = 2000
const STALL_PERIODS = 10
/** A stall shows as that many looks in a row without a picture: one late look of a busy process is none. */
const LOOKS = 4
/** An older stamp says that clock and stream do not mean the same. */
const OLDEST_STAMP_MS = 10_000
const RATE_WINDOW_MS = 5000

/** A camera that delivers: the newest picture wins. */
export class Camera {
  readonly #stream: CameraStream
  readonly #clock: Clock
  readonly #latencyMs: number
  readonly #stallMs: number
  readonly #splitter: MjpegSplitter
  readonly #latest = new LatestFrame<CameraImage>()
  readonly #recent: number[] = []
  readonly #lost: Promise<SensorError>
  #loss: SensorError | undefined
  #tellLoss: (loss: SensorError) => void = () => {}
  #over = false
  #frames = 0
  #takenAt = Number.NEGATIVE_INFINITY
  #looksWithout = 0
  #stopWatching: () => void = () => {}
  #pumping: Promise<void> = Promise.resolve()

  private constructor(stream: CameraStream, clock: Clock, options: CameraOptions) {
    const { fps = 10, latencyMs = 0, maxFrameBytes } = options
    this.#stream = stream
    this.#clock = clock
    this.#latencyMs = latencyMs
    this.#stallMs = options.stallMs ?? Math.max(LEAST_STALL_MS, (STALL_PERIODS * 1000) / fps)
    this.#splitter = new MjpegSplitter(maxFrameBytes === undefined ? {} : { maxFrameBytes })
    this.#lost = new Promise((resolve) => {
      this.#tellLoss = resolve
    })
  }

  /**
   * Begins the stream and waits for its first picture.
   * @throws SensorError of the stream; `timeout` where no picture came; the signal's reason
   */
  static async open(
    start: StartCamera,
    clock: Clock,
    options: CameraOptions = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Camera> {
    signal.throwIfAborted()
    const camera = new Camera(await start(signal), clock, options)
    try {
      camera.#pumping = camera.#pump()
      await camera.#first(options.openMs ?? OPEN_MS, signal)
      camera.#watch()
      return camera
    } catch (error) {
      await camera.close()
      throw error
    }
  }

  /** Resolves with why it gives no more pictures; also when it is closed. Close it then, and open another. */
  get lost(): Promise<SensorError> {
    return this.#lost
  }

  /** The stream came to its end by itself: a file that is played once. */
  get over(): boolean {
    return this.#over
  }

  /** Whole pictures so far. */
  get frames(): number {
    return this.#frames
  }

  /** Pictures that were cut off, too long, or no JPEG. */
  get damaged(): number {
    return this.#splitter.damaged
  }

  /** Pictures that a newer one replaced before anybody looked. */
  get skipped(): number {
    return this.#latest.replacedUnseen
  }

  /** Since the newest exposure began; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#frames === 0 ? undefined : this.#clock.now() - this.#takenAt
  }

  /** Pictures per second over the last five seconds. */
  get fps(): number {
    const now = this.#clock.now()
    const [first] = this.#recent
    if (first === undefined || this.#recent.length < 2) return 0
    const within = this.#recent.filter((at) => at > now - RATE_WINDOW_MS)
    const span = Math.min(RATE_WINDOW_MS, now - first)
    return span > 0 ? (within.length * 1000) / span : 0
  }

  /** Undefined once it is lost. The age is that of the beginning of its exposure. */
  newest(): { readonly image: CameraImage; readonly ageMs: number } | undefined {
    const image = this.#loss === undefined ? this.#latest.newest() : undefined
    return image === undefined ? undefined : { image, ageMs: this.#clock.now() - image.takenAt }
  }

  /**
   * @param since the exposure began at or after this monotonic time, ms
   * @throws SensorError: why it was lost; `timeout` when no such picture came within the stall limit after `since`
   */
  async measure(since: number, signal?: AbortSignal): Promise<CameraImage> {
    const limitMs = Math.max(0, since - this.#clock.now()) + this.#stallMs + this.#latencyMs
    const late = new AbortController()
    const cancel = this.#clock.after(limitMs, () =>
      late.abort(new SensorError(CAMERA, 'timeout', `no new picture within ${Math.ceil(limitMs)} ms`)),
    )
    try {
      const signals = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
      return await this.#latest.next(since, signals)
    } finally {
      cancel()
    }
  }

  /** Ends the stream and waits for it. @throws SensorError `failed` when its process cannot be ended */
  async close(): Promise<void> {
    this.#lose(new SensorError(CAMERA, 'absent', 'it was closed'))
    try {
      await this.#stream.stop()
    } finally {
      await this.#pumping
    }
  }

  async #pump(): Promise<void> {
    try {
      for await (const chunk of this.#stream.chunks) {
        if (this.#loss !== undefined) return
        for (const jpeg of this.#splitter.push(chunk)) this.#took(jpeg)
      }
      this.#splitter.end()
      this.#over = this.#loss === undefined
      this.#lose(new SensorError(CAMERA, 'absent', 'there are no more pictures'))
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.#lose(
        error instanceof SensorError ? error : new SensorError(CAMERA, 'failed', detail, { cause: error }),
      )
    }
  }

  #took(picture: Jpeg): void {
    const now = this.#clock.now()
    const stamp = this.#stream.stampOf?.(picture)
    const stamped = stamp !== undefined && stamp <= now && stamp > now - OLDEST_STAMP_MS ? stamp : now
    this.#takenAt = Math.max(this.#takenAt, stamped - this.#latencyMs)
    this.#frames += 1
    this.#looksWithout = 0
    this.#recent.push(now)
    while ((this.#recent[0] ?? now) < now - RATE_WINDOW_MS) this.#recent.shift()
    const { bytes: jpeg, width, height } = picture
    const [takenAt, sequence] = [this.#takenAt, this.#frames]
    this.#latest.put({ kind: 'camera', jpeg, width, height, takenAt, sequence })
  }

  async #first(limitMs: number, signal: AbortSignal): Promise<void> {
    const late = new AbortController()
    const cancel = this.#clock.after(limitMs, () =>
      late.abort(new SensorError(CAMERA, 'timeout', `no picture within ${limitMs} ms of its start`)),
    )
    try {
      await this.#latest.next(Number.NEGATIVE_INFINITY, AbortSignal.any([signal, late.signal]))
    } finally {
      cancel()
    }
  }

  #watch(): void {
    if (this.#loss !== undefined) return
    this.#stopWatching = this.#clock.after(this.#stallMs / LOOKS, () => {
      this.#looksWithout += 1
      if (this.#looksWithout <= LOOKS) {
        this.#watch()
        return
      }
      const text = `stalled: no picture for ${Math.round(this.#stallMs)} ms`
      this.#lose(new SensorError(CAMERA, 'timeout', text))
    })
  }

  #lose(loss: SensorError): void {
    if (this.#loss !== undefined) return
    this.#loss = loss
    this.#stopWatching()
    this.#latest.close(loss)
    this.#tellLoss(loss)
  }
}
