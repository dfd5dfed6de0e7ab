import { existsSync } from 'node:fs'
import { z } from 'zod'
import type { Log } from '../../log.ts'
import { backupFile, removeCopy } from '../migrations/backup.ts'
import { MIGRATIONS } from '../migrations/migrate.ts'
import type { StationState } from '../registry/station-state.ts'

const KEY = 'migration_backup'
const HOUR_MS = 3_600_000

const kept = z.object({ file: z.string(), since_run_ms: z.number() })

/** The copy that was taken before the schema changed: goes when this release has run long enough. */
export class KeptBackup {
  readonly #dir: string
  readonly #state: Pick<StationState, 'get' | 'set' | 'delete'>
  readonly #log: Log
  readonly #keepMs: number

  constructor(options: {
    readonly dir: string
    readonly state: Pick<StationState, 'get' | 'set' | 'delete'>
    readonly log: Log
    readonly keepHours: number
  }) {
    this.#dir = options.dir
    this.#state = options.state
    this.#log = options.log
    this.#keepMs = options.keepHours * HOUR_MS
  }

  /** @param runMs how long the station has run in all @throws StoreError, or what the file system throws */
  async age(runMs: number): Promise<void> {
    const file = this.#find()
    if (file === undefined) return
    const known = kept.safeParse(await this.#state.get(KEY))
    if (!known.success || known.data.file !== file) {
      await this.#state.set(KEY, { file, since_run_ms: runMs })
      return
    }
    if (runMs - known.data.since_run_ms < this.#keepMs) return
    await removeCopy(file)
    await this.#state.delete(KEY)
    this.#log.info({ file }, 'the copy from before the new schema has gone: this release runs')
  }

  #find(): string | undefined {
    return Array.from({ length: MIGRATIONS.length - 1 }, (_, index) => backupFile(this.#dir, index + 1)).find(
      (file) => existsSync(file),
    )
  }
}
