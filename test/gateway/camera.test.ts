import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { Camera, type CameraStream } from '../../drivers/camera/camera.ts'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { SensorError, type SensorFault } from '../../drivers/sensor.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { CameraUnit, cameraOpening } from '../../gateway/camera.ts'
import { cameraOptions, cameraSource } from '../../gateway/camera-options.ts'
import { silentLog } from '../../gateway/log.ts'
import { jpeg } from '../drivers/camera/pictures.ts'

const picture = await jpeg(1)
const never = new AbortController().signal

/** What one opening gives: an error, or pictures at 10 Hz for so long and then an end. */
type Opening = SensorError | { readonly forMs: number; readonly ending?: Error }

function streamOf(clock: Clock, { forMs, ending }: { forMs: number; ending?: Error }): CameraStream {
  const lifetime = new AbortController()
  async function* chunks() {
    const end = clock.now() + forMs
    while (clock.now() < end) {
      await clock.sleep(100, lifetime.signal).catch(() => {})
      if (lifetime.signal.aborted) return
      yield picture
    }
    if (ending !== undefined) throw ending
  }
  return {
    chunks: chunks(),
    stop() {
      lifetime.abort()
      return Promise.resolve()
    },
  }
}

/** A unit over a script of openings; the last one repeats. What it logs is kept. */
function scripted(openings: readonly Opening[]) {
  const clock = new VirtualClock()
  const openedAt: number[] = []
  const lines: { readonly level: string; readonly fields: unknown; readonly message: string }[] = []
  const log = silentLog.child({}, { level: 'info' })
  for (const level of ['warn', 'info'] as const) {
    log[level] = (...[fields, message]: unknown[]) =>
      void lines.push({ level, fields, message: String(message) })
  }
  const unit = new CameraUnit({
    clock,
    log,
    random: () => 1 - Number.EPSILON,
    open: (signal) => {
      const opening = openings[Math.min(openedAt.length, openings.length - 1)]
      openedAt.push(clock.now())
      const start = () =>
        opening === undefined || opening instanceof SensorError
          ? Promise.reject(opening ?? new Error('nothing scripted'))
          : Promise.resolve(streamOf(clock, opening))
      return Camera.open(start, clock, {}, signal)
    },
  })
  return { unit, clock, openedAt, lines }
}

const fault = (kind: SensorFault, detail = 'gone') => new SensorError('camera', kind, detail)
const forEver = { forMs: Number.POSITIVE_INFINITY }

test('a camera that is there: the start waits for its first picture', async (t) => {
  const { unit, clock, lines } = scripted([forEver])
  await unit.start(never)
  t.equal(clock.now(), 100)
  t.match(unit.newest(), { ageMs: 0, image: { sequence: 1 } })
  const since = clock.now() + 30
  t.ok((await unit.measure(since, never)).takenAt >= since)
  await clock.sleep(4000)
  t.match(unit.status(), { state: 'ok', facts: { restarts: 0, damaged: 0 } })
  t.ok(Number(unit.status().facts?.age_ms) <= 100)
  t.match(
    lines.map(({ message }) => message),
    ['camera ready'],
  )
  await unit.stop()
  await t.rejects(unit.measure(0, never), { name: 'SensorError' })
})

test('one that is not there: the start goes on, retries wait longer and longer, the log hears of it once', async (t) => {
  const { unit, clock, openedAt, lines } = scripted([
    ...Array.from({ length: 8 }, () => fault('absent')),
    forEver,
  ])
  await unit.start(never)
  t.equal(clock.now(), 4000)
  t.match(unit.status(), { state: 'failed', detail: 'camera: gone', facts: { fault: 'absent', frames: 0 } })
  await t.rejects(unit.measure(0, never), { name: 'SensorError', fault: 'absent' })
  await clock.sleep(20_000)
  t.equal(unit.status().state, 'ok')
  const waits = openedAt.slice(1).map((at, index) => Math.round(at - (openedAt[index] ?? 0)))
  t.strictSame(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000])
  t.match(lines, [
    { level: 'warn', message: 'camera absent, trying on', fields: { fault: 'absent' } },
    { level: 'info', message: 'camera ready' },
    { level: 'info', message: 'camera well again', fields: { failures: 8, awayMs: 16_400 } },
  ])
  t.equal(lines.length, 3)
  await unit.stop()
})

test('one that is unplugged and plugged back: restarted, counted on, told once for each kind of fault', async (t) => {
  const { unit, clock, lines } = scripted([
    { forMs: 8000, ending: fault('absent', 'No such device') },
    fault('absent'),
    fault('absent'),
    fault('failed', 'busy'),
    forEver,
  ])
  await unit.start(never)
  await clock.sleep(7950)
  t.match(unit.status(), { state: 'failed', detail: /No such device/, facts: { frames: 80, fps: 0 } })
  const frames = Number(unit.status().facts?.frames)
  await clock.sleep(10_000)
  t.match(unit.status(), { state: 'ok', facts: { restarts: 1 } })
  t.ok(Number(unit.status().facts?.frames) > frames + 50, 'the count goes on')
  t.strictSame(
    lines.map(({ message }) => message),
    ['camera ready', 'camera fault', 'camera absent, trying on', 'camera well again'],
  )
  await unit.stop()
})

test('one that delivers a picture and dies is restarted ever more rarely', async (t) => {
  const { unit, clock, openedAt, lines } = scripted([{ forMs: 200, ending: fault('failed', 'crashed') }])
  await unit.start(never)
  await clock.sleep(60_000)
  t.ok(openedAt.length < 25, `${openedAt.length} openings in a minute`)
  t.strictSame(
    lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
    ['camera fault'],
  )
  await unit.stop()
})

