import { test } from 'tap'
import { Camera, type CameraOptions, type CameraStream } from '../../../drivers/camera/camera.ts'
import { PacketStamps } from '../../../drivers/camera/stamps.ts'
import { SensorError } from '../../../drivers/sensor.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { jpeg } from './pictures.ts'

const pictures = await Promise.all([1, 2, 3, 4].map((seed) => jpeg(seed)))
const PERIOD_MS = 100

interface Script {
  /** Pictures until it ends; the last period is endless where there are none. */
  readonly pictures?: number
  /** What it ends with; undefined: by itself. `silence`: it stays open and says nothing. */
  readonly end?: Error | 'silence'
  readonly startError?: Error
  readonly stampOf?: CameraStream['stampOf']
  /** Before the picture of that number, from 0. */
  readonly before?: (number: number) => Uint8Array
}

/** A camera on a stream that says a picture every 100 ms of a virtual clock. */
function scripted(script: Script = {}, options: CameraOptions = {}) {
  const clock = new VirtualClock()
  const lifetime = new AbortController()
  const calls = { stopped: 0 }
  async function* chunks() {
    for (let i = 0; i < (script.pictures ?? Number.POSITIVE_INFINITY); i += 1) {
      await clock.sleep(PERIOD_MS, lifetime.signal).catch(() => {})
      if (lifetime.signal.aborted) return
      if (script.before !== undefined) yield script.before(i)
      yield pictures[i % pictures.length] ?? new Uint8Array(0)
    }
    if (script.end === 'silence') {
      await new Promise((resolve) => lifetime.signal.addEventListener('abort', resolve, { once: true }))
    } else if (script.end !== undefined) throw script.end
  }
  const stream: CameraStream = {
    chunks: chunks(),
    stop() {
      calls.stopped += 1
      lifetime.abort()
      return Promise.resolve()
    },
    ...(script.stampOf === undefined ? {} : { stampOf: script.stampOf }),
  }
  const open = (signal?: AbortSignal) =>
    Camera.open(
      () => (script.startError === undefined ? Promise.resolve(stream) : Promise.reject(script.startError)),
      clock,
      options,
      signal,
    )
  return { clock, calls, open }
}

test('open waits for the first picture; then the newest is there, with its age', async (t) => {
  const { clock, open, calls } = scripted()
  const camera = await open()
  t.equal(clock.now(), 100)
  await clock.sleep(250)
  t.match(camera.newest(), { ageMs: 50, image: { sequence: 3, width: 64, height: 48, takenAt: 300 } })
  t.strictSame(Buffer.from(camera.newest()?.image.jpeg ?? []), pictures[2])
  t.match(camera, { frames: 3, damaged: 0, skipped: 1, over: false })
  await camera.close()
  t.equal(calls.stopped, 1)
})

test('measure: a picture whose exposure began after `since`, its latency counted', async (t) => {
  const { clock, open } = scripted({}, { latencyMs: 130 })
  const camera = await open()
  await clock.sleep(10)
  const since = clock.now()
  const image = await camera.measure(since)
  t.equal(image.takenAt, 170, 'that of 300 ms, less 130 ms')
  t.equal(clock.now(), 300)
  t.equal(await camera.measure(since), image, 'what is there is new enough')
  await camera.close()
})

test('measure ends: by its signal, by the loss of the camera, and by itself', async (t) => {
  const { clock, open } = scripted({}, { latencyMs: 0, stallMs: 500 })
  const camera = await open()
  const leaver = new AbortController()
  const left = camera.measure(clock.now() + 10_000, leaver.signal)
  leaver.abort(new Error('late'))
  await t.rejects(left, { message: 'late' })
  const lost = camera.measure(clock.now() + 10_000)
  await camera.close()
  await t.rejects(lost, { name: 'SensorError', fault: 'absent' })
  await t.rejects(camera.measure(0), { name: 'SensorError', fault: 'absent' })
  const old = scripted({ stampOf: () => 1 }, { stallMs: 500 })
  const stuck = await old.open()
  const began = old.clock.now()
  await t.rejects(stuck.measure(began), { fault: 'timeout', message: /no new picture within 500 ms/ })
  t.equal(old.clock.now() - began, 500)
  await stuck.close()
})

test('time stamps of the stream are taken where they can be true', async (t) => {
  const stamps = [60, 170, 290, 90_000, -90_000, undefined]
  let i = 0
  const { clock, open } = scripted({ stampOf: () => stamps[i++] }, { latencyMs: 20 })
  const camera = await open()
  const taken: (number | undefined)[] = []
  for (const _ of stamps) {
    taken.push(camera.newest()?.image.takenAt)
    await clock.sleep(PERIOD_MS)
  }
  t.strictSame(
    taken,
    [40, 150, 270, 380, 480, 580],
    'one in the future, one of another clock, one missing: arrival',
  )
  await camera.close()
})

