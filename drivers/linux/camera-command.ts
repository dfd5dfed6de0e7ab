import type { SimulatedSource } from '../simulated/lens-camera-stream.ts'

/** Where pictures come from. */
export type CameraSource =
  | V4l2Source
  | RtspSource
  | FileSource
  | FolderSource
  | RpicamSource
  | SimulatedSource

/** A camera of the kernel: USB, or CSI with a driver that gives finished pictures. */
export interface V4l2Source {
  readonly kind: 'v4l2'
  /** `/dev/video0`, or a link of /dev/v4l/by-id that stays the same after replugging. */
  readonly device: string
  readonly width: number
  readonly height: number
  readonly fps: number
  /** What the camera sends: `mjpeg` passes through untouched, the others are encoded here. */
  readonly inputFormat: 'mjpeg' | 'yuyv' | 'grey'
  readonly controls?: CameraControls
}

export interface CameraControls {
  /** Exposure time, µs; switches automatic exposure off. */
  readonly exposureUs?: number | undefined
  /** In the camera's own unit; switches automatic gain off. */
  readonly gain?: number | undefined
  /** In the camera's own unit; switches automatic focus off. */
  readonly focus?: number | undefined
  readonly brightness?: number | undefined
  /** Any other, by the name that `v4l2-ctl --list-ctrls` gives it. */
  readonly others?: Readonly<Record<string, number>> | undefined
}

