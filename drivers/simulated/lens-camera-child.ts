import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import sharp from 'sharp'
import type { LensCameraOptions } from './lens-camera.ts'
import { type Develop, LensDarkroom, remembering } from './lens-camera-darkroom.ts'
import { monotonicMs, readLying, takenLine } from './lens-camera-line.ts'
import { readSymbols } from './lens-camera-symbols.ts'
import type { Rendered } from './lens-camera-worker.ts'

/** What the child is told on its command line, as JSON. */
export interface LensChildOptions {
  /** Pictures per second. */
  readonly fps: number
  readonly lenses: Omit<LensCameraOptions, 'symbols'>
  /** Folder with pictures of the symbols; absent: the demo gallery. */
  readonly symbols?: string | undefined
}

const QUALITY = 90

/** A camera as a process: which lens lies there comes in, MJPEG goes out. Ends with its input, or its reader. */
async function main(): Promise<void> {
  const { fps, lenses, symbols }: LensChildOptions = JSON.parse(process.argv[2] ?? '')
  const gallery = symbols === undefined ? {} : { symbols: await readSymbols(symbols) }
  const desk = new LensDarkroom(remembering(darkroom({ ...lenses, ...gallery }), lenses.distinct))
  setInterval(() => show(desk), 1000 / fps)
  for await (const line of createInterface({ input: process.stdin })) {
    const lying = readLying(line)
    if (lying === undefined) throw new Error(`"${line}": expected "lens 17" or "lens -"`)
    desk.lay(lying.number).catch(end)
  }
}

/** A thread draws, so that what comes in is heard at once; libvips' threads encode. */
function darkroom(options: LensCameraOptions): Develop {
  const worker = new Worker(new URL('./lens-camera-worker.js', import.meta.url), { workerData: options })
  return async (number) => {
    worker.postMessage(number)
    const [rendered]: Rendered[] = await once(worker, 'message')
    if (rendered === undefined) throw new Error(`lens ${number}: no picture was drawn`)
    const { pixels, width, height } = rendered
    // As ffmpeg sends it: in colour, whatever the picture.
    const raw = { width, height, channels: 1 } as const
    return await sharp(pixels, { raw }).toColourspace('srgb').jpeg({ quality: QUALITY }).toBuffer()
  }
}

/** A reader that is slow gets fewer pictures, not older ones. */
function show(desk: LensDarkroom): void {
  const { shown } = desk
  if (shown === undefined || process.stdout.writableNeedDrain) return
  process.stdout.write(takenLine(shown.number, monotonicMs()))
  process.stdout.write(shown.picture)
}

function end(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () => process.exit(1))
}

process.stdout.on('error', () => process.exit(0))
main().then(() => process.exit(0), end)
