import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { BusError, type I2cBus } from '../drivers/bus.ts'

export interface BusSetup {
  readonly hz: number
  /** 7-bit; a simulated ranging chip stands at each. */
  readonly addresses: readonly number[]
}

/** What the thread of a bus is asked, and what it answers, in the same order. */
export type Request =
  | {
      readonly kind: 'transfer'
      readonly address: number
      readonly out: Uint8Array
      readonly length: number
      /** `absoluteMs` */
      readonly askedAt: number
    }
  /** Nothing but the message. */
  | { readonly kind: 'empty'; readonly lastsMs: number }
export type Reply =
  | { readonly kind: 'answer'; readonly answer: Uint8Array }
  | { readonly kind: 'refused' }
  | { readonly kind: 'empty' }
  /** Says first which thread it is, as the kernel counts them. */
  | { readonly kind: 'thread'; readonly id: number }

/** Monotonic ms with fraction, the same in every thread. */
export function absoluteMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** The driver's end of a bus in another thread. Requests are answered in order, as an adapter does. */
export class ThreadBus implements I2cBus {
  readonly #worker: Worker
  readonly #waiting: ((reply: Reply) => void)[] = []
  messages = 0
  /** As the kernel counts threads. */
  readonly thread: Promise<number>

  constructor(setup: BusSetup) {
    this.#worker = new Worker(new URL('./heads-bus.js', import.meta.url), { workerData: setup })
    this.#worker.on('message', (reply: Reply) => this.#waiting.shift()?.(reply))
    this.#worker.on('error', (error) => {
      throw error
    })
    this.thread = new Promise((resolve) => {
      this.#waiting.push((reply) => resolve(reply.kind === 'thread' ? reply.id : Number.NaN))
    })
  }

  async transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const reply = await this.#ask({ kind: 'transfer', address, out, length, askedAt: absoluteMs() })
    if (reply.kind === 'answer') return reply.answer
    throw new BusError('no-acknowledge', `no acknowledge at 0x${address.toString(16)}`)
  }

  /** A message there, answered after so long. */
  async empty(lastsMs: number): Promise<void> {
    await this.#ask({ kind: 'empty', lastsMs })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(request: Request): Promise<Reply> {
    this.messages += 1
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#worker.postMessage(request)
    })
  }
}

/** Ms that a thread of this process was ready to run and had no core, because others used them; 0 where the kernel does not say. */
export function threadWaitMs(thread: number): number {
  return Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

const CLOCK_TICKS_PER_S = 100

/** CPU that one thread of this process has used, ms: to the nanosecond where the kernel accounts so, else to 10 ms. */
export function threadCpuMs(thread: number): number {
  const folder = `/proc/self/task/${thread}`
  const [ns] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ')
  if (Number(ns) > 0) return Number(ns) / 1e6
  const fields = readFileSync(`${folder}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  // utime and stime, the 14th and 15th of proc(5); the name and number before the state are cut off.
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_S
}
