/** One thing that was looked at. */
export interface Finding {
  readonly subject: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly found: string
  /** What a person can do about it. */
  readonly advice?: string
}

export function ok(subject: string, found: string): Finding {
  return { subject, state: 'ok', found }
}

export function warning(subject: string, found: string, advice: string): Finding {
  return { subject, state: 'warning', found, advice }
}

export function failed(subject: string, found: string, advice: string): Finding {
  return { subject, state: 'failed', found, advice }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
