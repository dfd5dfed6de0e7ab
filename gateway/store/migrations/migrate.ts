import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { log } from './001-log.ts'
import { registry } from './002-registry.ts'
import { documents } from './003-documents.ts'
import { retention } from './004-retention.ts'
import { oldHeads } from './005-old-heads.ts'
import { calibrationOrder } from './006-calibration-order.ts'

/** Forward only: a released step is never edited, the next one is added at the end. */
export const MIGRATIONS: readonly string[] = [log, registry, documents, retention, oldHeads, calibrationOrder]

export interface MigrateOptions {
  /** Steps to reach, for tests of databases that older releases left; default: all. */
  readonly target?: number
  /** Awaited before the first step on a database that has some already; what it throws leaves that as it was. */
  readonly before?: (schema: number) => Promise<void>
  /** Of another database than the log's. */
  readonly steps?: readonly string[]
}

/**
 * Brings the database to this release's schema, one transaction a step; `user_version` counts the steps done.
 * @throws StoreError `newer` when the database has steps that this release does not know; or what `before` throws
 */
export async function migrate(
  database: Database,
  { steps = MIGRATIONS, target = steps.length, before }: MigrateOptions = {},
): Promise<void> {
  const done = await schemaOf(database)
  if (done > steps.length) {
    throw new StoreError(
      'newer',
      `${database.file} was written by a newer release (schema ${done}, this release knows ${steps.length}): ` +
        'install that release again, or restore a backup made before it; nothing was changed',
    )
  }
  if (done > 0 && done < target) await before?.(done)
  for (const [index, step] of steps.slice(done, target).entries()) {
    const version = done + index + 1
    try {
      await database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${version}; COMMIT`)
    } catch (error) {
      // The transaction may have ended by itself; the first error is the one to tell.
      await database.exec('ROLLBACK').catch(() => {})
      throw error
    }
  }
}

/** How many steps a database has; 0 for one that is new. @throws StoreError */
export async function schemaOf(database: Database): Promise<number> {
  const row = await database.get<{ user_version: number }>('PRAGMA user_version')
  return row?.user_version ?? 0
}
