import type { Clock } from '../../../drivers/clock.ts'

interface Host {
  restMs: number
  readyAt: number
}

/** When a host may be asked again: each by itself, whatever the port. */
export class HostPace {
  readonly #clock: Clock
  readonly #restMs: number
  readonly #hosts = new Map<string, Host>()

  /** @param restMs from an answer to the next request; before the first one too: another process may just have asked */
  constructor(clock: Clock, restMs: number) {
    this.#clock = clock
    this.#restMs = restMs
  }

  /** A host wants to rest longer, ms; the longest that was said counts. */
  slow(hostname: string, restMs: number): void {
    const host = this.#host(hostname)
    if (restMs <= host.restMs) return
    host.readyAt += restMs - host.restMs
    host.restMs = restMs
  }

  /** Waits until it may be asked. @throws the signal's reason */
  async turn(hostname: string, signal: AbortSignal | undefined): Promise<void> {
    const waitMs = this.#host(hostname).readyAt - this.#clock.now()
    signal?.throwIfAborted()
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal)
  }

  /** It has answered, or has not. */
  done(hostname: string): void {
    const host = this.#host(hostname)
    host.readyAt = this.#clock.now() + host.restMs
  }

  notBefore(hostname: string, waitMs: number): void {
    const host = this.#host(hostname)
    host.readyAt = Math.max(host.readyAt, this.#clock.now() + waitMs)
  }

  #host(hostname: string): Host {
    const known = this.#hosts.get(hostname)
    if (known !== undefined) return known
    const host = { restMs: this.#restMs, readyAt: this.#clock.now() + this.#restMs }
    this.#hosts.set(hostname, host)
    return host
  }
}
