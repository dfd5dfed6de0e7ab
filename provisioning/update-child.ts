import { type ChildProcess, spawn } from 'node:child_process'

export interface ChildOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly timeoutMs: number
  /** More on standard output ends it, bytes. */
  readonly maxBytes: number
  readonly env?: Readonly<Record<string, string>>
  /** Called with what it says on standard output, as it comes. */
  readonly onOutput?: (text: string) => void
  readonly signal: AbortSignal
}

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null
  readonly stdout: string
  /** The end of what it said there. */
  readonly stderr: string
  /** Why it was ended; undefined when it ended by itself. */
  readonly ended?: 'late' | 'endless' | 'stopped'
}

const STDERR_BYTES = 4000

/** What says where the station keeps its log, and how it reads the clock. */
function inherited(): Readonly<Record<string, string>> {
  const kept = ['STATE_DIRECTORY', 'TZ', 'LANG'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(kept)
}

/**
 * Runs a program to its end, within limits of time and output; what it started goes with it.
 * @throws when it cannot be started
 */
export function runChild(options: ChildOptions): Promise<ChildEnd> {
  const { command, args, timeoutMs, signal } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...inherited(),
        ...options.env,
      },
    })
    let ended: ChildEnd['ended']
    const end = (why: NonNullable<ChildEnd['ended']>): void => {
      ended ??= why
      killGroup(child)
    }
    const timer = setTimeout(() => end('late'), timeoutMs)
    const stop = (): void => end('stopped')
    signal.addEventListener('abort', stop, { once: true })
    child.stdout.on('data', (chunk: Buffer) => options.onOutput?.(chunk.toString('utf8')))
    const said = listen(child, options.maxBytes, () => end('endless'))
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
    child.once('error', (error) => {
      over()
      reject(error)
    })
    child.once('close', (code) => {
      over()
      resolve({ code, ...said(), ...(ended === undefined ? {} : { ended }) })
    })
    if (signal.aborted) stop()
  })
}

function listen(child: ChildProcess, maxBytes: number, tooMuch: () => void) {
  const out: Buffer[] = []
  let [bytes, stderr] = [0, '']
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) tooMuch()
    else out.push(chunk)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = `${stderr}${text}`.slice(-STDERR_BYTES)
  })
  return () => ({ stdout: Buffer.concat(out).toString('utf8'), stderr })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** Why a child that should have ended with 0 did not; undefined when it did. */
export function troubleOf(
  name: string,
  { code, ended, stderr }: ChildEnd,
  timeoutMs: number,
): string | undefined {
  const last = stderr.trim().split('\n').at(-1) ?? ''
  const said = last === '' ? '' : `: ${last.slice(0, 500)}`
  if (ended === 'late') return `${name} did not end within ${timeoutMs / 1000} s`
  if (ended === 'endless') return `${name} said more than it may`
  if (ended === 'stopped') return `${name} was stopped`
  if (code === null) return `${name} died${said}`
  return code === 0 ? undefined : `${name} ended with ${code}${said}`
}
