import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { type Test, test } from 'tap'
import { Camera, type CameraOptions } from '../../../drivers/camera/camera.ts'
import { decode } from '../../../drivers/camera/frame.ts'
import { systemClock } from '../../../drivers/clock.ts'
import { startCamera } from '../../../drivers/linux/camera.ts'
import type { CameraSource } from '../../../drivers/linux/camera-command.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { jpeg } from './pictures.ts'
import { rtspServer } from './rtsp-server.ts'

const clock = systemClock
const { PATH = '' } = process.env
const ffmpeg = {
  skip: spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'SKIPPED: install ffmpeg',
}

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-camera-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

function open(source: CameraSource, options: CameraOptions = {}, env: NodeJS.ProcessEnv = { PATH }) {
  return Camera.open((signal) => startCamera(source, env, clock, signal), clock, options)
}

/** Processes with such a word on their command line, on any machine with /proc. */
async function processesWith(word: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const line = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '')
    if (line.includes(word)) found.push(Number(name))
  }
  return found
}

/** Waits for what must come; the test's own limit is the end. */
async function until<T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    await clock.sleep(20)
  }
}

/** Of a script, what it runs at that moment outlives it a little. */
async function gone(word: string): Promise<void> {
  await until(async () => ((await processesWith(word)).length === 0 ? true : undefined))
}

async function video(t: Test): Promise<string> {
  const path = join(await folder(t), 'test: video.mp4')
  const made = spawnSync('ffmpeg', [
    ...['-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=20:duration=1'],
    ...['-c:v', 'mpeg4', `file:${path}`],
  ])
  t.equal(made.status, 0, String(made.stderr))
  return path
}

test('a video as a camera, with the real ffmpeg: pictures that decode, for ever', ffmpeg, async (t) => {
  const path = await video(t)
  const camera = await open({ kind: 'file', path, loop: true })
  const since = clock.now()
  const image = await camera.measure(since)
  t.ok(image.takenAt >= since)
  const frame = await decode(image)
  t.match(frame, { width: 320, height: 180, channels: 1 })
  t.ok(new Set(frame.pixels).size > 5, 'a picture of something')
  await until(() => camera.frames > 30 || undefined)
  t.match(camera, { damaged: 0 })
  t.ok(camera.fps < 100, `20 pictures a second, not as many as it can: ${camera.fps}`)
  t.equal((await processesWith(path)).length, 1)
  await camera.close()
  t.strictSame(await processesWith(path), [], 'no process is left')
})

test('a video that is played once is over, not broken', ffmpeg, async (t) => {
  const camera = await open({ kind: 'file', path: await video(t), loop: false })
  t.match(await camera.lost, { fault: 'absent', message: /no more pictures/ })
  t.equal(camera.over, true)
  t.equal(camera.frames, 20, 'every frame once')
  await camera.close()
})

test('a file that is missing or no video: ffmpeg’s own words', ffmpeg, async (t) => {
  const path = join(await folder(t), 'no.mp4')
  await t.rejects(open({ kind: 'file', path, loop: true }), {
    name: 'SensorError',
    fault: 'absent',
    message: /ffmpeg ended with \d+: .*no\.mp4: No such file/,
  })
  await writeFile(path, 'this is no video')
  await t.rejects(open({ kind: 'file', path, loop: true }), {
    name: 'SensorError',
    fault: 'failed',
    message: /Invalid data found/,
  })
})

test('a camera that is not there', ffmpeg, async (t) => {
  const source = { kind: 'v4l2', width: 320, height: 180, fps: 10, inputFormat: 'mjpeg' } as const
  await t.rejects(open({ ...source, device: '/dev/video99' }), { fault: 'absent', message: /No such file/ })
})

test('ffmpeg is killed: the loss is told, and nothing is left', ffmpeg, async (t) => {
  const path = await video(t)
  const camera = await open({ kind: 'file', path, loop: true })
  const [pid = 0] = await processesWith(path)
  process.kill(pid, 'SIGKILL')
  t.match(await camera.lost, { fault: 'failed', message: 'camera: ffmpeg was ended by SIGKILL' })
  await camera.close()
})

