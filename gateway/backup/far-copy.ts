/** Somewhere else, where a backup outlives this machine. */
export interface FarCopy {
  /** Names the place, for people; holds no secret. */
  readonly where: string
  /**
   * Sends a backup and its manifest; the manifest is there last, so that one without it is known to be cut off.
   * @throws when they are not both there
   */
  send(backup: string, signal: AbortSignal): Promise<void>
}
