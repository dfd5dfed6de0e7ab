import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { CameraStream } from '../camera/camera.ts'
import type { Clock } from '../clock.ts'
import { CameraChild } from '../linux/camera-child.ts'
import type { LensCameraOptions } from './lens-camera.ts'
import type { LensChildOptions } from './lens-camera-child.ts'
import { Departures } from './lens-camera-departures.ts'
import { lyingLine, monotonicMs, readTaken } from './lens-camera-line.ts'
import type { LensPlace } from './lens-camera-place.ts'

/** Lenses that are drawn, by a process of our own. */
export interface SimulatedSource {
  readonly kind: 'simulated'
  readonly fps: number
  readonly lenses: Omit<LensCameraOptions, 'symbols'>
  /** Folder with pictures of the symbols; absent: the demo gallery. */
  readonly symbols?: string | undefined
  /** Says which lens lies under the camera. */
  readonly place: LensPlace
}

/** What messages call it. */
const NAME = 'the simulated camera'

/**
 * Begins a simulated camera: a child process that draws, and shows what lies at the place that the source names.
 * @param env of the child
 * @throws SensorError `absent` where it cannot be run
 */
export async function startLensCamera(
  source: SimulatedSource,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<CameraStream> {
  const { fps, lenses, symbols, place } = source
  const told: LensChildOptions = { fps, lenses, symbols }
  const program = fileURLToPath(new URL('./lens-camera-child.js', import.meta.url))
  const child = spawn(process.execPath, [program, JSON.stringify(told)], { stdio: 'pipe', env })
  const reading = new CameraChild(NAME, child, source)
  // That it has ended is told where its pictures are read.
  child.stdin.on('error', () => {})
  await reading.spawned()
  const gone = new Departures(clock)
  const leave = place.watch((number) => {
    gone.lies(number)
    if (child.stdin.writable) child.stdin.write(lyingLine(number))
  })
  child.once('exit', leave)
  return {
    chunks: reading.chunks,
    stampOf({ preamble }) {
      const taken = readTaken(preamble)
      if (taken === undefined) return undefined
      // What shows a lens that has gone was taken before it went, whatever the child's clock said: it hears of it later.
      return Math.min(clock.now() - (monotonicMs() - taken.atMs), gone.at(taken.number))
    },
    stop() {
      leave()
      return reading.stop()
    },
  }
}
