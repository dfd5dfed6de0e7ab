import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const LOOK_MS = 15
/** As `StartLimitBurst` has it. */
const BURST = 3

export interface FakeSupervisorOptions {
  readonly slotsDir: string
  readonly configFile: string
  /** What the updater writes to ask for a restart. */
  readonly restartFile: string
  readonly port: number
  /** As `TimeoutStartSec`, ms. */
  readonly startMs: number
  readonly env?: Readonly<Record<string, string>>
}

/**
 * What systemd does with the gateway, for tests: starts `current`, starts it again when it dies or is not ready in time,
 * restarts it when the updater asks, and after three failed starts runs the recovery of `previous`.
 */
export class FakeSupervisor {
  readonly #options: FakeSupervisorOptions
  #child: ChildProcess | undefined
  #failures = 0
  #off = true
  #timer: NodeJS.Timeout | undefined
  #recovering: ChildProcess | undefined
  #deadline = 0
  /** Starts, and what recovery said. */
  readonly said: string[] = []
  recoveries = 0

  constructor(options: FakeSupervisorOptions) {
    this.#options = options
  }

  /** Power on. */
  boot(): void {
    this.#off = false
    this.#failures = 0
    rmSync(this.#options.restartFile, { force: true })
    this.#start()
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** Power off, at this instant. */
  async cut(): Promise<void> {
    this.#off = true
    clearInterval(this.#timer)
    for (const child of [this.#child, this.#recovering]) await ended(child, 'SIGKILL')
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  #start(): void {
    const { slotsDir, configFile, startMs } = this.#options
    const current = join(slotsDir, 'current')
    const [slot, at] = [safe(() => realpathSync(current)), performance.now()]
    this.said.push(`start ${slot}`)
    const args = [join(slot, 'dist/gateway/cli.js'), 'run', '--config', configFile]
    const child = spawn(join(slot, 'bin/node'), args, { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.said.push(text))
    child.on('error', () => {})
    this.#child = child
    this.#deadline = at + startMs
    void this.#untilReady(child)
    child.once('close', () => this.#ended(child))
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    while (this.#child === child && child.exitCode === null && !this.#off) {
      const ready = await fetch(`http://127.0.0.1:${this.#options.port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (ready) return
      if (performance.now() > this.#deadline) return void child.kill('SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  #ended(child: ChildProcess): void {
    if (this.#off || this.#child !== child) return
    this.#failures += 1
    this.#child = undefined
    if (this.#failures < BURST) this.#start()
    else this.#recover()
  }

  #recover(): void {
    const { slotsDir, configFile, restartFile, env } = this.#options
    this.recoveries += 1
    const previous = safe(() => realpathSync(join(slotsDir, 'previous')))
    const args = [join(previous, 'dist/provisioning/recover.js'), '--config', configFile]
    const recovering = spawn(join(previous, 'bin/node'), args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env, UPDATER_RESTART_FILE: restartFile },
    })
    recovering.on('error', () => {})
    recovering.stderr?.setEncoding('utf8').on('data', (text: string) => this.said.push(text))
    this.#recovering = recovering
  }

  #look(): void {
    if (!existsSync(this.#options.restartFile)) return
    rmSync(this.#options.restartFile, { force: true })
    this.#failures = 0
    const old = this.#child
    this.#child = undefined
    void ended(old, 'SIGTERM').then(() => {
      if (!this.#off && this.#child === undefined) this.#start()
    })
  }
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return
  const over = once(child, 'close')
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 3000)
  await over
  clearTimeout(late)
}

function safe(read: () => string): string {
  try {
    return read()
  } catch {
    return '/nonexistent'
  }
}
