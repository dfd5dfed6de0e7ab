/** Where the number survives a restart. */
export interface BdSeqMemory {
  /** The number written last; undefined: none was. */
  read(): Promise<number | undefined>
  /** Resolves when it is on disk. */
  write(bdSeq: number): Promise<void>
}

/**
 * The number that ties a death to its birth (`bdSeq`): 0 to 255, starting at 0, one more at every CONNECT, over restarts
 * too. Else a host would take the death of an earlier connection, delivered late, for that of the present one.
 */
export class BdSeq {
  readonly #memory: BdSeqMemory
  #present: number | undefined
  #used = true

  constructor(memory: BdSeqMemory) {
    this.#memory = memory
  }

  /**
   * The number for the next CONNECT, on disk when this resolves. The same as before while no CONNECT went out with it,
   * so that a broker that is away for days costs the flash nothing.
   * @throws what the memory throws: without the number on disk there is no connection
   */
  async next(): Promise<number> {
    if (!this.#used && this.#present !== undefined) return this.#present
    const last = this.#present ?? (await this.#memory.read())
    const next = last === undefined || !Number.isInteger(last) ? 0 : (last + 1) & 0xff
    await this.#memory.write(next)
    this.#present = next
    this.#used = false
    return next
  }

  /** A CONNECT with the number went out. */
  used(): void {
    this.#used = true
  }
}
