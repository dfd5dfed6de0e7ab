import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import type { CameraStream } from '../camera/camera.ts'
import { CAMERA } from '../camera/image.ts'
import { SensorError, type SensorFault } from '../sensor.ts'
import { type CameraSource, redact, secretsOf } from './camera-command.ts'

/** After SIGTERM until SIGKILL, and after SIGKILL until it is given up as stuck in the kernel. */
const GRACE_MS = 1000
const KILL_MS = 3000
/** Of standard error: longer lines are cut, older ones forgotten. */
const MAX_LINE = 4096
const SHOWN_LINE = 200
const KEPT_LINES = 3

const PACKAGES: Readonly<Record<string, string>> = {
  ffmpeg: 'apt install ffmpeg',
  'rpicam-vid': 'apt install rpicam-apps',
  'v4l2-ctl': 'camera controls need it, apt install v4l-utils',
}
/** Words of ffmpeg, rpicam-vid and v4l2-ctl for a camera that is not there. */
const ABSENT =
  /no such (file|device)|cannot open|no cameras? available|no such camera|connection refused|timed out|no route|unreachable|404 not found/i

/** What the words of a tool say about the camera. */
export function faultIn(said: string): SensorFault {
  return ABSENT.test(said) ? 'absent' : 'failed'
}

/** The tool itself is missing, or may not be run. */
export function notRun(file: string, error: unknown): SensorError {
  const detail = error instanceof Error ? error.message : String(error)
  const advice = PACKAGES[file] ?? 'install it'
  return new SensorError(CAMERA, 'absent', `${file} cannot be run (${detail}): ${advice}`, { cause: error })
}

type ProcessSource = Exclude<CameraSource, { readonly kind: 'folder' }>

/** A child process that writes pictures to its standard output. */
export class CameraChild implements CameraStream {
  readonly chunks: AsyncIterable<Uint8Array>
  readonly #file: string
  readonly #child: ChildProcessByStdio<Writable | null, Readable, Readable>
  readonly #source: ProcessSource
  readonly #exited: Promise<void>
  /** Its output is read to the end as well. */
  readonly #closed: Promise<void>
  readonly #lines: { readonly shown: string; readonly fault: SensorFault }[] = []
  #stopping: Promise<void> | undefined

  constructor(
    file: string,
    child: ChildProcessByStdio<Writable | null, Readable, Readable>,
    source: ProcessSource,
  ) {
    this.#file = file
    this.#child = child
    this.#source = source
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve())
      child.on('error', () => resolve())
    })
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()))
    this.#listen(secretsOf(source))
    this.chunks = this.#read()
  }

  /** @throws SensorError `absent` where the tool cannot be run */
  async spawned(): Promise<void> {
    try {
      await once(this.#child, 'spawn')
    } catch (error) {
      throw notRun(this.#file, error)
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end()
    return this.#stopping
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#child.stdout) yield chunk
    } catch (error) {
      // It is torn down under us when it is stopped.
      if (this.#stopping === undefined) throw error
    }
    if (this.#stopping !== undefined) return
    // What it said last may come after its last picture.
    await settled(this.#closed, GRACE_MS)
    const source = this.#source
    // A live source that ends has broken off.
    if (this.#child.exitCode === 0 && source.kind === 'file' && !source.loop) return
    // What ffmpeg says of a device that is pulled out depends on the moment: `No such device`, or `Invalid argument`.
    const gone = source.kind === 'v4l2' && !(await exists(source.device))
    throw this.#brokenOff(gone ? `${source.device} is gone` : undefined)
  }

  #brokenOff(gone: string | undefined): SensorError {
    const { exitCode, signalCode } = this.#child
    const ended = exitCode === null ? 'closed its output' : `ended with ${exitCode}`
    const how = signalCode === null ? ended : `was ended by ${signalCode}`
    const said = this.#lines.map(({ shown }) => shown)
    const absent = gone !== undefined || this.#lines.some(({ fault }) => fault === 'absent')
    const words = [...(gone === undefined ? [] : [gone]), ...said].join(' / ')
    const detail = `${this.#file} ${how}${words === '' ? '' : `: ${words}`}`
    return new SensorError(CAMERA, absent ? 'absent' : 'failed', detail)
  }

  /** Keeps the last lines of standard error; a secret is taken out of a whole line before any of it is cut. */
  #listen(secrets: readonly string[]): void {
    let line = ''
    this.#child.stderr.setEncoding('utf8')
    this.#child.stderr.on('data', (text: string) => {
      const [first = '', ...more] = text.split(/[\r\n]/)
      line = (line + first).slice(0, MAX_LINE)
      for (const next of more) {
        this.#said(line, secrets)
        line = next.slice(0, MAX_LINE)
      }
    })
    this.#child.stderr.on('end', () => this.#said(line, secrets))
    this.#child.stderr.on('error', () => {})
  }

  #said(line: string, secrets: readonly string[]): void {
    if (line.trim() === '') return
    // A password may be a word of any message: what is meant is read before it is taken out.
    const fault = faultIn(line)
    this.#lines.push({ shown: redact(line.trim(), secrets).slice(0, SHOWN_LINE), fault })
    while (this.#lines.length > KEPT_LINES) this.#lines.shift()
  }

  async #end(): Promise<void> {
    const child = this.#child
    if (child.pid === undefined) return
    try {
      child.kill('SIGTERM')
      if (await settled(this.#exited, GRACE_MS)) return
      child.kill('SIGKILL')
      if (await settled(this.#exited, KILL_MS)) return
      throw new SensorError(
        CAMERA,
        'failed',
        `${this.#file} (pid ${child.pid}) does not end: it hangs in a driver`,
      )
    } finally {
      child.stdout.destroy()
      child.stderr.destroy()
    }
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** @returns whether it settled within `ms` */
async function settled(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
