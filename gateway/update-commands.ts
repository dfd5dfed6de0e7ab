import { CommandError, type CommandHandler, type StreamingCommand } from './mqtt/commands.ts'
import { type Lease, LineTaken } from './update-lock.ts'

type Handler = CommandHandler | StreamingCommand

/**
 * Commands that change what is stored. They are not cut short by an update, nor taken while one has the line: what a
 * release on trial stored would go with it where it is rolled back.
 */
const KEEPING: ReadonlySet<string> = new Set([
  'recipe/select',
  'lot/start',
  'lot/close',
  'calibration/start',
  'line/resume',
  'verdict/override',
  'chart/relearn',
  'quarantine/send',
  'quarantine/drop',
])

/** Knows what is being kept that an update has to wait for: commands, and whatever else writes to the store. */
export class CommandWatch {
  readonly #lease: () => Lease | undefined
  readonly #atWork = new Map<string, number>()

  constructor(lease: () => Lease | undefined) {
    this.#lease = lease
  }

  get atWork(): readonly string[] {
    return [...this.#atWork.keys()]
  }

  /** The same commands; those that keep something are refused while an update has the line. */
  guarded<T extends Readonly<Record<string, Handler>>>(handlers: T): Readonly<Record<string, Handler>> {
    return Object.fromEntries(
      Object.entries(handlers).map(([name, handler]) => [
        name,
        KEEPING.has(name) && typeof handler === 'function' ? this.#guard(name, handler) : handler,
      ]),
    )
  }

  /**
   * Does what keeps something; an update waits for its end.
   * @param name as the update names what it waits for @throws LineTaken while an update has the line
   */
  async keep<T>(name: string, work: () => Promise<T>): Promise<T> {
    const lease = this.#lease()
    if (lease !== undefined) throw new LineTaken(lease)
    this.#atWork.set(name, (this.#atWork.get(name) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const left = (this.#atWork.get(name) ?? 1) - 1
      if (left > 0) this.#atWork.set(name, left)
      else this.#atWork.delete(name)
    }
  }

  #guard(name: string, handler: CommandHandler): CommandHandler {
    return async (payload) => {
      try {
        return await this.keep(name, async () => await handler(payload))
      } catch (error) {
        if (!(error instanceof LineTaken)) throw error
        throw new CommandError(error.message, { cause: error })
      }
    }
  }
}
