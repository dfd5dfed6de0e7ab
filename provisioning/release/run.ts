import { spawn } from 'node:child_process'
import { ReleaseError } from './error.ts'

export interface RunOptions {
  readonly cwd?: string
  /** Everything the program sees; nothing is handed down by itself. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: Uint8Array
  /** Ends the program, and the promise with an error, after this time. Default: half an hour. */
  readonly timeoutMs?: number
}

/** What a program said; `status` is its exit code, or the name of the signal that ended it. */
export interface Ran {
  readonly status: number | string
  readonly stdout: Uint8Array
  readonly stderr: string
}

const HALF_AN_HOUR_MS = 30 * 60_000

/** Runs a program to its end, without a shell. */
export function ranBy(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, env = {}, input, timeoutMs = HALF_AN_HOUR_MS } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...(cwd === undefined ? {} : { cwd }), env, timeout: timeoutMs })
    const out: Uint8Array[] = []
    const said: string[] = []
    child.stdout.on('data', (piece: Uint8Array) => out.push(piece))
    child.stderr.setEncoding('utf8').on('data', (piece: string) => said.push(piece))
    child.on('error', (cause) => reject(new ReleaseError(`${program}: ${cause.message}`, { cause })))
    child.on('close', (code, signal) => {
      resolve({ status: code ?? signal ?? 'lost', stdout: Buffer.concat(out), stderr: said.join('') })
    })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/**
 * What a program wrote to its standard output.
 * @throws ReleaseError where it fails, with the end of what it said
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Uint8Array> {
  const { status, stdout, stderr } = await ranBy(program, args, options)
  if (status !== 0) {
    const last = `${Buffer.from(stdout).toString().slice(-2000)}\n${stderr.slice(-4000)}`.trim()
    throw new ReleaseError(`${program} ${args.join(' ')}: ended with ${status}\n${last}`)
  }
  return stdout
}

/** The same as text without its last line end. */
export async function textOf(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return Buffer.from(await outputOf(program, args, options))
    .toString()
    .trimEnd()
}
