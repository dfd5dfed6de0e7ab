import type { Clock } from '../drivers/clock.ts'

/** The longest lease, s: whoever needs the line for longer asks again, and so shows that they live. */
export const LONGEST_LEASE_S = 600

/** The line is somebody's. */
export interface Lease {
  /** What is being installed. */
  readonly version: string
  /** When it ends by itself, RFC 3339. */
  readonly until: string
}

/** Nothing is kept now: what a release on trial stored would go with it where it is rolled back. */
export class LineTaken extends Error {
  override readonly name = 'LineTaken'

  constructor({ version, until }: Lease) {
    super(`an update to ${version} has the line until ${until} at most: try again then`)
  }
}

export interface LineLockOptions {
  readonly clock: Clock
  /** The lock was taken, renewed, given back, or ended by itself. */
  readonly changed: (how: 'taken' | 'released' | 'ran-out') => void
}

/**
 * Whether an update has the line: no part is inspected then. A lease ends by itself, by the monotonic clock: an updater
 * that died, or a clock that was set, must not stop a line for ever.
 */
export class LineLock {
  readonly #options: LineLockOptions
  #lease: Lease | undefined
  #cancel: () => void = () => {}

  constructor(options: LineLockOptions) {
    this.#options = options
  }

  get lease(): Lease | undefined {
    return this.#lease
  }

  /** Takes the line, or renews the lease of who has it. */
  take(version: string, leaseMs: number): Lease {
    const { clock, changed } = this.#options
    const ms = Math.min(leaseMs, LONGEST_LEASE_S * 1000)
    this.#cancel()
    const lease = { version, until: new Date(clock.wall() + ms).toISOString() }
    this.#lease = lease
    this.#cancel = clock.after(ms, () => {
      this.#lease = undefined
      changed('ran-out')
    })
    changed('taken')
    return lease
  }

  /** Gives the line back. @returns whether it was taken */
  release(): boolean {
    if (this.#lease === undefined) return false
    this.#cancel()
    this.#lease = undefined
    this.#options.changed('released')
    return true
  }

  /** Forgets the lease; for the stop of the station. */
  close(): void {
    this.#cancel()
    this.#lease = undefined
  }
}