test('ffmpeg hangs: stalled, and it is ended although it answers no signal but one', ffmpeg, async (t) => {
  const path = await video(t)
  const camera = await open({ kind: 'file', path, loop: true }, { stallMs: 400 })
  const [pid = 0] = await processesWith(path)
  process.kill(pid, 'SIGSTOP')
  t.match(await camera.lost, { fault: 'timeout', message: /stalled: no picture for 400 ms/ })
  await camera.close()
  t.strictSame(await processesWith(path), [])
})

test('we are killed: ffmpeg goes too, at its next picture', ffmpeg, async (t) => {
  const path = await video(t)
  const module = (name: string) => fileURLToPath(new URL(`../../../drivers/${name}.js`, import.meta.url))
  const program = `
    const { Camera } = await import(${JSON.stringify(module('camera/camera'))})
    const { startCamera } = await import(${JSON.stringify(module('linux/camera'))})
    const { systemClock } = await import(${JSON.stringify(module('clock'))})
    const source = { kind: 'file', path: ${JSON.stringify(path)}, loop: true }
    await Camera.open(() => startCamera(source, process.env, systemClock), systemClock)
    console.log('open')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(createInterface({ input: child.stdout }), 'line')
  child.kill('SIGKILL')
  await gone(path)
  t.pass('gone')
})

test('a network camera: RTSP over TCP, with a password that is seen nowhere', ffmpeg, async (t) => {
  const [username, password] = ['line 1', 'p@ss:w/örd']
  const server = await rtspServer({ username, password })
  t.teardown(() => server.close())
  const source = { kind: 'rtsp', url: `rtsp://127.0.0.1:${server.port}/main` } as const
  const camera = await open({ ...source, username, password }, { openMs: 30_000 })
  t.match(await decode(await camera.measure(clock.now())), { width: 320, height: 180 })
  t.ok(server.requests.includes('PLAY'))
  await camera.close()
  const refused = await open({ ...source, username, password: 'wr@ng' }).catch((error: unknown) => error)
  t.match(refused, { name: 'SensorError', fault: 'failed', message: /401/ })
  for (const secret of ['wr@ng', 'wr%40ng', username, encodeURIComponent(username)]) {
    t.notOk(String(refused).includes(secret), String(refused))
  }
})

test('a network camera that does not answer; its password is a word of the message', ffmpeg, async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  server.close()
  const url = `rtsp://127.0.0.1:${port}/x`
  const error = await open({ kind: 'rtsp', url, username: 'u', password: 'refused' }).catch((e: unknown) => e)
  t.match(error, { fault: 'absent', message: /Connection \*\*\*/ })
  t.notMatch(String(error), /refused/)
})

/** A command of that name first on the PATH. */
async function fake(t: Test, name: string, script: string): Promise<NodeJS.ProcessEnv> {
  const bin = await folder(t)
  await writeFile(join(bin, name), script)
  await chmod(join(bin, name), 0o755)
  return { PATH: `${bin}:${PATH}`, HOME: '/nowhere', POINCON_SECRET: 'x' }
}

const pi: CameraSource = { kind: 'rpicam', camera: 0, width: 64, height: 48, fps: 20, shutterUs: 3000 }

test('a Raspberry Pi’s rpicam-vid, played by a script: pictures, arguments, little environment', async (t) => {
  const dir = await folder(t)
  const picture = join(dir, 'picture.jpg')
  await writeFile(picture, await jpeg(1))
  const env = await fake(
    t,
    'rpicam-vid',
    `#!/bin/sh\necho "$@" > ${dir}/args; env > ${dir}/env\nwhile cat ${picture}; do sleep 0.05; done\n`,
  )
  const camera = await open(pi, {}, env)
  const image = await camera.measure(clock.now())
  t.match(image, { width: 64, height: 48 })
  t.strictSame(Buffer.from(image.jpeg), await jpeg(1))
  t.match(await readFile(join(dir, 'args'), 'utf8'), '--codec mjpeg --flush --shutter 3000 -o -')
  const seen = await readFile(join(dir, 'env'), 'utf8')
  t.match(seen, /^HOME=\/nowhere$/m)
  t.notMatch(seen, /POINCON_SECRET/)
  await camera.close()
  await gone(join(env.PATH?.split(':')[0] ?? '', 'rpicam-vid'))
})

