/** Why metadata or a target was refused. */
export type IntegrityCode =
  /** Too few valid signatures of the keys that a trusted role names. */
  | 'signatures'
  /** Older than what this device has already accepted, or not the version that was promised. */
  | 'rollback'
  /** Past its date, by this device's clock or the last time it is sure of. */
  | 'expired'
  /** Bytes are not those that were signed for: hash or length. */
  | 'mismatch'
  /** More bytes than can be right. */
  | 'endless'
  /** Not what the specification describes. */
  | 'malformed'
  /** A role signed for paths that are not its own, or its facts contradict its path. */
  | 'not-delegated'
  /** Only hashes that can be forged. */
  | 'weak-hash'
  /** Older than, or the same as, what is installed. */
  | 'downgrade'
  /** The installed root of trust is missing or no root. */
  | 'no-root'

/** The repository, or what lies between, is not to be trusted in this: refused, reported, nothing is installed. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError'
  readonly code: IntegrityCode
  constructor(code: IntegrityCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Why the repository could not be asked. */
export type AwayCode =
  /** No connection: name, route, proxy, TLS, or the stick is not in. */
  | 'unreachable'
  /** It answers, but does not have the file. */
  | 'missing'
  /** It answers with an error, or with what no repository answers. */
  | 'answer'
  /** It took longer than the limits allow. */
  | 'slow'
  /** It stopped before the end. */
  | 'cut'
  /** The clock is not set, and by it all is past its date: wait until it is. */
  | 'clock'
  /** This repository has no such channel. */
  | 'no-channel'
  /** What was offered is no longer offered: check again. */
  | 'not-offered'

/** Nothing wrong was seen, but nothing could be had either: try again later. */
export class RepositoryAway extends Error {
  override readonly name = 'RepositoryAway'
  readonly code: AwayCode
  constructor(code: AwayCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** This device's own disk does not do: somebody makes room or repairs it, then try again. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: 'space' | 'disk'
  constructor(code: 'space' | 'disk', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The decision of an error of the file system: a full disk is told from a broken one. */
export function storageError(error: unknown, doing: string): StorageError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const said = error instanceof Error ? error.message : String(error)
  return new StorageError(full ? 'space' : 'disk', `${doing}: ${said}`, { cause: error })
}
