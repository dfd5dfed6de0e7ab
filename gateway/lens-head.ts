import { createHash } from 'node:crypto'
import type { CameraImage } from '../drivers/camera/image.ts'
import { SensorError, type SensorFault } from '../drivers/sensor.ts'
import type { MeasuringHead } from './inspect.ts'
import type { LensCandidate } from './lens.ts'
import { engravingsOf, type SeenEngraving, sightOf } from './lens-sight.ts'
import type { FrameReading } from './vision/lens-view.ts'
import { VisionError } from './vision/vision-error.ts'

/** What the lens head is made of. */
export interface LensHeadParts {
  /** Throws SensorError, or the signal's reason. */
  readonly camera: { measure(since: number, signal: AbortSignal): Promise<CameraImage> } | undefined
  /** Throws VisionError. */
  readonly vision: { read(jpeg: Uint8Array, signal: AbortSignal): Promise<FrameReading> }
  /** Lenses that carry these engravings, likeliest first. */
  readonly candidates: (engravings: readonly SeenEngraving[]) => readonly LensCandidate[]
  /** SHA-256 of each network, by its name. */
  readonly models: () => Readonly<Record<string, string>>
}

/** Head id and kind of the station's camera. */
const CAMERA = 'camera'

/** The camera with what reads its pictures, as a head that an inspection asks. */
export function lensHead({ camera, vision, candidates, models }: LensHeadParts): MeasuringHead {
  return {
    id: CAMERA,
    kind: 'camera',
    measure: async (since, signal) => {
      if (camera === undefined) throw new SensorError(CAMERA, 'absent', 'no camera is configured')
      const { jpeg, takenAt } = await camera.measure(since, signal)
      const reading = await read(vision, jpeg, signal)
      const picture = createHash('sha256').update(jpeg).digest('hex')
      const found = candidates(engravingsOf(reading))
      return sightOf(reading, found, { takenAt, jpeg, picture, models: { ...models() } })
    },
  }
}

const FAULTS: Partial<Readonly<Record<VisionError['fault'], SensorFault>>> = {
  corrupt: 'corrupt',
  late: 'timeout',
  replaced: 'timeout',
  stopped: 'absent',
  'not-loaded': 'absent',
}

async function read(
  vision: LensHeadParts['vision'],
  jpeg: Uint8Array,
  signal: AbortSignal,
): Promise<FrameReading> {
  try {
    return await vision.read(jpeg, signal)
  } catch (error) {
    if (!(error instanceof VisionError)) throw error
    throw new SensorError(CAMERA, FAULTS[error.fault] ?? 'failed', error.message, { cause: error })
  }
}
