import { parentPort, workerData } from 'node:worker_threads'
import { emptyField, type LensCameraOptions, lensOf } from './lens-camera.ts'
import { renderLens } from './lens-render.ts'

/** A picture that the thread has made. */
export interface Rendered {
  /** Of the lens; undefined: the empty field. */
  readonly number: number | undefined
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

// The child's own, see `lens-camera-child.ts`.
const options: LensCameraOptions = workerData

parentPort?.on('message', (number: number | undefined) => {
  const picture = renderLens(number === undefined ? emptyField(options) : lensOf(options, number))
  const { width, height } = picture
  const pixels = new Uint8Array(picture.pixels)
  const rendered: Rendered = { number, pixels, width, height }
  parentPort?.postMessage(rendered, [pixels.buffer])
})
