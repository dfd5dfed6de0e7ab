import { type IntegrityCode, IntegrityError, RepositoryAway, StorageError } from './tuf-errors.ts'
import { describe } from './tuf-http.ts'

/**
 * tuf-js names its refusals in words only once they have passed through `refresh` (it wraps them without a cause). The
 * table of attacks in the tests holds each of these words to what tuf-js says.
 */
const WORDS: readonly (readonly [RegExp, IntegrityCode])[] = [
  [/is expired/, 'expired'],
  [/was signed by \d+\/\d+ keys/, 'signatures'],
  [
    /is less than current|Expected version|does not match snapshot version|doesn't match timestamp/,
    'rollback',
  ],
  [/Missing file .+ in new snapshot/, 'rollback'],
  [/Expected (?:hash|length)|Hash algorithm/, 'mismatch'],
  [/no delegation found|No delegations found/, 'not-delegated'],
]

/** The decision of whatever ended a refresh: our own errors as they are, all else a refusal. */
export function refusal(error: unknown, lastFetch: unknown): Error {
  // What ended the fetch ended the refresh, under whatever name tuf-js passes it on.
  for (const own of [error, lastFetch]) {
    if (own instanceof IntegrityError || own instanceof RepositoryAway || own instanceof StorageError)
      return own
  }
  const said = describe(error)
  const code = WORDS.find(([words]) => words.test(said))?.[1] ?? 'malformed'
  return new IntegrityError(code, said, { cause: error })
}
