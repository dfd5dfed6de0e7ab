import { matches } from './audience.ts'
import { commandName, mayReplyTo, replyTopic, type StationTopics } from './topics.ts'
import type { User } from './users.ts'

/** Who is on the other end of a connection, once they are let in. */
export interface Visitor {
  /** `station`: the station itself; `anonymous`: nobody was asked. */
  readonly kind: 'station' | 'user' | 'anonymous'
  /** The user's name; `station` and `anonymous` otherwise. */
  readonly name: string
  readonly user?: User
}

/**
 * Whether every topic that `filter` covers is covered by `pattern` as well (MQTT 3.1.1 §4.7).
 * @param pattern of an ACL @param filter of a SUBSCRIBE
 */
export function covers(pattern: string, filter: string): boolean {
  if (pattern.startsWith('$') !== filter.startsWith('$')) return false
  const wide = pattern.split('/')
  const narrow = filter.split('/')
  for (const [i, level] of wide.entries()) {
    // `a/#` covers `a` too, and `a/b/#`.
    if (level === '#') return narrow.length >= i
    const asked = narrow[i]
    if (asked === undefined || asked === '#') return false
    if (level !== '+' && level !== asked) return false
  }
  return wide.length === narrow.length
}

/** What a visitor may do on the embedded broker. `topics` absent: no topic is the station's own. */
export class Acl {
  readonly #topics: StationTopics | undefined

  constructor(topics: StationTopics | undefined) {
    this.#topics = topics
  }

  /** @returns why they may not publish there, or undefined; a command is another question: `mayCall` */
  refusesPublish({ kind, name, user }: Visitor, topic: string): string | undefined {
    if (topic.startsWith('$')) return `${topic} is reserved`
    if (kind === 'station') return undefined
    if (this.#isOwn(topic)) return `${topic} is the station’s own: only the station publishes there`
    if (user === undefined || this.command(topic) !== undefined) return undefined
    // Replies are the station's as well: who could write them could answer in its place.
    if (this.#isCommandTopic(topic)) return `${name} may not publish on ${topic}`
    return user.publish.some((pattern) => matches(expand(pattern, name), topic))
      ? undefined
      : `${name} may not publish on ${topic}`
  }

  /** @param client their client id: where their replies come */
  maySubscribe({ name, user }: Visitor, filter: string, client: string): boolean {
    if (user === undefined) return true
    if (filter.startsWith('$')) return false
    return (
      this.#isReplyTo(filter, client) ||
      user.subscribe.some((pattern) => covers(expand(pattern, name), filter))
    )
  }

  /** Whether a message goes to them: commands go to nobody, and replies to those who asked. */
  mayReceive({ user }: Visitor, topic: string, client: string): boolean {
    if (user === undefined || !this.#isCommandTopic(topic)) return true
    return this.#isReplyTo(topic, client)
  }

  /** @returns why they may not call this command, or undefined */
  refusesCall({ name, user }: Visitor, command: string): string | undefined {
    if (user === undefined || user.commands.includes('*') || user.commands.includes(command)) return undefined
    return `user ${name} may not call ${command}`
  }

  /** The command that a publish on this topic calls, if it does. */
  command(topic: string): string | undefined {
    const name = this.#topics === undefined ? undefined : commandName(this.#topics, topic)
    return name === undefined || name.split('/').length > 2 ? undefined : name
  }

  #isOwn(topic: string): boolean {
    const topics = this.#topics
    if (topics === undefined) return false
    return [topics.inspection, topics.state, topics.health, topics.checkpoint, topics.update].includes(topic)
  }

  #isCommandTopic(topic: string): boolean {
    return this.#topics !== undefined && commandName(this.#topics, topic) !== undefined
  }

  #isReplyTo(topic: string, client: string): boolean {
    const topics = this.#topics
    if (topics === undefined || !mayReplyTo(topics, topic.replaceAll('+', 'any'))) return false
    const command = commandName(topics, topic)?.replace(/\/reply\/[^/]+$/, '')
    return command !== undefined && topic === replyTopic(topics, command, client)
  }
}

function expand(pattern: string, name: string): string {
  return pattern.replaceAll('%u', name)
}
