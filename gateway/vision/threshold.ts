import type { Session } from './onnx.ts'

const INSIDE = 0
const LEAVE = 1

/**
 * Whether a thread is inside the runtime. One that is torn out of there takes the whole process with it (onnxruntime 1.30
 * throws through Node-API, and the process aborts), so a thread is ended only while it is outside, and never enters
 * again once it was told to leave.
 */
export class Threshold {
  readonly #flags: Int32Array

  /** @param shared of at least 8 bytes, zero at first; the same on both sides */
  constructor(shared: SharedArrayBuffer) {
    this.#flags = new Int32Array(shared)
  }

  static shared(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)
  }

  /**
   * In the thread: around each call into the runtime.
   * @param leave called before the call, or after it, when the thread is to leave; ends the thread
   */
  async within<T>(call: () => Promise<T>, leave: () => never): Promise<T> {
    // Each side writes its own number before it reads the other's: one of the two sees the other (Dekker 1962).
    Atomics.store(this.#flags, INSIDE, 1)
    try {
      if (this.#barred) leave()
      return await call()
    } finally {
      Atomics.store(this.#flags, INSIDE, 0)
      if (this.#barred) leave()
    }
  }

  get #barred(): boolean {
    return Atomics.load(this.#flags, LEAVE) !== 0
  }

  /** From outside: no further call into the runtime. @returns whether the thread is outside, and may be ended */
  bar(): boolean {
    Atomics.store(this.#flags, LEAVE, 1)
    return Atomics.load(this.#flags, INSIDE) === 0
  }
}

/** A session that goes into the runtime over the threshold only. */
export function overThreshold(session: Session, threshold: Threshold, leave: () => never): Session {
  return {
    inputMetadata: session.inputMetadata,
    outputMetadata: session.outputMetadata,
    run: (feeds: Parameters<Session['run']>[0]) => threshold.within(() => session.run(feeds), leave),
    release: () => threshold.within(() => session.release(), leave),
  }
}
