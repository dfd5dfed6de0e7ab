import type { Offer } from './client.ts'
import type { UpdateStatus } from './status.ts'

/** What a server that steers wants of an update that has not been switched to. */
export interface Orders {
  /** Why it is to be given up; absent: it goes on. */
  readonly cancelled?: string
  /** What it waits for besides the line, one sentence each. */
  readonly waitFor: readonly string[]
  /** Why somebody at the station has to agree, whatever the configuration says. */
  readonly ask?: string
}

/** Where an update stands that waits. */
export interface Standing {
  /** Who agreed to it. */
  readonly consent: string | undefined
  /** Nothing else holds it back: the server is asked once more, just before the line is locked. */
  readonly ready: boolean
  readonly signal: AbortSignal
}

/** The side of a server that not only has updates: it holds them back, calls them off, and hears how they go. */
export interface Steering {
  /** Between two questions, as the server wants it, ms; undefined: it has not said. */
  readonly pollMs: number | undefined
  /**
   * What the server wants of the update to a target. One that is away wants what it wanted last: it stops nothing.
   * @param path of the target; of one that is not this server's nothing is wanted
   */
  orders(path: string, standing: Standing): Promise<Orders>
  /** Tells how it goes, each state once, also over restarts. Not waited for: the server never holds an update up. */
  report(status: UpdateStatus): void
  /** Says that an offer is not taken. */
  declined(offer: Offer, why: string): Promise<void>
  /** Ends when all that was reported is on the disk, and the server has heard it or is away. @throws never */
  settled(): Promise<void>
}
