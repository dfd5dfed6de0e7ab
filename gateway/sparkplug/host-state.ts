import { z } from 'zod'

const stateMessage = z.object({ online: z.boolean(), timestamp: z.int().min(0) })

/** What a STATE message came to. */
export type Heard = 'online' | 'offline' | 'stale' | 'invalid'

/**
 * Whether the primary host is there, from what it says on its STATE topic. A death that a broker delivers late carries an
 * older time stamp than the birth after it, and counts for nothing
 * (tck-id-operational-behavior-edge-node-termination-host-offline-timestamp).
 */
export class PrimaryHost {
  readonly id: string
  /** undefined: on this connection nothing was heard yet. */
  #online: boolean | undefined
  /** Of the newest message that counted, ms since 1970 by the host's clock; kept over connections. */
  #newest: number | undefined

  constructor(id: string) {
    this.id = id
  }

  get online(): boolean | undefined {
    return this.#online
  }

  /** A new connection knows nothing until the broker hands out the retained state. */
  forget(): void {
    this.#online = undefined
  }

  hear(payload: Buffer): Heard {
    const state = parseState(payload)
    if (state === undefined) return 'invalid'
    if (this.#newest !== undefined && state.timestamp < this.#newest) return 'stale'
    this.#newest = state.timestamp
    this.#online = state.online
    return state.online ? 'online' : 'offline'
  }
}

function parseState(payload: Buffer): z.infer<typeof stateMessage> | undefined {
  // Longer than any state of two keys: not worth parsing.
  if (payload.length > 4096) return undefined
  try {
    return stateMessage.safeParse(JSON.parse(payload.toString('utf8'))).data
  } catch {
    return undefined
  }
}
