/** How long to wait, and how often to try. */
export interface ConfirmationLimits {
  /** So long a delivered inspection may stay unconfirmed before it is sent again, ms. */
  readonly stalledMs: number
  /** Each time in vain doubles the wait, up to this, ms. */
  readonly longestMs: number
}

/** What the policy remembers. All times are of the monotonic clock, ms. */
export interface Confirmation {
  /** Rows up to this position are confirmed. */
  readonly confirmed: number
  /** Since when something is delivered and not confirmed, without a step forward. */
  readonly waitingSince: number | undefined
  /** When the store spoke last, in this connection. */
  readonly heardAt: number | undefined
  /** Lower than before: believed when the store stays with it. */
  readonly lower: { readonly position: number; readonly since: number } | undefined
  /** Times that it was sent again since the last step forward. */
  readonly attempts: number
}

/** Nothing heard yet. @param confirmed as an earlier run left it */
export function unheard(confirmed: number): Confirmation {
  return { confirmed, waitingSince: undefined, heardAt: undefined, lower: undefined, attempts: 0 }
}

/**
 * The store spoke, and its word was held against the log.
 * @param live false for what a broker kept: it may be old, so it proves nothing of what was delivered since
 */
export function heard(
  before: Confirmation,
  word: { readonly position: number; readonly live: boolean },
  now: number,
): Confirmation {
  const { position, live } = word
  const spoken = live ? { heardAt: now } : {}
  if (position > before.confirmed)
    return {
      ...before,
      ...spoken,
      confirmed: position,
      waitingSince: undefined,
      lower: undefined,
      attempts: 0,
    }
  if (position === before.confirmed) return { ...before, ...spoken, lower: undefined }
  // Two workers may be heard in the wrong order once; what stays lower was lost.
  return { ...before, ...spoken, lower: { position, since: before.lower?.since ?? now } }
}

/** What is to be done. */
export type Action =
  | { readonly kind: 'none' }
  /** The store says for long that it has less than it had. */
  | { readonly kind: 'fallen'; readonly to: number }
  /** Send again everything behind this position. */
  | { readonly kind: 'rewind'; readonly to: number }

/** How it stands, for a person. */
export type Standing = 'confirmed' | 'waiting' | 'silent' | 'resending'

/**
 * Looks at the clock. Nothing is sent again before the store has spoken since it was delivered: a store that is away gets
 * it from the broker when it is back, and needs no second copy.
 * @param delivered position up to which the broker acknowledged
 */
export function due(
  before: Confirmation,
  delivered: number,
  now: number,
  limits: ConfirmationLimits,
): { readonly state: Confirmation; readonly action: Action; readonly standing: Standing } {
  const { lower } = before
  if (lower !== undefined && now - lower.since >= limits.stalledMs) {
    const state = {
      ...before,
      confirmed: lower.position,
      lower: undefined,
      waitingSince: undefined,
      attempts: 0,
    }
    return { state, action: { kind: 'fallen', to: lower.position }, standing: 'resending' }
  }
  if (delivered <= before.confirmed) {
    const state = { ...before, waitingSince: undefined }
    return { state, action: { kind: 'none' }, standing: before.attempts > 0 ? 'resending' : 'confirmed' }
  }
  const waitingSince = before.waitingSince ?? now
  const waited = now - waitingSince
  const state = { ...before, waitingSince }
  const wait = Math.min(limits.longestMs, limits.stalledMs * 2 ** Math.min(30, before.attempts))
  const spoke = before.heardAt !== undefined && before.heardAt > waitingSince
  if (waited >= wait && spoke) {
    const rewound = { ...state, waitingSince: undefined, attempts: before.attempts + 1 }
    return { state: rewound, action: { kind: 'rewind', to: before.confirmed }, standing: 'resending' }
  }
  const silent = waited >= limits.stalledMs && !spoke
  const resending = before.attempts > 0 ? 'resending' : 'waiting'
  return { state, action: { kind: 'none' }, standing: silent ? 'silent' : resending }
}
