import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Errno } from './cuse-i2c.ts'
import type { Call, SimulatedAdapter } from './i2c-adapter.ts'

/** What a simulated adapter counted. */
export type Counts = Readonly<Record<keyof SimulatedAdapter['counts'], number>>

/**
 * The buses `/dev/i2c-7` and `/dev/i2c-8` of the guest, in a process of their own: it may be killed as an adapter may be
 * pulled, and a driver's closing call never waits for the process that makes it.
 */
export class BusServer {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child
    this.#answers = lines[Symbol.asyncIterator]()
  }

  /** Both devices exist when it resolves. */
  static async start(): Promise<BusServer> {
    const script = new URL(`bus-server${import.meta.url.slice(-3)}`, import.meta.url).pathname
    const child = spawn(process.execPath, [script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // A read of /dev/cuse occupies one thread of libuv's pool for as long as nobody asks anything.
      env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
    })
    const server = new BusServer(child, createInterface({ input: child.stdout }))
    const answer = await server.#answer()
    if (answer !== 'serving') throw new Error(`the server of the buses says ${answer}`)
    return server
  }

  /** Makes the next call of its kind fail, once. */
  fail(bus: number, call: Call, errno: Errno): Promise<void> {
    return this.#order(`fail ${bus} ${call} ${errno}`)
  }

  /** Makes the next transfer leave out its last bytes. */
  short(bus: number, call: 'write' | 'read', missing: number): Promise<void> {
    return this.#order(`short ${bus} ${call} ${missing}`)
  }

  /** Moves the LPn pin of a ranging head. */
  listen(head: 0 | 1, on: boolean): Promise<void> {
    return this.#order(`listen ${head} ${on ? 'on' : 'off'}`)
  }

  /** Moves the wall before a ranging head. */
  wall(head: 0 | 1, rangeMm: number): Promise<void> {
    return this.#order(`wall ${head} ${rangeMm}`)
  }

  async counts(bus: number): Promise<Counts> {
    const answer = await this.#ask(`counts ${bus}`)
    const count = (name: string): number => {
      const [, digits] = new RegExp(`\\b${name}=(\\d+)`).exec(answer) ?? []
      if (digits === undefined) throw new Error(`no ${name} among the counts ${answer}`)
      return Number(digits)
    }
    return {
      ...{ opened: count('opened'), open: count('open'), writes: count('writes'), reads: count('reads') },
      ...{ bytesOut: count('bytesOut'), bytesIn: count('bytesIn'), largestWrite: count('largestWrite') },
    }
  }

  /** Both devices are gone when it resolves; open files of theirs stay, without anybody behind them. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** Its devices stay, and nothing asked of them comes back. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async #order(order: string): Promise<void> {
    const answer = await this.#ask(order)
    if (answer !== 'ok') throw new Error(`${order}: ${answer}`)
  }

  #ask(order: string): Promise<string> {
    this.#child.stdin?.write(`${order}\n`)
    return this.#answer()
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next()
    if (done === true) throw new Error('the server of the buses ended')
    return value
  }
}
