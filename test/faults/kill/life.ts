import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { LOADED } from './word.ts'

/** Lines that are kept, of whoever ends by himself. */
const LAST = 12

/** A test that ends in a hurry leaves nothing behind. */
const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** One process that is there to be killed. */
export class Life {
  /** Told every line that it says, on either stream. */
  hear: (line: string) => void = () => {}
  /** Resolves when it has ended and everything it said was heard. */
  readonly ended: Promise<unknown>
  readonly #child: ChildProcess
  readonly #loaded: Promise<void>
  readonly #last: string[] = []

  constructor(script: string, args: readonly string[]) {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    const { stdin, stdout, stderr } = child
    this.#child = child
    // Who is killed before it was told anything reads nothing.
    stdin.on('error', () => {})
    alive.add(child)
    child.once('exit', () => alive.delete(child))
    let loaded: () => void = () => {}
    this.#loaded = new Promise((resolve) => {
      loaded = resolve
    })
    const follow = (stream: Readable): Promise<unknown> => {
      const lines = createInterface({ input: stream }).on('line', (line) => {
        if (line === LOADED) loaded()
        else this.#said(line)
      })
      return once(lines, 'close')
    }
    this.ended = Promise.all([once(child, 'close'), follow(stdout), follow(stderr)])
  }

  /** Waits until it is loaded, then lets it go. @throws where it ended instead */
  async begin(word: string): Promise<void> {
    await Promise.race([this.#loaded, this.ended])
    if (this.hasEnded) throw new Error(`it never began: ${this.last}`)
    this.#child.stdin?.write(word)
  }

  /** Whether it is gone, killed or not. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Its exit code; null while it runs, and when it was killed. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** The last lines that it said. */
  get last(): string {
    return this.#last.join(' | ')
  }

  /** SIGKILL, now. Resolves behind its end. @returns what it had come to before, if it had ended by itself */
  async kill(): Promise<string | undefined> {
    this.#child.kill('SIGKILL')
    await this.ended
    const { exitCode, signalCode } = this.#child
    return signalCode === 'SIGKILL' ? undefined : `it had ended by itself, with ${exitCode}: ${this.last}`
  }

  #said(line: string): void {
    this.#last.push(line)
    if (this.#last.length > LAST) this.#last.shift()
    this.hear(line)
  }
}

/** How many wait for their turn. */
const AHEAD = 2

/** Most of a start is the loading of a program, which touches nothing: it is done ahead, so that kills cost little. */
export class Lives {
  readonly #script: string
  readonly #args: readonly string[]
  readonly #spare: Life[] = []
  #expected: number

  /** @param expected how many will be needed: no more are loaded ahead */
  constructor(script: string, args: readonly string[], expected: number) {
    this.#script = script
    this.#args = args
    this.#expected = expected
    for (let place = 0; place < AHEAD; place += 1) this.#load()
  }

  /** The next one; another begins to load in its place. */
  next(): Life {
    this.#load()
    return this.#spare.shift() ?? new Life(this.#script, this.#args)
  }

  async close(): Promise<void> {
    await Promise.all(this.#spare.splice(0).map((life) => life.kill()))
  }

  #load(): void {
    if (this.#expected > 0) this.#spare.push(new Life(this.#script, this.#args))
    this.#expected -= 1
  }
}
