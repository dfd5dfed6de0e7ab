import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { CameraStream } from '../camera/camera.ts'
import { jpegOf } from '../camera/frame.ts'
import { CAMERA } from '../camera/image.ts'
import { MAX_FRAME_BYTES } from '../camera/mjpeg.ts'
import type { Clock } from '../clock.ts'
import { SensorError } from '../sensor.ts'
import type { FolderSource } from './camera-command.ts'

const PICTURES = /\.(jpe?g|png)$/i

/**
 * A folder as a camera: its pictures by name, one every period. JPEGs go out byte by byte as they are, PNGs are encoded.
 * With `loop` the folder is read anew for each round, so pictures may be added.
 */
export function readFolder(source: FolderSource, clock: Clock): CameraStream {
  const lifetime = new AbortController()
  return {
    chunks: pictures(source, clock, lifetime.signal),
    stop() {
      lifetime.abort()
      return Promise.resolve()
    },
  }
}

async function* pictures(
  { path, fps, loop }: FolderSource,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let next = clock.now()
  do {
    for (const name of await list(path)) {
      const jpeg = await read(join(path, name), name)
      // One that took longer than its period delays those after it; they are not hurried after it.
      next = Math.max(next, clock.now())
      await clock.sleep(next - clock.now(), signal).catch(() => {})
      if (signal.aborted) return
      yield jpeg
      next += 1000 / fps
    }
  } while (loop)
}

async function list(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  const chosen = names.filter((name) => PICTURES.test(name)).sort()
  if (chosen.length > 0) return chosen
  throw new SensorError(CAMERA, 'absent', `${path} holds no .jpg, .jpeg or .png`)
}

async function read(path: string, name: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > MAX_FRAME_BYTES) throw new Error(`it has ${size} bytes, expected at most ${MAX_FRAME_BYTES}`)
    const bytes = await readFile(path)
    return bytes[0] === 0xff && bytes[1] === 0xd8 ? bytes : await jpegOf(bytes, name)
  } catch (error) {
    throw error instanceof SensorError ? error : unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): SensorError {
  const detail = error instanceof Error ? error.message : String(error)
  return new SensorError(CAMERA, 'absent', `cannot read ${path}: ${detail}`, { cause: error })
}
