/**
 * What a picture costs: to be cut out of the stream, beside a search for the first EOI, which is wrong but the least;
 * to be decoded to grey, beside sharp alone and beside ffmpeg; and what the event loop feels of 15 pictures a second.
 *   node dist/bench/camera.bench.js
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import sharp from 'sharp'
import { Camera } from '../drivers/camera/camera.ts'
import { decode } from '../drivers/camera/frame.ts'
import type { CameraImage } from '../drivers/camera/image.ts'
import { MjpegSplitter } from '../drivers/camera/mjpeg.ts'
import { systemClock } from '../drivers/clock.ts'
import { startCamera } from '../drivers/linux/camera.ts'

const [WIDTH, HEIGHT] = [1280, 960]
const ROUNDS = 31
const CHUNK = 65_536
const STREAM_PICTURES = 100
const FPS = 15
const WATCH_MS = 8000

/** An engraved plate, so to say: edges, slopes and the noise of a sensor. */
async function plate(seed: number): Promise<Buffer> {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3)
  let state = seed + 1
  for (let i = 0; i < pixels.length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const [x, y] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)]
    const edge = (x >> 5) % 3 === 0 && (y >> 5) % 2 === 0 ? 70 : 0
    pixels[i] = 60 + edge + (x + y) / 24 + (state >>> 28)
  }
  return await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer()
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0

async function timed(work: () => unknown): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** Each round runs both, so that what disturbs one disturbs the other. */
async function beside(ours: () => unknown, peer: () => unknown): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    times[0].push(await timed(ours))
    times[1].push(await timed(peer))
  }
  return [median(times[0]), median(times[1])]
}

const pictures = await Promise.all([1, 2, 3, 4].map(plate))
const [first = Buffer.alloc(0)] = pictures
console.log(`${WIDTH} × ${HEIGHT}, JPEG of ${(first.length / 1000).toFixed(0)} kB`)

// Splitting, in the chunks of a pipe.
{
  const stream = Buffer.concat(Array.from({ length: STREAM_PICTURES }, (_, i) => pictures[i % 4] ?? first))
  const chunks = Array.from({ length: Math.ceil(stream.length / CHUNK) }, (_, i) =>
    stream.subarray(i * CHUNK, (i + 1) * CHUNK),
  )
  let found = 0
  const ours = (): void => {
    const splitter = new MjpegSplitter()
    found = chunks.reduce((count, chunk) => count + splitter.push(chunk).length, 0)
  }
  const eoi = Buffer.from([0xff, 0xd9])
  const naive = (): void => {
    let held: Buffer[] = []
    for (const chunk of chunks) {
      let from = 0
      for (let end = chunk.indexOf(eoi); end >= 0; end = chunk.indexOf(eoi, from)) {
        Buffer.concat([...held, chunk.subarray(from, end + 2)])
        held = []
        from = end + 2
      }
      held.push(chunk.subarray(from))
    }
  }
  const [us, peer] = await beside(ours, naive)
  const rate = (ms: number): string => (stream.length / 1000 / ms).toFixed(0)
  console.log(
    `split: ${rate(us)} MB/s (${found} of ${STREAM_PICTURES} found, ${((us * 1000) / STREAM_PICTURES).toFixed(0)} µs a picture); ` +
      `first EOI by Buffer.indexOf: ${rate(peer)} MB/s (${(us / peer).toFixed(2)}× its time)`,
  )
}

// Decoding, one picture after the other.
const image: CameraImage = {
  ...{ kind: 'camera', jpeg: first, width: WIDTH, height: HEIGHT },
  ...{ takenAt: 0, sequence: 1 },
}
{
  const [ours, plain] = await beside(
    () => decode(image),
    () => sharp(first).raw().toBuffer(),
  )
  const colour = median(await repeated(() => decode(image, { grey: false })))
  const small = median(await repeated(() => decode(image, { resize: { width: 320, height: 240 } })))
  const peer = await ffmpegDecodes()
  const beside2 =
    peer === undefined
      ? 'ffmpeg is not installed'
      : `ffmpeg: ${peer.toFixed(1)} ms (${(ours / peer).toFixed(2)}× its time)`
  console.log(
    `decode to grey: ${ours.toFixed(1)} ms; sharp to RGB and no more: ${plain.toFixed(1)} ms (${(ours / plain).toFixed(2)}×); ` +
      `${beside2}; ours to RGB: ${colour.toFixed(1)} ms; to a quarter of the size: ${small.toFixed(1)} ms`,
  )
}

async function repeated(work: () => unknown): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) times.push(await timed(work))
  return times
}

/** ms a picture that ffmpeg needs to decode the same to grey, on one thread; the start of the process is taken off. */
async function ffmpegDecodes(): Promise<number | undefined> {
  if (spawnSync('ffmpeg', ['-version']).error !== undefined) return undefined
  const run = async (count: number): Promise<number> => {
    const args = [
      '-loglevel',
      'error',
      '-threads',
      '1',
      '-f',
      'mjpeg',
      '-i',
      'pipe:0',
      '-pix_fmt',
      'gray',
      '-f',
      'null',
      '-',
    ]
    const child = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'inherit'] })
    const from = performance.now()
    child.stdin.end(Buffer.concat(Array.from({ length: count }, () => first)))
    await once(child, 'close')
    return performance.now() - from
  }
  const few: number[] = []
  const many: number[] = []
  for (let round = 0; round < 5; round += 1) {
    few.push(await run(5))
    many.push(await run(65))
  }
  return (median(many) - median(few)) / 60
}

/** Delay of the event loop over some seconds of this work, ms. */
async function delayDuring(work: (until: number) => Promise<unknown>): Promise<string> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const until = performance.now() + WATCH_MS
  delay.enable()
  await work(until)
  delay.disable()
  const ms = (ns: number): string => Math.max(0, ns / 1e6 - 1).toFixed(1)
  return `p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, most ${ms(delay.max)} ms`
}

/** Every picture that comes, decoded to grey. */
async function decodeAll(camera: Camera, until: number): Promise<number> {
  let count = 0
  let since = performance.now()
  while (performance.now() < until) {
    const next = await camera.measure(since)
    since = next.takenAt + 1
    await decode(next)
    count += 1
  }
  return count
}

{
  const folder = await mkdtemp(join(tmpdir(), 'poincon-bench-'))
  await Promise.all(pictures.map((picture, i) => writeFile(join(folder, `${i}.jpg`), picture)))
  console.log(
    `event loop, idle: ${await delayDuring((until) => systemClock.sleep(until - performance.now()))}`,
  )
  const source = { kind: 'folder', path: folder, fps: FPS, loop: true } as const
  const camera = await Camera.open((signal) => startCamera(source, {}, systemClock, signal), systemClock)
  let decoded = 0
  const delay = await delayDuring(async (until) => {
    decoded = await decodeAll(camera, until)
  })
  console.log(
    `event loop, ${FPS} pictures a second read and decoded: ${delay} (goal p99 ≤ 5 ms); ` +
      `${((decoded * 1000) / WATCH_MS).toFixed(1)} decoded a second`,
  )
  await camera.close()
  await rm(folder, { recursive: true })
}
