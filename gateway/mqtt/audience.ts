/** Whether a topic falls under a filter (MQTT 3.1.1, 4.7): `+` is one level, `#` the rest, neither covers `$…`. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') !== filter.startsWith('$')) return false
  const wanted = filter.split('/')
  const levels = topic.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

/** Who listens to what, so that a message that nobody wants need not be made. */
export class Audience {
  readonly #filters = new Map<string, Set<string>>()

  subscribed(client: string, filters: readonly string[]): void {
    const known = this.#filters.get(client) ?? new Set()
    this.#filters.set(client, known)
    for (const filter of filters) known.add(filter)
  }

  unsubscribed(client: string, filters: readonly string[]): void {
    const known = this.#filters.get(client)
    for (const filter of filters) known?.delete(filter)
  }

  left(client: string): void {
    this.#filters.delete(client)
  }

  /** Whether anybody would get a message on this topic. */
  listensTo(topic: string): boolean {
    for (const filters of this.#filters.values()) {
      for (const filter of filters) if (matches(filter, topic)) return true
    }
    return false
  }
}