export interface RtspSource {
  readonly kind: 'rtsp'
  /** Without user name and password. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** A video, at its own speed. */
export interface FileSource {
  readonly kind: 'file'
  readonly path: string
  readonly loop: boolean
}

/** Pictures of a folder, by name. */
export interface FolderSource {
  readonly kind: 'folder'
  readonly path: string
  readonly fps: number
  readonly loop: boolean
}

/** The camera of a Raspberry Pi. */
export interface RpicamSource {
  readonly kind: 'rpicam'
  /** As `rpicam-hello --list-cameras` numbers them. */
  readonly camera: number
  readonly width: number
  readonly height: number
  readonly fps: number
  /** Exposure time, µs. */
  readonly shutterUs?: number | undefined
  /** Analogue gain, a factor. */
  readonly gain?: number | undefined
  /** Dioptres: 0 is infinity, 10 is 10 cm; switches automatic focus off. */
  readonly lensPosition?: number | undefined
  /** White balance: `auto`, `tungsten`, `daylight`… or the gains of red and blue. */
  readonly awb?: string | readonly [red: number, blue: number] | undefined
}

/** What is run, without a shell. */
export interface CameraCommand {
  readonly file: 'ffmpeg' | 'rpicam-vid'
  readonly args: readonly string[]
  /** A time stamp of the kernel stands before each picture, see `drivers/camera/stamps.ts`. */
  readonly stamped: boolean
}

const QUIET = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error']
/** One frame in, one picture out: ffmpeg would else repeat pictures to keep a constant rate (`-fps_mode`: ffmpeg ≥ 5.1). */
const ENCODED = [
  ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000000'],
  ...['-c:v', 'mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p', '-threads', '1'],
]
const PLAIN = ['-f', 'mjpeg', '-flush_packets', '1', 'pipe:1']
/** Both formats go the same way, so the line with a picture's time stamp comes right before the picture. */
const STAMPED = ['-f', 'tee', '[f=framecrc:flush_packets=1]pipe\\:1|[f=mjpeg:flush_packets=1]pipe\\:1']
const RTSP_TIMEOUT_US = 5_000_000
const INPUT_FORMATS = { mjpeg: 'mjpeg', yuyv: 'yuyv422', grey: 'gray' } as const

/** The command line for a source; a folder needs none, and a simulated camera is our own. */
export function cameraCommand(source: Exclude<CameraSource, FolderSource | SimulatedSource>): CameraCommand {
  switch (source.kind) {
    case 'v4l2':
      return v4l2Command(source)
    case 'rtsp': {
      const transport = ['-rtsp_transport', 'tcp', '-timeout', String(RTSP_TIMEOUT_US)]
      const input = [...QUIET, '-fflags', 'nobuffer', ...transport, '-i', rtspUrl(source)]
      return { file: 'ffmpeg', args: [...input, '-map', '0:v:0', ...ENCODED, ...PLAIN], stamped: false }
    }
    case 'file': {
      const loop = source.loop ? ['-stream_loop', '-1'] : []
      // `file:` keeps a name with a colon from being taken for a protocol.
      const input = [...QUIET, ...loop, '-re', '-i', `file:${source.path}`]
      return { file: 'ffmpeg', args: [...input, '-map', '0:v:0', ...ENCODED, ...PLAIN], stamped: false }
    }
    case 'rpicam':
      return rpicamCommand(source)
  }
}

function v4l2Command({ device, width, height, fps, inputFormat }: V4l2Source): CameraCommand {
  const input = [
    ...QUIET,
    ...['-fflags', 'nobuffer', '-f', 'v4l2', '-input_format', INPUT_FORMATS[inputFormat]],
    ...['-video_size', `${width}x${height}`, '-framerate', String(fps), '-i', device],
  ]
  // The kernel's monotonic time goes through unchanged.
  const output = ['-map', '0:v:0', '-copyts', ...(inputFormat === 'mjpeg' ? ['-c:v', 'copy'] : ENCODED)]
  return { file: 'ffmpeg', args: [...input, ...output, ...STAMPED], stamped: true }
}

function rpicamCommand(source: RpicamSource): CameraCommand {
  const { camera, width, height, fps, shutterUs, gain, lensPosition, awb } = source
  const args = [
    ...['--camera', String(camera), '--timeout', '0', '--nopreview', '--verbose=0'],
    ...['--width', String(width), '--height', String(height), '--framerate', String(fps)],
    ...['--codec', 'mjpeg', '--flush'],
  ]
  if (shutterUs !== undefined) args.push('--shutter', String(shutterUs))
  if (gain !== undefined) args.push('--gain', String(gain))
  if (lensPosition !== undefined) {
    args.push('--autofocus-mode', 'manual', '--lens-position', String(lensPosition))
  }
  if (typeof awb === 'string') args.push('--awb', awb)
  else if (awb !== undefined) args.push('--awbgains', awb.join(','))
  return { file: 'rpicam-vid', args: [...args, '-o', '-'], stamped: false }
}

/** ffmpeg takes them in the URL only. */
function rtspUrl({ url, username, password }: RtspSource): string {
  const whole = new URL(url)
  if (username !== undefined) whole.username = encodeURIComponent(username)
  if (password !== undefined) whole.password = encodeURIComponent(password)
  return whole.href
}

/** Network cameras encode, buffer and send: half a second is common, and `latency_ms` says what is true of one. */
const RTSP_LATENCY_MS = 500
/** Exposure of a simulated picture, which is stamped at its end. Assumed. */
const SIMULATED_EXPOSURE_MS = 20

/**
 * From the beginning of an exposure to the time stamp of its picture, at most; ms. Too long costs a wait, too short
 * gives the picture of the part before. Kernel drivers stamp the beginning or the end of the readout, and do not say
 * which through ffmpeg: exposure plus readout are assumed, each one period where it is not known to be less. A
 * rpicam picture is stamped when it arrives, one period of encoding later.
 */
export function latencyOf(source: CameraSource): number {
  switch (source.kind) {
    case 'v4l2': {
      const periodMs = 1000 / source.fps
      return exposureMs(source.controls?.exposureUs, periodMs) + periodMs
    }
    case 'rpicam': {
      const periodMs = 1000 / source.fps
      return exposureMs(source.shutterUs, periodMs) + 2 * periodMs
    }
    case 'rtsp':
      return RTSP_LATENCY_MS
    case 'simulated':
      return SIMULATED_EXPOSURE_MS
    case 'file':
    case 'folder':
      return 0
  }
}

function exposureMs(exposureUs: number | undefined, periodMs: number): number {
  return exposureUs === undefined ? periodMs : exposureUs / 1000
}

/** What of a source must not be seen anywhere: the password as it is, and as a URL writes it. Longest first. */
export function secretsOf(source: CameraSource): readonly string[] {
  if (source.kind !== 'rtsp' || source.password === undefined || source.password === '') return []
  const { password } = source
  return [...new Set([encodeURIComponent(password), password])].sort((a, b) => b.length - a.length)
}

/** A line without the secrets, and without user name and password of any URL. */
export function redact(line: string, secrets: readonly string[]): string {
  const hidden = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line)
  return hidden.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, '$1***@')
}
