import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  closed,
  isOpen,
  type QuarantineRecord,
  type QuarantineShelf,
  quarantineKey,
  quarantineRecord,
} from './quarantine-record.ts'
import { openReader, openWriter } from './store/connections.ts'
import { lockDirectory } from './store/lock.ts'
import { migrate } from './store/migrations/migrate.ts'
import { DocumentReader, Documents } from './store/registry/documents.ts'
import { Writer } from './store/writer.ts'

const DATABASE = 'poincon.db'

/** Records among the documents of a store. */
export function shelfOver(documents: Pick<Documents, 'get' | 'open' | 'save'>): QuarantineShelf {
  return {
    get: async (key) => (await documents.get('quarantine', key))?.value,
    open: async () => (await documents.open('quarantine')).map(({ value }) => value),
    save: (key, record) =>
      documents.save('quarantine', { id: key, at: record.at, open: isOpen(record), value: record }),
  }
}

/**
 * What is set aside, read beside a station that may run; none where there is no store yet.
 * @param dir the data directory
 * @throws StoreError
 */
export async function readQuarantine(dir: string): Promise<readonly QuarantineRecord[]> {
  const file = join(dir, DATABASE)
  if (!existsSync(file)) return []
  const database = await openReader(file)
  try {
    const open = await new DocumentReader(database).open('quarantine')
    return open.map(({ value }) => quarantineRecord.parse(value))
  } finally {
    await database.close()
  }
}

/**
 * Changes what is set aside in the store of a station that does not run: `wanted` is sent at its next start.
 * @param dir the data directory
 * @throws StoreError, `locked` when a station runs there
 */
export async function changeQuarantine(
  dir: string,
  keys: ReadonlySet<string>,
  change:
    | { readonly state: 'wanted' }
    | { readonly state: 'dropped'; readonly at: string; readonly by: string },
): Promise<number> {
  const lock = await lockDirectory(dir)
  try {
    const database = await openWriter(join(dir, DATABASE))
    try {
      await migrate(database)
      const shelf = shelfOver(new Documents(await Writer.over(database), database))
      const meant = (await shelf.open())
        .map((value) => quarantineRecord.parse(value))
        .filter((record) => keys.has(quarantineKey(record)))
      for (const record of meant) {
        const changed: QuarantineRecord =
          change.state === 'wanted' ? { ...record, state: 'wanted' } : closed(record, 'dropped', change)
        await shelf.save(quarantineKey(record), changed)
      }
      return meant.length
    } finally {
      await database.close()
    }
  } finally {
    await lock.close()
  }
}
