/** What went wrong with a backup, as the caller has to decide on it. */
export type BackupFault =
  /** No room where the backup or the restored log should go. */
  | 'full'
  /** The backup is not what was written: cut off, changed, or none at all. */
  | 'damaged'
  /** A newer release made it. */
  | 'newer'
  /** Nothing is wrong with the backup, but what it would replace must not be replaced: in use, newer, unreadable. */
  | 'refused'
  /** Anything else: try again. */
  | 'failed'

/** A backup was not made, or not restored; what was there before is still there. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly fault: BackupFault

  constructor(fault: BackupFault, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.fault = fault
  }
}

const FAULT_OF_CODE: Readonly<Record<string, BackupFault>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  SQLITE_FULL: 'full',
  SQLITE_CORRUPT: 'damaged',
  SQLITE_NOTADB: 'damaged',
}

const FAULT_OF_STORE: Readonly<Record<string, BackupFault>> = {
  full: 'full',
  corrupt: 'damaged',
  newer: 'newer',
  locked: 'refused',
}

/** Puts `context` (what was tried, on which file) before the cause; a `BackupError` passes as it is. */
export function backupError(error: unknown, context: string): BackupError {
  if (error instanceof BackupError) return error
  const cause = error instanceof Error ? error.message : String(error)
  return new BackupError(faultOf(error), `${context}: ${cause}`, { cause: error })
}

function faultOf(error: unknown): BackupFault {
  if (!(error instanceof Error)) return 'failed'
  const code = 'code' in error ? FAULT_OF_CODE[String(error.code)] : undefined
  const fault = 'fault' in error ? FAULT_OF_STORE[String(error.fault)] : undefined
  return code ?? fault ?? 'failed'
}

/** The same, of `file` under the name that people know it by. */
export function renamed(error: unknown, file: string, known: string): unknown {
  if (!(error instanceof BackupError)) return error
  return new BackupError(error.fault, error.message.replaceAll(file, known), { cause: error })
}
