import { test } from 'tap'
import {
  type CameraSource,
  cameraCommand,
  latencyOf,
  redact,
  secretsOf,
  type V4l2Source,
} from '../../../drivers/linux/camera-command.ts'
import { parseControls, planControls, setControls } from '../../../drivers/linux/camera-controls.ts'

const webcam: V4l2Source = {
  kind: 'v4l2',
  device: '/dev/video0',
  width: 1280,
  height: 960,
  fps: 15,
  inputFormat: 'mjpeg',
}

test('a camera that sends JPEGs: they pass through untouched, each behind its time stamp', (t) => {
  const { file, args, stamped } = cameraCommand(webcam)
  t.equal(file, 'ffmpeg')
  t.equal(stamped, true)
  t.equal(
    args.join(' '),
    '-hide_banner -nostdin -nostats -loglevel error -fflags nobuffer -f v4l2 -input_format mjpeg ' +
      '-video_size 1280x960 -framerate 15 -i /dev/video0 -map 0:v:0 -copyts -c:v copy ' +
      '-f tee [f=framecrc:flush_packets=1]pipe\\:1|[f=mjpeg:flush_packets=1]pipe\\:1',
  )
  t.end()
})

test('one that sends pixels: encoded, one picture a frame', (t) => {
  for (const [inputFormat, name] of [
    ['yuyv', 'yuyv422'],
    ['grey', 'gray'],
  ] as const) {
    const line = cameraCommand({ ...webcam, inputFormat }).args.join(' ')
    t.match(line, `-input_format ${name} `)
    t.match(line, '-copyts -fps_mode passthrough -enc_time_base 1:1000000 -c:v mjpeg')
  }
  t.end()
})

test('a video: at its own speed, and its name is never a protocol', (t) => {
  const { args } = cameraCommand({ kind: 'file', path: 'http://a video.mp4', loop: true })
  t.equal(args[args.indexOf('-i') + 1], 'file:http://a video.mp4')
  t.ok(args.indexOf('-stream_loop') < args.indexOf('-i') && args.includes('-re'))
  t.notOk(cameraCommand({ kind: 'file', path: 'a.mp4', loop: false }).args.includes('-stream_loop'))
  t.end()
})

test('a Raspberry Pi: every setting that is given, and no other', (t) => {
  const camera = { kind: 'rpicam', camera: 1, width: 1456, height: 1088, fps: 30 } as const
  const { file, args } = cameraCommand(camera)
  t.equal(file, 'rpicam-vid')
  t.equal(
    args.join(' '),
    '--camera 1 --timeout 0 --nopreview --verbose=0 --width 1456 --height 1088 --framerate 30 ' +
      '--codec mjpeg --flush -o -',
  )
  const all = cameraCommand({ ...camera, shutterUs: 2000, gain: 1.5, lensPosition: 8, awb: [1.9, 1.4] })
  const settings = '--shutter 2000 --gain 1.5 --autofocus-mode manual --lens-position 8 --awbgains 1.9,1.4'
  t.match(all.args.join(' '), settings)
  t.match(cameraCommand({ ...camera, awb: 'daylight' }).args.join(' '), '--awb daylight')
  t.end()
})

test('RTSP: over TCP, credentials in the URL because ffmpeg knows no other place, whatever they contain', (t) => {
  const source = { kind: 'rtsp', url: 'rtsp://cam.local:8554/main' } as const
  const open = cameraCommand(source).args
  t.equal(open[open.indexOf('-i') + 1], 'rtsp://cam.local:8554/main')
  t.match(open.join(' '), '-rtsp_transport tcp')
  const { args } = cameraCommand({ ...source, username: 'line 1', password: 'p@ss/wörd:#%' })
  const url = new URL(args[args.indexOf('-i') + 1] ?? '')
  t.equal(url.host, 'cam.local:8554')
  t.equal(decodeURIComponent(url.username), 'line 1')
  t.equal(decodeURIComponent(url.password), 'p@ss/wörd:#%')
  t.end()
})

test('secrets: the password as it is and as a URL writes it, and the user part of any URL', (t) => {
  const source: CameraSource = { kind: 'rtsp', url: 'rtsp://cam/', username: 'eve', password: 'p@ss wörd' }
  const secrets = secretsOf(source)
  const line = cameraCommand(source).args.join(' ')
  const seen = [line, 'password is p@ss wörd', 'rtsp://other:secret@host/x: 401'].map((text) =>
    redact(text, secrets),
  )
  for (const text of seen) {
    for (const secret of [...secrets, 'secret', 'eve:'])
      t.notOk(text.includes(secret), `${secret} in: ${text}`)
  }
  t.match(seen[2], 'rtsp://***@host/x: 401')
  t.equal(redact('no secret: a@b, file:/x', []), 'no secret: a@b, file:/x')
  t.strictSame(secretsOf(webcam), [])
  t.end()
})

