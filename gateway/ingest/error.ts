/** The final store cannot be reached, or does not work now: waiting helps. */
export class StoreAwayError extends Error {
  override readonly name = 'StoreAwayError'
}

/** The final store is not what it must be: a person has to look. */
export class StoreUnfitError extends Error {
  override readonly name = 'StoreUnfitError'
}
