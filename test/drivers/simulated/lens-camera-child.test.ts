import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Camera } from '../../../drivers/camera/camera.ts'
import { decode } from '../../../drivers/camera/frame.ts'
import type { CameraImage } from '../../../drivers/camera/image.ts'
import { systemClock } from '../../../drivers/clock.ts'
import { startCamera } from '../../../drivers/linux/camera.ts'
import { latencyOf } from '../../../drivers/linux/camera-command.ts'
import { emptyField, lensOf } from '../../../drivers/simulated/lens-camera.ts'
import { LensPlace } from '../../../drivers/simulated/lens-camera-place.ts'
import type { SimulatedSource } from '../../../drivers/simulated/lens-camera-stream.ts'
import { renderLens } from '../../../drivers/simulated/lens-render.ts'
import type { LensScene } from '../../../drivers/simulated/lens-scene.ts'

const clock = systemClock
const OPEN_MS = 30_000
/** Small pictures are drawn in no time. */
const lenses = { seed: 20_261, level: 'clean', width: 320, height: 240 } as const

function sourceOf(place: LensPlace, others: Partial<SimulatedSource> = {}): SimulatedSource {
  return { kind: 'simulated', fps: 50, lenses, place, ...others }
}

function open(source: SimulatedSource): Promise<Camera> {
  const options = { latencyMs: latencyOf(source), openMs: OPEN_MS, stallMs: OPEN_MS }
  return Camera.open((signal) => startCamera(source, process.env, clock, signal), clock, options)
}

/** Mean difference of grey values; encoding alone makes one or two. */
async function differs(image: CameraImage, scene: LensScene): Promise<number> {
  const { pixels } = await decode(image)
  const truth = renderLens(scene).pixels
  return pixels.reduce((sum, value, index) => sum + Math.abs(value - (truth[index] ?? 0)), 0) / pixels.length
}

const SAME = 2
const isLens = async (image: CameraImage, number: number) =>
  (await differs(image, lensOf(lenses, number))) < SAME
const isEmpty = async (image: CameraImage) => (await differs(image, emptyField(lenses))) < SAME

/** Looks until the lens is drawn; whatever is seen before is the empty field. */
async function seen(camera: Camera, number: number): Promise<'seen' | 'something else'> {
  for (;;) {
    const image = await camera.measure(clock.now())
    if (await isLens(image, number)) return 'seen'
    if (!(await isEmpty(image))) return 'something else'
  }
}

/** Of the children of this process. */
async function childWith(word: string): Promise<number> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const line = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '')
    if (line.includes('lens-camera-child') && line.includes(word)) return Number(name)
  }
  throw new Error(`no process with ${word}`)
}

test('pictures follow the line, over the way of a real camera; a child that is killed is replaced', async (t) => {
  const place = new LensPlace()
  const camera = await open(sourceOf(place))
  const first = await camera.measure(clock.now())
  t.match(first, { width: 320, height: 240 })
  t.ok(await isEmpty(first), 'nothing lies there yet')
  place.lay(1)
  const since = clock.now()
  const image = await camera.measure(since)
  t.ok(image.takenAt >= since)
  t.ok(image.takenAt <= clock.now() - latencyOf(sourceOf(place)), 'taken before it was sent')
  t.ok(await isLens(image, 1), 'it was drawn before it came')
  for (const number of [2, 3, 12]) {
    place.lay(number)
    t.equal(await seen(camera, number), 'seen', `lens ${number}`)
  }
  place.clear()
  t.ok(await isEmpty(await camera.measure(clock.now())))
  t.equal(camera.damaged, 0)
  place.lay(13)
  process.kill(await childWith(String(lenses.seed)), 'SIGKILL')
  t.match(await camera.lost, {
    fault: 'failed',
    message: 'camera: the simulated camera was ended by SIGKILL',
  })
  await camera.close()
  place.lay(14)
  const again = await open(sourceOf(place))
  t.ok(
    await isLens(await again.measure(Number.NEGATIVE_INFINITY), 14),
    'its first picture is what lies there',
  )
  await again.close()
  await t.rejects(childWith(String(lenses.seed)), /no process/)
})

const program = fileURLToPath(new URL('../../../drivers/simulated/lens-camera-child.js', import.meta.url))

function child(told: unknown) {
  return spawn(process.execPath, [program, JSON.stringify(told)], { stdio: ['pipe', 'ignore', 'pipe'] })
}

test('the child ends with its input, and says what it does not understand', async (t) => {
  const quiet = child({ fps: 10, lenses })
  quiet.stdin.end()
  t.strictSame(await once(quiet, 'exit'), [0, null])
  const confused = child({ fps: 10, lenses })
  confused.stdin.write('lens seven\n')
  const [said, [code]] = await Promise.all([text(confused.stderr), once(confused, 'exit')])
  t.equal(said, '"lens seven": expected "lens 17" or "lens -"\n')
  t.equal(code, 1)
})

test('what cannot be drawn is the fault of the camera', async (t) => {
  const place = new LensPlace()
  const [wrong, missing] = await Promise.all([
    open(sourceOf(place, { lenses: { ...lenses, expected: 'hart' } })).catch((error: unknown) => error),
    open(sourceOf(place, { symbols: '/nowhere' })).catch((error: unknown) => error),
  ])
  t.match(wrong, { name: 'SensorError', fault: 'failed', message: /expected: "hart": expected one of/ })
  t.match(missing, { name: 'SensorError', fault: 'absent', message: /no such file.*\/nowhere/ })
})