test('a stream that falls silent is stalled, one that is slow is not', async (t) => {
  const { clock, open } = scripted({ pictures: 3, end: 'silence' }, { stallMs: 1000 })
  const camera = await open()
  const loss = await camera.lost
  t.match(loss, { name: 'SensorError', fault: 'timeout', message: 'camera: stalled: no picture for 1000 ms' })
  t.ok(clock.now() >= 1300 && clock.now() <= 1600, `after ${clock.now()} ms`)
  t.equal(camera.newest(), undefined, 'what it saw last is no picture of now')
  await camera.close()
  const slow = scripted({}, { stallMs: 110 })
  const well = await slow.open()
  await slow.clock.sleep(5000)
  t.ok(well.frames >= 50, `${well.frames} pictures, each 90 % of the limit after the one before`)
  await well.close()
})

test('by default stalled is 2 s, or ten periods where that is longer', async (t) => {
  for (const [fps, least] of [
    [30, 2000],
    [1, 10_000],
  ] as const) {
    const { clock, open } = scripted({ pictures: 1, end: 'silence' }, { fps })
    const camera = await open()
    const began = clock.now()
    await camera.lost
    const took = clock.now() - began
    t.ok(took >= least && took <= least * 1.3, `${fps} pictures a second: ${took} ms`)
    await camera.close()
  }
})

test('a stream that breaks off says why; one that ends by itself is over', async (t) => {
  const unplugged = new SensorError('camera', 'absent', 'ffmpeg ended with 0: No such device')
  const broken = scripted({ pictures: 2, end: unplugged })
  const camera = await broken.open()
  t.equal(await camera.lost, unplugged)
  t.equal(camera.over, false)
  await camera.close()
  const strange = scripted({ pictures: 2, end: new Error('EPIPE') })
  const other = await strange.open()
  t.match(await other.lost, { name: 'SensorError', fault: 'failed', message: /EPIPE/ })
  await other.close()
  const ended = scripted({ pictures: 2 })
  const last = await ended.open()
  t.match(await last.lost, { fault: 'absent', message: /no more pictures/ })
  t.equal(last.over, true)
  await last.close()
})

test('open fails and leaves nothing behind: no start, no picture, no time, no wish', async (t) => {
  const gone = new SensorError('camera', 'absent', 'ffmpeg cannot be run')
  await t.rejects(scripted({ startError: gone }).open(), gone)
  const silent = scripted({ pictures: 0, end: 'silence' }, { openMs: 3000 })
  await t.rejects(silent.open(), { fault: 'timeout', message: /no picture within 3000 ms of its start/ })
  t.equal(silent.clock.now(), 3000)
  t.equal(silent.calls.stopped, 1)
  const broken = scripted({ pictures: 0, end: gone })
  await t.rejects(broken.open(), gone)
  t.equal(broken.calls.stopped, 1)
  const left = scripted({ pictures: 0, end: 'silence' })
  const leaver = new AbortController()
  const opening = left.open(leaver.signal)
  setImmediate(() => leaver.abort(new Error('stopping')))
  await t.rejects(opening, { message: 'stopping' })
  t.equal(left.calls.stopped, 1)
  await t.rejects(scripted().open(AbortSignal.abort(new Error('before'))), { message: 'before' })
})

test('damaged pictures are counted, and are no pictures', async (t) => {
  const half = pictures[0]?.subarray(0, -30) ?? new Uint8Array(0)
  const { clock, open } = scripted({ before: (number) => (number === 1 ? half : new Uint8Array(0)) })
  const camera = await open()
  await clock.sleep(350)
  t.match(camera, { damaged: 1 })
  t.match(camera.newest()?.image, { width: 64 })
  await camera.close()
})

test('its rate is that of the last five seconds', async (t) => {
  const { clock, open } = scripted()
  const camera = await open()
  await clock.sleep(1000)
  t.ok(Math.abs(camera.fps - 10) <= 1.1, `${camera.fps}`)
  await clock.sleep(20_000)
  t.ok(Math.abs(camera.fps - 10) < 0.3, `${camera.fps}`)
  await camera.close()
})

test('the lines of ffmpeg between the pictures', (t) => {
  const stamps = new PacketStamps()
  const line = (text: string) => stamps.read(Buffer.from(text))
  t.equal(line('0,   35908171,   35908171,   100000,    15261, 0x4d1de18f\n'), undefined, 'no unit yet')
  const head = '#software: Lavf59.27.100\n#tb 0: 1/1000000\n#media_type 0: video\n#dimensions 0: 320x180\n'
  t.strictSame(line(`${head}0,   35908171,   35908171,   100000,    15261, 0x4d1de18f, S=1,        8\n`), {
    seconds: 35.908171,
    bytes: 15261,
  })
  t.strictSame(
    line('0, 1, 1, 1, 10, 0x00000000\n0, 36030399, 36030400, 100000, 15279, 0xd9dbe7c9\n'),
    { seconds: 36.0304, bytes: 15279 },
    'the last line is that of the picture behind it; its presentation time, not its decoding time',
  )
  t.equal(line(''), undefined)
  t.equal(line('1, 2, 2, 1, 10, 0x00000000\n'), undefined, 'another stream')
  t.equal(line('399, 36030399, 100000, 15279, 0xd9dbe7c9\n'), undefined, 'half a line')
  t.end()
})
