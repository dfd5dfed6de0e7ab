import { execFile, spawn } from 'node:child_process'
import type { CameraStream } from '../camera/camera.ts'
import { CAMERA } from '../camera/image.ts'
import { PacketStamps } from '../camera/stamps.ts'
import type { Clock } from '../clock.ts'
import { SensorError } from '../sensor.ts'
import { CameraChild, faultIn, notRun } from './camera-child.ts'
import { type CameraSource, cameraCommand } from './camera-command.ts'
import { type RunTool, setControls, wantsControls } from './camera-controls.ts'
import { readFolder } from './camera-folder.ts'

/** Environment variables, as the process was given them. */
export type Environment = Readonly<Record<string, string | undefined>>

const TOOL_LIMIT_MS = 5000
const MAX_TOOL_BYTES = 256 * 1024
const SHOWN = 300

/** What the tools may see of our environment: the rest holds secrets of others. */
const PASSED = /^(PATH|HOME|LD_LIBRARY_PATH|XDG_RUNTIME_DIR|LIBCAMERA_\w+)$/

/**
 * Begins to read a camera: one child process, or for a folder none. The child gets no shell, little environment and a
 * pipe: when we die it fails at its next picture.
 * @param env of this process; `PATH` says where ffmpeg, rpicam-vid and v4l2-ctl are
 * @throws SensorError `absent`: tool or camera is not there; `failed`: controls; the signal's reason
 */
export async function startCamera(
  source: CameraSource,
  env: Environment,
  clock: Clock,
  signal?: AbortSignal,
): Promise<CameraStream> {
  signal?.throwIfAborted()
  if (source.kind === 'folder') return readFolder(source, clock)
  const passed = Object.fromEntries(Object.entries(env).filter(([name]) => PASSED.test(name)))
  // Messages are matched: they must come in English.
  const childEnv = { ...passed, LC_ALL: 'C' }
  if (source.kind === 'simulated') {
    const { startLensCamera } = await import('../simulated/lens-camera-stream.ts')
    return await startLensCamera(source, childEnv, clock)
  }
  if (source.kind === 'v4l2' && wantsControls(source.controls)) {
    await setControls(source.device, source.controls, toolRunner(childEnv), signal)
  }
  const { file, args, stamped } = cameraCommand(source)
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: childEnv })
  const reading = new CameraChild(file, child, source)
  await reading.spawned()
  return stamped ? Object.assign(reading, { stampOf: kernelStamps(clock) }) : reading
}

/** Time stamps of the kernel's monotonic clock, which is also that of `process.hrtime`. */
function kernelStamps(clock: Clock): NonNullable<CameraStream['stampOf']> {
  const stamps = new PacketStamps()
  return ({ preamble, bytes }) => {
    const stamp = stamps.read(preamble)
    // A packet shorter than the picture is another one's.
    if (stamp === undefined || stamp.bytes < bytes.length) return undefined
    return clock.now() - (Number(process.hrtime.bigint()) / 1e6 - stamp.seconds * 1000)
  }
}

function toolRunner(env: Readonly<Record<string, string | undefined>>): RunTool {
  return (file, args, signal) =>
    new Promise((resolve, reject) => {
      const limits = { timeout: TOOL_LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_TOOL_BYTES } as const
      const abort = signal === undefined ? {} : { signal }
      execFile(file, args, { env, ...limits, ...abort }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else if (signal?.aborted) reject(signal.reason)
        else if (error.code === 'ENOENT') reject(notRun(file, error))
        else reject(toolFailed(file, error, `${stderr}\n${stdout}`))
      })
    })
}

function toolFailed(file: string, error: Error & { killed?: boolean }, said: string): SensorError {
  const lines = said.split('\n').filter((line) => line.trim() !== '')
  const detail = lines.join(' / ').slice(0, SHOWN) || error.message
  if (error.killed === true) {
    return new SensorError(CAMERA, 'timeout', `${file} did not end within ${TOOL_LIMIT_MS} ms: ${detail}`)
  }
  return new SensorError(CAMERA, faultIn(detail), `${file}: ${detail}`)
}