test('a video that is played once ends, and is not played again', async (t) => {
  const { unit, clock, openedAt } = scripted([{ forMs: 1000 }])
  await unit.start(never)
  await clock.sleep(60_000)
  t.equal(openedAt.length, 1)
  t.match(unit.status(), { state: 'failed', detail: 'camera: there are no more pictures' })
  await unit.stop()
})

test('who waits for a picture when the camera goes is told at once', async (t) => {
  const { unit, clock } = scripted([{ forMs: 500, ending: fault('absent', 'unplugged') }, forEver])
  await unit.start(never)
  const waiting = unit.measure(clock.now() + 60_000, never)
  await t.rejects(waiting, { fault: 'absent', message: /unplugged/ })
  t.ok(clock.now() < 1000)
  await unit.stop()
})

test('it stops at any time: while it opens, while it waits, while it delivers', async (t) => {
  for (const openings of [[fault('absent')], [{ forMs: 300, ending: fault('failed') }], [forEver]]) {
    for (const ms of [0, 50, 150, 350, 1000]) {
      const { unit, clock, openedAt } = scripted(openings)
      const starting = unit.start(never)
      await clock.sleep(ms)
      await unit.stop()
      await starting
      const before = openedAt.length
      await clock.sleep(30_000)
      t.equal(openedAt.length, before)
    }
  }
})

test('options: defaults, units and names become what the driver is asked for', async (t) => {
  t.strictSame(
    await cameraSource(cameraOptions.parse({ kind: 'v4l2', exposure_us: 2000, controls: { hue: 3 } })),
    {
      kind: 'v4l2',
      device: '/dev/video0',
      width: 1280,
      height: 960,
      fps: 15,
      inputFormat: 'mjpeg',
      controls: {
        exposureUs: 2000,
        gain: undefined,
        focus: undefined,
        brightness: undefined,
        others: { hue: 3 },
      },
    },
  )
  t.match(await cameraSource(cameraOptions.parse({ kind: 'rpicam', exposure_us: 2000, awb: [1.5, 2] })), {
    camera: 0,
    shutterUs: 2000,
    awb: [1.5, 2],
  })
  t.match(await cameraSource(cameraOptions.parse({ kind: 'folder', path: 'a' })), { fps: 2, loop: true })
  t.match(await cameraSource(cameraOptions.parse({ kind: 'file', path: 'a', loop: false })), { loop: false })
  const dir = await mkdtemp(join(tmpdir(), 'poincon-camera-'))
  t.teardown(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'password'), 'secret\n')
  const rtsp = { kind: 'rtsp', url: 'rtsp://cam/main', username: 'u', password_file: join(dir, 'password') }
  t.match(await cameraSource(cameraOptions.parse(rtsp)), { url: 'rtsp://cam/main', password: 'secret' })
})

test('options that are wrong say where', (t) => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ kind: 'webcam' }, 'kind'],
    [{ kind: 'v4l2', device: '/etc/passwd' }, 'device'],
    [{ kind: 'v4l2', device: '/dev/v4l/by-id/../../sda' }, 'device'],
    [{ kind: 'v4l2', shutter: 1 }, ''],
    [{ kind: 'v4l2', controls: { 'a=1,b': 1 } }, 'controls.a=1,b'],
    [{ kind: 'rtsp', url: 'http://cam' }, 'url'],
    [{ kind: 'rtsp', url: 'rtsp://u:p@cam' }, 'url'],
    [{ kind: 'rtsp', url: 'rtsp://cam', password: 'a', password_file: 'b' }, 'password_file'],
    [{ kind: 'rpicam', gain: 0 }, 'gain'],
    [{ kind: 'folder' }, 'path'],
  ]
  for (const [options, path] of wrong) {
    const { error } = cameraOptions.safeParse(options)
    t.equal(error?.issues[0]?.path.join('.'), path, JSON.stringify(options))
  }
  t.end()
})

/** Children of this process that run such a command. */
async function childrenNamed(name: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
    const [, comm, , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(stat) ?? []
    if (comm === name && Number(parent) === process.pid) found.push(Number(pid))
  }
  return found
}

const ffmpeg = {
  skip: spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'SKIPPED: install ffmpeg',
}

test('the real ffmpeg, killed and stopped: the camera comes back by itself', ffmpeg, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-camera-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const path = join(dir, 'video.mp4')
  const input = ['-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=20:duration=1']
  spawnSync('ffmpeg', ['-nostdin', '-loglevel', 'error', ...input, '-c:v', 'mpeg4', path])
  const config = cameraOptions.parse({ kind: 'file', path, stall_ms: 2000 })
  const unit = new CameraUnit({
    open: cameraOpening(config, { PATH: process.env.PATH }, systemClock),
    clock: systemClock,
    log: silentLog,
    random: Math.random,
  })
  await unit.start(never)
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const [pid = 0, ...others] = await childrenNamed('ffmpeg')
    t.strictSame(others, [], 'one child')
    process.kill(pid, signal)
    while (unit.status().state === 'ok') await systemClock.sleep(10)
    t.match(unit.status(), {
      state: 'failed',
      detail: signal === 'SIGKILL' ? /was ended by SIGKILL/ : /stalled/,
    })
    while (unit.status().state !== 'ok') await systemClock.sleep(10)
    t.match(await unit.measure(systemClock.now(), never), { width: 160, height: 90 }, signal)
  }
  t.match(unit.status(), { facts: { restarts: 2 } })
  await unit.stop()
  t.strictSame(await childrenNamed('ffmpeg'), [], 'no child is left')
})
