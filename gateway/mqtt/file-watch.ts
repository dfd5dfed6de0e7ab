import { stat } from 'node:fs/promises'

/**
 * Sees that a file was changed or replaced by looking at it now and then: a rename over it, as certificates are
 * renewed, ends what watches an inode.
 */
export class FileWatch {
  readonly #files: readonly string[]
  readonly #changed: () => Promise<void>
  readonly #periodMs: number
  #seen = ''
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  /** @param changed must not reject */
  constructor(files: readonly string[], changed: () => Promise<void>, periodMs: number) {
    this.#files = files
    this.#changed = changed
    this.#periodMs = periodMs
  }

  /** What is there now is known. */
  async start(): Promise<void> {
    if (this.#files.length === 0) return
    this.#seen = await this.#signature()
    this.#timer = setInterval(() => this.#look(), this.#periodMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  #look(): void {
    this.#looking ??= this.#compare().finally(() => {
      this.#looking = undefined
    })
  }

  async #compare(): Promise<void> {
    const now = await this.#signature()
    if (now === this.#seen) return
    this.#seen = now
    await this.#changed()
  }

  async #signature(): Promise<string> {
    const looks = this.#files.map((file) =>
      stat(file).then(
        ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
        () => 'none',
      ),
    )
    return (await Promise.all(looks)).join('\n')
  }
}