test('what rpicam-vid says last is the message, and the rest is forgotten', async (t) => {
  const noise = 'i=0; while [ $i -lt 2000 ]; do echo "line $i of much noise" >&2; i=$((i+1)); done'
  const env = await fake(
    t,
    'rpicam-vid',
    `#!/bin/sh\n${noise}\necho "ERROR: *** no cameras available ***" >&2\nexit 255\n`,
  )
  const error = await open(pi, {}, env).catch((e: unknown) => e)
  t.match(error, { fault: 'absent', message: /rpicam-vid ended with 255: .*no cameras available/ })
  t.ok(String(error).length < 800, `${String(error).length} characters`)
})

test('a tool that is missing, or does not end, is named', async (t) => {
  await t.rejects(open(pi, {}, { PATH: '/nowhere' }), {
    fault: 'absent',
    message: /rpicam-vid cannot be run .*ENOENT.*: apt install rpicam-apps/,
  })
  const size = { width: 64, height: 48, fps: 10, inputFormat: 'mjpeg' } as const
  const webcam: CameraSource = { kind: 'v4l2', device: '/dev/video0', ...size, controls: { gain: 1 } }
  await t.rejects(open(webcam, {}, { PATH: '/nowhere' }), {
    fault: 'absent',
    message: /v4l2-ctl cannot be run .*: camera controls need it, apt install v4l-utils/,
  })
  const env = await fake(
    t,
    'v4l2-ctl',
    '#!/bin/sh\necho "Cannot open device /dev/video0, exiting." >&2\nexit 1\n',
  )
  await t.rejects(open(webcam, {}, env), { fault: 'absent', message: /v4l2-ctl: Cannot open device/ })
})

test('a camera that hangs before its first picture is given up, and ended', async (t) => {
  const env = await fake(t, 'rpicam-vid', '#!/bin/sh\ntrap "" TERM\nwhile true; do sleep 0.1; done\n')
  await t.rejects(open(pi, { openMs: 200 }, env), { fault: 'timeout', message: /no picture within 200 ms/ })
  await gone(join(env.PATH?.split(':')[0] ?? '', 'rpicam-vid'))
})

test('a folder as a camera: JPEGs as they are, PNGs encoded, by name, one every period', async (t) => {
  const path = await folder(t)
  const [first, third] = [await jpeg(1), await jpeg(3)]
  await writeFile(join(path, '1.jpg'), first)
  await writeFile(join(path, '2.png'), await sharp(first).png().toBuffer())
  await writeFile(join(path, '3.JPEG'), third)
  await writeFile(join(path, 'notes.txt'), 'no picture')
  const virtual = new VirtualClock()
  const source = { kind: 'folder', path, fps: 4, loop: false } as const
  const stream = await startCamera(source, {}, virtual)
  const seen: { readonly at: number; readonly bytes: Buffer }[] = []
  for await (const chunk of stream.chunks) seen.push({ at: virtual.now(), bytes: Buffer.from(chunk) })
  t.strictSame(
    seen.map(({ at }) => at),
    [0, 250, 500],
  )
  t.strictSame(seen[0]?.bytes, first)
  t.equal((await sharp(seen[1]?.bytes).metadata()).format, 'jpeg')
  t.strictSame(seen[2]?.bytes, third)
})

test('a folder goes round, takes what is added, and ends at once when it is closed', async (t) => {
  const path = await folder(t)
  await writeFile(join(path, '1.jpg'), await jpeg(1))
  const camera = await open({ kind: 'folder', path, fps: 50, loop: true })
  await camera.measure(clock.now())
  await writeFile(join(path, '2.jpg'), await jpeg(2, { width: 96, height: 80 }))
  await until(() => camera.newest()?.image.width === 96 || undefined)
  await camera.close()
  const slow = await open({ kind: 'folder', path, fps: 0.001, loop: true })
  const began = clock.now()
  await slow.close()
  t.ok(clock.now() - began < 100_000)
})

test('a folder without pictures, or none at all', async (t) => {
  const path = await folder(t)
  const source = { kind: 'folder', fps: 1, loop: true } as const
  await t.rejects(open({ ...source, path }), { fault: 'absent', message: /holds no \.jpg, \.jpeg or \.png/ })
  await t.rejects(open({ ...source, path: join(path, 'none') }), { fault: 'absent', message: /ENOENT/ })
  await writeFile(join(path, 'a.png'), 'no picture')
  await t.rejects(open({ ...source, path }), { fault: 'corrupt', message: /a\.png/ })
})
