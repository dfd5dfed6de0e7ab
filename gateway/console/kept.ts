/** Under which the name of who uses this browser is kept. */
export const BY_KEY = 'poincon.by'

/** What this browser keeps for the next time. It may forbid that: then a choice lasts as long as the page. */
export function kept(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Nothing to keep it in.
  }
}
