import { Worker } from 'node:worker_threads'
import type { Clock } from '../../drivers/clock.ts'
import { ModelError, reason } from './model.ts'
import type { Refusal } from './onnx.ts'
import type { Answer, OpenNetwork, Question, Said, Searched, ThreadSetup, Told } from './thread-messages.ts'
import { Threshold } from './threshold.ts'

export interface LifeOptions {
  /** The thread's entry. */
  readonly entry: URL
  readonly setup: Omit<ThreadSetup, 'threshold'>
  readonly clock: Clock
  /** For the networks to be open and warm, ms: TensorRT builds its engines then. */
  readonly openLimitMs: number
  readonly refused: (network: string, refusal: Refusal) => void
}

/** Its JavaScript alone; pixels and networks lie outside of it. */
const HEAP_MB = 256
/** How long a thread may take to close its sessions. */
const CLOSE_LIMIT_MS = 5000

interface Pending {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  readonly cancelLimit: () => void
}

/** One thread from its start to its end. It ends once, for whatever reason, and says which. */
export class ThreadLife {
  /** Resolves when networks are open and warm. Rejects with ModelError where no thread could, else with why it ended. */
  readonly ready: Promise<void>
  /** Resolves with why it ended. */
  readonly over: Promise<Error>
  /** Resolves when nothing of it is left, which may be long after it ended: see `Threshold`. */
  readonly gone: Promise<void>
  readonly #worker: Worker
  readonly #threshold: Threshold
  readonly #options: LifeOptions
  readonly #pending = new Map<number, Pending>()
  #networks: readonly OpenNetwork[] = []
  #next = 1
  #ended: Error | undefined
  #opened: (outcome?: Error) => void = () => {}
  #end: (why: Error) => void = () => {}

  private constructor(options: LifeOptions) {
    this.#options = options
    const threshold = Threshold.shared()
    this.#threshold = new Threshold(threshold)
    this.#worker = new Worker(options.entry, {
      workerData: { ...options.setup, threshold },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    })
    this.ready = new Promise((resolve, reject) => {
      this.#opened = (failure) => (failure === undefined ? resolve() : reject(failure))
    })
    // Whoever waits for it hears of it; where nobody does, `over` tells.
    this.ready.catch(() => {})
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
    this.gone = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    const { clock, openLimitMs } = options
    const cancel = clock.after(openLimitMs, () => this.#kill(`not open within ${openLimitMs / 1000} s`))
    this.ready.then(cancel, cancel)
    this.#worker.on('message', (said: Said) => this.#hear(said))
    this.#worker.on('error', (error) => this.#over(new Error(reason(error), { cause: error })))
    this.#worker.on('exit', (code) => this.#over(new Error(`it ended with ${code}`)))
  }

  static start(options: LifeOptions): ThreadLife {
    return new ThreadLife(options)
  }

  get networks(): readonly OpenNetwork[] {
    return this.#networks
  }

  /**
   * @param limitMs without an answer for so long, it is taken to hang, and ended
   * @throws the reason why the thread ended
   */
  ask(question: Question, limitMs: number): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#next++
    return new Promise((resolve, reject) => {
      const cancelLimit = this.#options.clock.after(limitMs, () =>
        this.#kill(`no answer to ${question.kind} within ${limitMs / 1000} s`),
      )
      this.#pending.set(id, { resolve, reject, cancelLimit })
      this.#tell({ kind: 'ask', id, question }, transferable(question))
    })
  }

  search(searched: Searched): void {
    if (this.#ended === undefined) this.#tell({ kind: 'gallery', ...searched })
  }

  /** Lets it answer what it was asked and close its sessions; ends it where that takes too long. */
  async close(): Promise<void> {
    if (this.#ended === undefined) this.#tell({ kind: 'close' })
    const limit = new AbortController()
    const late = this.#options.clock.sleep(CLOSE_LIMIT_MS, limit.signal).then(
      () => this.#kill('not closed in time'),
      () => {},
    )
    await Promise.race([this.over, late])
    limit.abort()
  }

  #tell(told: Told, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(told, transfer)
  }

  #hear(said: Said): void {
    if (this.#ended !== undefined) return
    switch (said.kind) {
      case 'ready':
        this.#networks = said.networks
        this.#opened()
        break
      case 'refused':
        this.#options.refused(said.network, said)
        break
      case 'unfit':
        this.#over(new ModelError(said.fault, said.message))
        break
      case 'answer': {
        const pending = this.#pending.get(said.id)
        this.#pending.delete(said.id)
        pending?.cancelLimit()
        pending?.resolve(said.answer)
      }
    }
  }

  #kill(why: string): void {
    if (this.#ended !== undefined) return
    this.#over(new Error(why))
    // One that is inside the runtime leaves by itself when it comes out; nothing waits for that.
    if (this.#threshold.bar()) void this.#worker.terminate()
    else this.#worker.unref()
  }

  #over(why: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = why
    this.#opened(why)
    for (const { reject, cancelLimit } of this.#pending.values()) {
      cancelLimit()
      reject(why)
    }
    this.#pending.clear()
    this.#end(why)
  }
}

/** Pixels go to the thread; the bytes of a query stay with who asked, and what is part of a larger array is copied. */
function transferable(question: Question): readonly ArrayBuffer[] {
  if (question.kind !== 'read') return []
  const { buffer, byteLength } = question.picture.pixels
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}
