/** What went wrong in the store, as the caller has to decide on it. */
export type StoreFault =
  /** The disk, or the quota the store was given, is full. */
  | 'full'
  /** The disk refused a read, a write or a sync. */
  | 'io'
  /** The database contradicts itself or is none. */
  | 'corrupt'
  /** Another process holds the store, or its database, at the moment. */
  | 'locked'
  /** The directory or a file in it cannot be created or written. */
  | 'not-writable'
  /** The database was written by a newer release. */
  | 'newer'
  /** Too many appends wait already. */
  | 'overloaded'
  /** What was given has no place in the store: not JSON, an unknown sink, a cursor beyond the log. */
  | 'invalid'
  /** The same id is stored already. */
  | 'duplicate'
  /** The store was closed. */
  | 'closed'
  /** Any other refusal of the database engine. */
  | 'failed'

/** The store did not do what was asked; nothing of it is half-done. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly fault: StoreFault

  constructor(fault: StoreFault, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.fault = fault
  }
}

const FAULT_OF_CODE: Readonly<Record<string, StoreFault>> = {
  SQLITE_FULL: 'full',
  SQLITE_IOERR: 'io',
  SQLITE_CORRUPT: 'corrupt',
  SQLITE_NOTADB: 'corrupt',
  SQLITE_BUSY: 'locked',
  SQLITE_LOCKED: 'locked',
  SQLITE_READONLY: 'not-writable',
  SQLITE_CANTOPEN: 'not-writable',
  SQLITE_PERM: 'not-writable',
  SQLITE_CONSTRAINT: 'duplicate',
  SQLITE_MISUSE: 'closed',
  EACCES: 'not-writable',
  EPERM: 'not-writable',
  EROFS: 'not-writable',
  ENOENT: 'not-writable',
  ENOTDIR: 'not-writable',
  EEXIST: 'not-writable',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EIO: 'io',
}

/** The fault behind an error of SQLite or of the file system. */
export function faultOf(error: unknown): StoreFault {
  if (error instanceof StoreError) return error.fault
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return FAULT_OF_CODE[code] ?? 'failed'
}

/** Puts `context` (what was tried, on which file) before the cause; a `StoreError` passes as it is. */
export function storeError(error: unknown, context: string): StoreError {
  if (error instanceof StoreError) return error
  const cause = error instanceof Error ? error.message : String(error)
  return new StoreError(faultOf(error), `${context}: ${cause}`, { cause: error })
}
