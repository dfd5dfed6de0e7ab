/** What is known of a contact that may bounce. */
export interface Contact {
  /** The level that lasted. */
  readonly active: boolean
  /** The level that was last seen, and the monotonic ms since which it was. */
  readonly seen: boolean
  readonly since: number
}

/** The contact as it was found when one began to look. */
export function found(active: boolean, at: number): Contact {
  return { active, seen: active, since: at }
}

/**
 * Takes in that time has passed: a level that was seen for `debounceMs` lasts.
 * @param now monotonic ms
 */
export function settled(contact: Contact, now: number, debounceMs: number): Contact {
  const lasted = contact.seen !== contact.active && now - contact.since >= debounceMs
  return lasted ? { ...contact, active: contact.seen } : contact
}

/**
 * Takes in a level. Time passes by the stamps of the edges, not by when they are told: a press and a release that
 * arrive together, after the process was busy, are still told apart from a bounce.
 * @param at monotonic ms at which the contact took this level
 * @returns the contact just before the level, which may have changed by `settled`, and just after it
 */
export function levelSeen(
  contact: Contact,
  level: { readonly active: boolean; readonly at: number },
  debounceMs: number,
): { readonly before: Contact; readonly after: Contact } {
  const before = settled(contact, level.at, debounceMs)
  if (level.active === before.seen) return { before, after: before }
  return { before, after: { active: before.active, seen: level.active, since: level.at } }
}
