import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { CameraControls, CameraSource } from '../drivers/linux/camera-command.ts'
import type { LensPlace } from '../drivers/simulated/lens-camera-place.ts'
import type { SimulatedSource } from '../drivers/simulated/lens-camera-stream.ts'

const path = z.string().min(1)
const width = z.int().min(16).max(8192).default(1280).describe('Pixels across.')
const height = z.int().min(16).max(8192).default(960).describe('Pixels down.')
const fps = z.number().min(0.1).max(120).default(15).describe('Pictures per second.')

const limits = {
  latency_ms: z
    .number()
    .min(0)
    .max(10_000)
    .optional()
    .describe('From the beginning of an exposure to its time stamp, at most, ms; default by kind and rate.'),
  open_ms: z
    .number()
    .min(100)
    .max(600_000)
    .optional()
    .describe('For the first picture after the start of the camera, ms; default 10000.'),
  stall_ms: z
    .number()
    .min(100)
    .max(600_000)
    .optional()
    .describe('Without a picture for so long the camera is restarted, ms; default 2000 or ten periods.'),
}

const v4l2 = z.strictObject({
  kind: z.literal('v4l2').describe('A camera of the kernel, read by ffmpeg.'),
  device: z
    .string()
    .regex(/^\/dev\/(video\d+|v4l\/by-(id|path)\/[^/]+)$/, 'expected /dev/videoN or /dev/v4l/by-id/…')
    .default('/dev/video0')
    .describe('Names under /dev/v4l/by-id stay the same after replugging.'),
  width,
  height,
  fps,
  input_format: z
    .enum(['mjpeg', 'yuyv', 'grey'])
    .default('mjpeg')
    .describe('What the camera sends; mjpeg passes through untouched, others are encoded.'),
  exposure_us: z.number().min(1).optional().describe('Exposure time, µs; switches automatic exposure off.'),
  gain: z.int().optional().describe('In the camera’s own unit; switches automatic gain off.'),
  focus: z.int().optional().describe('In the camera’s own unit; switches automatic focus off.'),
  brightness: z.int().optional().describe('In the camera’s own unit.'),
  controls: z
    .record(z.string().regex(/^\w+$/), z.int())
    .optional()
    .describe('Any other control, by its name in `v4l2-ctl --list-ctrls`.'),
  ...limits,
})

const rtsp = z
  .strictObject({
    kind: z.literal('rtsp').describe('A network camera, read by ffmpeg over TCP.'),
    url: z
      .url({ protocol: /^rtsps?$/, error: 'expected rtsp://host[:port]/path' })
      .refine((url) => !/^rtsps?:\/\/[^/]*@/.test(url), 'expected no user name or password in the URL')
      .describe('`rtsp://host[:port]/path`.'),
    username: z.string().min(1).optional().describe('User name, where the camera wants one.'),
    password: z
      .string()
      .min(1)
      .optional()
      .describe('For `POINCON_CAMERA_PASSWORD`; in a file, `password_file` is safer.')
      .meta({ secret: true }),
    password_file: path.optional().describe('File that holds the password; a line end after it is dropped.'),
    ...limits,
  })
  .refine(({ password, password_file }) => password === undefined || password_file === undefined, {
    path: ['password_file'],
    error: 'expected either password or password_file',
  })

const loop = z.boolean().default(true).describe('From the beginning again at the end.')

const file = z.strictObject({
  kind: z.literal('file').describe('A video as a camera, at its own speed.'),
  path: path.describe('Any video that ffmpeg reads.'),
  loop,
  ...limits,
})

const folder = z.strictObject({
  kind: z.literal('folder').describe('The pictures of a folder as a camera, by name.'),
  path: path.describe('Folder with .jpg, .jpeg and .png.'),
  fps: fps.default(2),
  loop,
  ...limits,
})

const rpicam = z.strictObject({
  kind: z.literal('rpicam').describe('A Raspberry Pi camera, read by rpicam-vid.'),
  camera: z.int().min(0).max(7).default(0).describe('As `rpicam-hello --list-cameras` numbers them.'),
  width,
  height,
  fps,
  exposure_us: z.number().min(1).optional().describe('Exposure time, µs; absent: automatic.'),
  gain: z.number().min(1).max(64).optional().describe('Analogue gain, a factor; absent: automatic.'),
  lens_position: z
    .number()
    .min(0)
    .max(32)
    .optional()
    .describe('Dioptres: 0 is infinity, 10 is 10 cm; absent: automatic focus.'),
  awb: z
    .union([
      z.enum(['auto', 'incandescent', 'tungsten', 'fluorescent', 'indoor', 'daylight', 'cloudy']),
      z.tuple([z.number().min(0.1).max(32), z.number().min(0.1).max(32)]),
    ])
    .optional()
    .describe('White balance: a name, or the gains of red and blue.'),
  ...limits,
})

