import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { Clock } from '../clock.ts'
import { type Edge, type EdgeWatch, LineError, type LineSpec, nameOf } from '../gpio.ts'
import { watchError } from './gpio-errors.ts'
import { clockTime, type Dialect, dialectOf, parseEdge, watchArguments } from './gpio-events.ts'

/** Which `gpiomon`, and whose clock its edges are told in. */
export interface Watcher {
  /** Path of the program. */
  readonly gpiomon: string
  readonly clock: Clock
  /** How much CLOCK_MONOTONIC is ahead of the clock, ms. */
  readonly aheadMs: number
}

/** What is to be watched, and who is told. */
export interface Watched {
  readonly spec: LineSpec
  /** The kernel's name of the chip. */
  readonly chip: string
  /** Whether somebody has the line: the child, when it has got that far. */
  readonly held: () => boolean
  readonly changed: (edge: Edge) => void
  readonly ended: (error: LineError) => void
}

/** From the start of the child until it must have the line, ms. */
const START_MS = 5000
const LOOK_EVERY_MS = 5
/** It ends at once when asked to; one that does not is killed. */
const STOP_MS = 1000
const VERSION_MS = 5000

/** @throws LineError `no-library` where there is no gpiomon, or one of a version that we do not know */
export async function gpiomonDialect(gpiomon: string): Promise<Dialect> {
  const advice = 'edges are told by gpiomon: install the Debian package gpiod'
  const { stdout } = await promisify(execFile)(gpiomon, ['--version'], { timeout: VERSION_MS }).catch(
    (error: unknown) => {
      throw new LineError('no-library', `${gpiomon} does not run; ${advice}`, { cause: error })
    },
  )
  const dialect = dialectOf(stdout)
  if (dialect !== undefined) return dialect
  const [version] = stdout.split('\n')
  throw new LineError('no-library', `${gpiomon} is ${version}; libgpiod 1 or 2 is expected`)
}

/** Resolves when the child has the line, so that no edge from then on is missed. @throws LineError */
export async function watchEdges(watcher: Watcher, dialect: Dialect, watched: Watched): Promise<EdgeWatch> {
  const watch = new ChildWatch(watcher, dialect, watched)
  await watch.begin()
  return watch
}

class ChildWatch implements EdgeWatch {
  readonly #watcher: Watcher
  readonly #dialect: Dialect
  readonly #watched: Watched
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined
  #exited: Promise<void> = Promise.resolve()
  #over = false
  #begun = false
  #closing = false
  #stderr = ''
  #cause: unknown

  constructor(watcher: Watcher, dialect: Dialect, watched: Watched) {
    this.#watcher = watcher
    this.#dialect = dialect
    this.#watched = watched
  }

  async begin(): Promise<void> {
    const { clock } = this.#watcher
    const { spec, held } = this.#watched
    this.#spawn()
    try {
      const deadline = clock.now() + START_MS
      while (!this.#over && !held()) {
        if (clock.now() > deadline) {
          throw new LineError(
            'failed',
            `${nameOf(spec)}: gpiomon did not take the line within ${START_MS} ms`,
          )
        }
        await clock.sleep(LOOK_EVERY_MS)
      }
      if (this.#over) throw watchError(this.#stderr, spec, this.#cause)
    } catch (error) {
      await this.close()
      throw error
    }
    this.#begun = true
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#child?.kill('SIGTERM')
    const kill = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS)
    await this.#exited
    clearTimeout(kill)
  }

  #spawn(): void {
    const { gpiomon } = this.#watcher
    const { chip, spec } = this.#watched
    const child = spawn(gpiomon, watchArguments(this.#dialect, chip, spec), {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#exited = new Promise((resolve) => {
      const exited = (): void => {
        this.#end()
        resolve()
      }
      child.once('error', (error) => {
        this.#cause = error
        // A child that never was has no end either.
        if (child.pid === undefined) exited()
      })
      child.once('close', exited)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (this.#stderr.length < 1000) this.#stderr += text
    })
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(line))
  }

  #take(line: string): void {
    if (this.#closing || this.#over) return
    const edge = parseEdge(this.#dialect, line)
    if (edge === undefined) {
      this.#stderr = `it printed ${JSON.stringify(line.slice(0, 80))}`
      this.#child?.kill('SIGKILL')
      return
    }
    const { clock, aheadMs } = this.#watcher
    this.#watched.changed({ active: edge.active, at: clockTime(edge.kernelMs, aheadMs, clock.now()) })
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    if (this.#begun && !this.#closing) {
      this.#watched.ended(watchError(this.#stderr, this.#watched.spec, this.#cause))
    }
  }
}