test('the time from exposure to time stamp is assumed, never too short', (t) => {
  const period = 1000 / 15
  t.equal(latencyOf(webcam), 2 * period)
  t.equal(latencyOf({ ...webcam, controls: { exposureUs: 5000 } }), 5 + period)
  const pi = { kind: 'rpicam', camera: 0, width: 640, height: 480, fps: 15 } as const
  t.equal(latencyOf(pi), 3 * period)
  t.equal(latencyOf({ ...pi, shutterUs: 2000 }), 2 + 2 * period)
  t.equal(latencyOf({ kind: 'rtsp', url: 'rtsp://cam/' }), 500)
  t.equal(latencyOf({ kind: 'folder', path: '/x', fps: 1, loop: true }), 0)
  t.end()
})

/** As v4l2-ctl 1.22 prints it for a UVC camera. */
const LISTING = `
User Controls

                     brightness 0x00980900 (int)    : min=-64 max=64 step=1 default=0 value=0
        white_balance_automatic 0x0098090c (bool)   : default=1 value=1
                           gain 0x00980913 (int)    : min=0 max=100 step=10 default=0 value=0
                        bitmask 0x0098f907 (bitmask): max=0x80402010 default=0x80002000 value=-2147475456

Camera Controls

                  auto_exposure 0x009a0901 (menu)   : min=0 max=3 default=3 value=3 (Aperture Priority Mode)
         exposure_time_absolute 0x009a0902 (int)    : min=1 max=5000 step=1 default=157 value=157 flags=inactive
                 focus_absolute 0x009a090a (int)    : min=1 max=1023 step=1 default=1 value=1 flags=inactive
     focus_automatic_continuous 0x009a090c (bool)   : default=1 value=1
`

test('controls: what is automatic goes off first, units and steps are the camera’s', (t) => {
  const present = parseControls(LISTING)
  t.strictSame(present[0], { name: 'brightness', min: -64, max: 64, step: 1 })
  t.strictSame(present[3], { name: 'bitmask' })
  const plan = planControls(
    { exposureUs: 2040, gain: 34, focus: 250, brightness: -10, others: { white_balance_automatic: 0 } },
    present,
  )
  t.strictSame(plan, {
    automatics: [
      { name: 'auto_exposure', value: 1 },
      { name: 'focus_automatic_continuous', value: 0 },
    ],
    values: [
      { name: 'exposure_time_absolute', value: 20 },
      { name: 'gain', value: 30 },
      { name: 'focus_absolute', value: 250 },
      { name: 'brightness', value: -10 },
      { name: 'white_balance_automatic', value: 0 },
    ],
  })
  const old = parseControls(
    LISTING.replace('auto_exposure ', 'exposure_auto ').replace(
      'exposure_time_absolute',
      'exposure_absolute',
    ),
  )
  t.strictSame(planControls({ exposureUs: 100 }, old), {
    automatics: [{ name: 'exposure_auto', value: 1 }],
    values: [{ name: 'exposure_absolute', value: 1 }],
  })
  t.strictSame(planControls({}, present), { automatics: [], values: [] })
  t.end()
})

test('controls: one that is missing or out of range is named, with what there is', (t) => {
  const present = parseControls(LISTING)
  const failed = (message: string) => ({ name: 'SensorError', fault: 'failed', message })
  t.throws(
    () => planControls({ exposureUs: 900_000 }, present),
    failed('camera: exposure_time_absolute: expected 100 to 500000 µs, got 900000 µs'),
  )
  t.throws(
    () => planControls({ exposureUs: 10 }, present),
    failed('camera: exposure_time_absolute: expected 100 to 500000 µs, got 10 µs'),
  )
  t.throws(() => planControls({ gain: 101.1e3 }, present), { message: /gain: expected 0 to 100, got 101100/ })
  t.throws(() => planControls({ others: { zoom: 1 } }, present), {
    message: /no control zoom; it has brightness, white_balance_automatic, gain/,
  })
  t.throws(() => planControls({ focus: 1 }, []), { message: /no control focus_absolute; it has none at all/ })
  t.end()
})

/** A v4l2-ctl over a map of values; `keeps` are values that it does not change. */
function tool(values: Map<string, number>, keeps: readonly string[] = []) {
  const lines: string[] = []
  const run = (_file: string, [, , verb = '', what = '']: readonly string[]): Promise<string> => {
    lines.push(`${verb} ${what}`.trim())
    if (verb === '--list-ctrls') return Promise.resolve(LISTING)
    if (verb === '--set-ctrl') {
      for (const [name = '', value] of what.split(',').map((setting) => setting.split('='))) {
        if (!keeps.includes(name)) values.set(name, Number(value))
      }
      return Promise.resolve('')
    }
    return Promise.resolve(
      what
        .split(',')
        .map((name) => `${name}: ${values.get(name) ?? 0} (Menu)\n`)
        .join(''),
    )
  }
  return { lines, run }
}

test('controls are written in two steps and read back', async (t) => {
  const { lines, run } = tool(new Map())
  await setControls('/dev/video0', { exposureUs: 5000, gain: 20 }, run, undefined)
  t.strictSame(lines, [
    '--list-ctrls',
    '--set-ctrl auto_exposure=1',
    '--set-ctrl exposure_time_absolute=50,gain=20',
    '--get-ctrl auto_exposure,exposure_time_absolute,gain',
  ])
  await t.rejects(setControls('/dev/video0', { gain: 20 }, tool(new Map(), ['gain']).run, undefined), {
    name: 'SensorError',
    fault: 'failed',
    message: 'camera: gain is 0, although 20 was written',
  })
})
