/**
 * What an enrolment that failed means to whoever goes on from there:
 * `away` try again later; `pending` the authority thinks it over; `refused` it says no; `untrusted` it is not who it
 * should be, or sent what cannot be right; `revoked` and `expired` only a new enrolment helps; `clock-wrong` this clock
 * must be set first; `invalid` what was given here is wrong.
 */
export type EnrolReason =
  | 'away'
  | 'pending'
  | 'refused'
  | 'untrusted'
  | 'revoked'
  | 'expired'
  | 'clock-wrong'
  | 'invalid'

export class EnrolError extends Error {
  readonly reason: EnrolReason
  /** When the other side wants to be asked again, ms from now. */
  readonly retryAfterMs: number | undefined

  constructor(
    reason: EnrolReason,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'EnrolError'
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Whether asking again later can help by itself. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof EnrolError &&
    (error.reason === 'away' || error.reason === 'pending' || error.reason === 'clock-wrong')
  )
}
