/**
 * A publisher's command that was not carried out, and changed nothing: what is wrong, with the value and what was
 * expected.
 */
export class RepoError extends Error {
  override readonly name = 'RepoError'
}

/** What a caught value says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
