import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { log } from './001-log.ts'
import { registry } from './002-registry.ts'
import { documents } from './003-documents.ts'

/** Forward only: a released step is never edited, the next one is added at the end. */
export const MIGRATIONS: readonly string[] = [log, registry, documents]

/**
 * Brings the database to this release's schema, one transaction a step; `user_version` counts the steps done.
 * @param target steps to reach, for tests of databases that older releases left
 * @throws StoreError `newer` when the database has steps that this release does not know
 */
export async function migrate(database: Database, target = MIGRATIONS.length): Promise<void> {
  const row = await database.get<{ user_version: number }>('PRAGMA user_version')
  const done = row?.user_version ?? 0
  if (done > MIGRATIONS.length) {
    throw new StoreError(
      'newer',
      `${database.file} was written by a newer release (schema ${done}, this release knows ${MIGRATIONS.length}): ` +
        'install that release again, or restore a backup made before it; nothing was changed',
    )
  }
  for (const [index, step] of MIGRATIONS.slice(done, target).entries()) {
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