const share = z.number().min(0).max(1).default(0)
const engraved = z
  .string()
  .regex(/^[A-Z0-9.+-]{1,8}$/, 'expected 1 to 8 capital letters, digits, dots or signs')

const simulated = z
  .strictObject({
    kind: z
      .literal('simulated')
      .describe('Spectacle lenses that are drawn, one for each part of the simulated line.'),
    fps: fps.default(10),
    seed: z.int().min(0).default(1).describe('Same seed, same lenses.'),
    distinct: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe('So many different lenses come, again and again, each drawn once; absent: no two are alike.'),
    symbols: path
      .optional()
      .describe(
        'Folder with a picture, .png or .jpg, of each symbol, dark on white; absent: symbols of our own.',
      ),
    expected: z
      .string()
      .min(1)
      .optional()
      .describe('Symbol that lenses carry: the name of a picture without its ending; absent: any.'),
    wrong_share: share.describe('Share of lenses with another symbol than the expected one.'),
    fault_share: share.describe(
      'Share of pictures without a lens, with two, one half out, under a reflection, dark.',
    ),
    addition: engraved.optional().describe('Text under the temporal mark; absent: another on each lens.'),
    nasal_text: engraved.optional().describe('Text under the symbol; absent: another on each lens, or none.'),
    level: z
      .enum(['clean', 'usual', 'hard'])
      .default('usual')
      .describe('How worn, dirty and badly lit lenses are.'),
    light: z
      .enum(['bright', 'dark', 'relief'])
      .default('bright')
      .describe(
        'Engravings: bright in dark field, dark before a bright one, or in relief under grazing light.',
      ),
    ...limits,
    open_ms: limits.open_ms
      .unwrap()
      .default(30_000)
      .describe('For the first picture, ms: the first lens is drawn.'),
  })
  .refine((camera) => camera.wrong_share === 0 || camera.expected !== undefined, {
    path: ['wrong_share'],
    error: 'expected 0 where `expected` does not say which symbol is right',
  })

/** `camera` of `poincon.yaml`. */
export const cameraOptions = z.discriminatedUnion('kind', [v4l2, rtsp, file, folder, rpicam, simulated])
export type CameraConfig = Readonly<z.infer<typeof cameraOptions>>

/**
 * What the driver is asked for. Reads `password_file`.
 * @param place where the simulated line lays its lenses
 * @throws the system's error where the file cannot be read; RangeError for a simulated camera without a simulated line
 */
export async function cameraSource(config: CameraConfig, place?: LensPlace): Promise<CameraSource> {
  switch (config.kind) {
    case 'v4l2': {
      const { kind, device, width, height, fps, input_format: inputFormat } = config
      return { kind, device, width, height, fps, inputFormat, controls: controlsOf(config) }
    }
    case 'rtsp': {
      const { kind, url, username, password_file: passwordFile } = config
      const password = passwordFile === undefined ? config.password : await secretIn(passwordFile)
      return { kind, url, username, password }
    }
    case 'file':
      return { kind: config.kind, path: config.path, loop: config.loop }
    case 'folder':
      return { kind: config.kind, path: config.path, fps: config.fps, loop: config.loop }
    case 'rpicam': {
      const { kind, camera, width, height, fps } = config
      const { exposure_us: shutterUs, gain, lens_position: lensPosition, awb } = config
      return { kind, camera, width, height, fps, shutterUs, gain, lensPosition, awb }
    }
    case 'simulated':
      if (place === undefined) throw new RangeError('no simulated line brings lenses: expected one')
      return simulatedSource(config, place)
  }
}

function simulatedSource(config: z.infer<typeof simulated>, place: LensPlace): SimulatedSource {
  const { kind, fps, symbols, seed, distinct, expected, addition, level } = config
  const { wrong_share: wrongShare, fault_share: faultShare, nasal_text: nasalText, light: polarity } = config
  const lenses = {
    ...{ seed, wrongShare, faultShare, level, polarity },
    ...(distinct === undefined ? {} : { distinct }),
    ...(expected === undefined ? {} : { expected }),
    ...(addition === undefined ? {} : { addition }),
    ...(nasalText === undefined ? {} : { nasalText }),
  }
  return { kind, fps, symbols, lenses, place }
}

function controlsOf(config: z.infer<typeof v4l2>): CameraControls {
  const { exposure_us: exposureUs, gain, focus, brightness, controls: others } = config
  return { exposureUs, gain, focus, brightness, others }
}

async function secretIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
}
