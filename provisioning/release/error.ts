/** A release that is not made, or not believed: the message says what, and what to do. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError'
}
