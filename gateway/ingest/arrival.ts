/** One message as it came, not acknowledged yet. */
export interface Arrival {
  /** MQTT form: `poincon/<site>/<line>/<station>/inspection`. */
  readonly topic: string
  readonly payload: Uint8Array
  /** It is stored for good: the source may forget it. Never throws; a connection that is gone brings it again. */
  acknowledge(): void
  /** It is still being worked on: the source must not give it to another worker yet. */
  working(): void
  /** Give it to another worker, now. */
  release(): void
}

/** Where inspections come from. It connects by itself, and again after every break. */
export interface Source {
  /** From then on every message is handed to `take`. May resolve only when the far end was there for the first time. */
  start(take: (arrival: Arrival) => void): Promise<void>
  /** Takes no more from the far end; what it handed out may still be acknowledged. */
  pause(): Promise<void>
  /** Sends the acknowledgements on their way and disconnects. */
  close(): Promise<void>
  /** Why nothing comes; undefined while it is connected. */
  readonly trouble: string | undefined
}
