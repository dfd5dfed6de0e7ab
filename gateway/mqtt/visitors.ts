import type { Client } from 'aedes'
import type { Log } from '../log.ts'
import type { Acl, Visitor } from './acl.ts'
import type { Refusal } from './door.ts'
import type { User } from './users.ts'

/** What is known of who calls a command. */
export interface Caller {
  readonly client: string
  readonly user?: string
  readonly address?: string
  /** Why they may not call it. */
  readonly forbidden?: string
}

interface Present {
  readonly client: Client
  readonly visitor: Visitor
  readonly address: string
}

const MOST_DEPARTED = 1000

/** Those who were let in: what they may do, and what they tried, for the log. */
export class Visitors {
  readonly #acl: Acl
  readonly #log: Log
  readonly #present = new Map<string, Present>()
  /** The latest of those who left, by their id: a command may come to us just after its sender went. */
  readonly #departed = new Map<string, Present>()
  /** Also those whose connection is ending: their last will is judged as they are. */
  readonly #admitted = new WeakMap<Client, Visitor>()

  constructor(acl: Acl, log: Log) {
    this.#acl = acl
    this.#log = log
  }

  admit(client: Client, visitor: Visitor): void {
    this.#admitted.set(client, visitor)
  }

  /** The same client id ends the other connection (MQTT-3.1.4-2): nobody may do that to another user. */
  takesOver(client: Client, visitor: Visitor): Refusal | undefined {
    const other = this.#present.get(client.id)?.visitor
    if (other === undefined || visitor.kind === 'station') return undefined
    if (other.kind === visitor.kind && other.name === visitor.name) return undefined
    return { code: 2, reason: `client id ${client.id} is in use by ${other.name}` }
  }

  entered(client: Client): void {
    const visitor = this.#admitted.get(client)
    if (visitor === undefined) return
    this.#departed.delete(client.id)
    this.#present.set(client.id, { client, visitor, address: addressOf(client) })
    if (visitor.kind === 'user') this.#log.info(fieldsOf(client, visitor), 'user came in')
  }

  left(client: Client): void {
    const gone = this.#present.get(client.id)
    if (gone?.client !== client) return
    this.#present.delete(client.id)
    this.#departed.set(client.id, gone)
    const [oldest] = this.#departed.keys()
    if (this.#departed.size > MOST_DEPARTED && oldest !== undefined) this.#departed.delete(oldest)
  }

  /** @returns why they may not publish there; it is written down */
  refusesPublish(client: Client | null, topic: string): string | undefined {
    // aedes asks without a client for last wills of another broker of its cluster; there is none.
    if (client === null) return undefined
    const visitor = this.#admitted.get(client)
    if (visitor === undefined) return 'not let in'
    const reason = this.#acl.refusesPublish(visitor, topic)
    if (reason !== undefined)
      this.#log.warn({ ...fieldsOf(client, visitor), topic, reason }, 'publish refused')
    return reason
  }

  maySubscribe(client: Client, filter: string): boolean {
    const visitor = this.#admitted.get(client)
    if (visitor === undefined) return false
    const granted = this.#acl.maySubscribe(visitor, filter, client.id)
    if (!granted) this.#log.warn({ ...fieldsOf(client, visitor), filter }, 'subscription refused')
    return granted
  }

  mayReceive(client: Client, topic: string): boolean {
    const visitor = this.#admitted.get(client)
    return visitor !== undefined && this.#acl.mayReceive(visitor, topic, client.id)
  }

  /** @param id of the client that published on a command's topic */
  caller(id: string, topic: string): Caller {
    const known = this.#present.get(id) ?? this.#departed.get(id)
    if (known === undefined) return { client: id, forbidden: 'nobody knows who asks' }
    const { visitor, address } = known
    const command = this.#acl.command(topic)
    const forbidden = command === undefined ? undefined : this.#acl.refusesCall(visitor, command)
    return {
      client: id,
      address,
      ...(visitor.kind === 'anonymous' ? {} : { user: visitor.name }),
      ...(forbidden === undefined ? {} : { forbidden }),
    }
  }

  /** Ends the sessions of users who are not what they were. */
  endChanged(now: (name: string) => User | undefined): void {
    for (const { client, visitor } of [...this.#present.values()]) {
      if (visitor.kind !== 'user' || JSON.stringify(now(visitor.name)) === JSON.stringify(visitor.user))
        continue
      this.#log.info(fieldsOf(client, visitor), 'user has changed: session ended')
      client.close()
    }
  }
}

export function addressOf({ conn }: Client): string {
  return ('remoteAddress' in conn ? conn.remoteAddress : undefined) ?? 'unknown'
}

function fieldsOf(client: Client, { name }: Visitor): object {
  return { client: client.id, user: name, address: addressOf(client) }
}
