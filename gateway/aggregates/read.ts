import { setImmediate } from 'node:timers/promises'
import type { SumsKey, SumsQuery, SumsTable } from './book.ts'
import { Sums, storedSums } from './sums.ts'

/** One set of sums, as it is asked for. */
export interface FoundSums {
  readonly key: SumsKey
  readonly sums: Sums
}

/** Which sums are meant. */
export type SumsChoice = Omit<SumsQuery, 'limit' | 'after'>

// Rows of some 10 kB that are read at once; each is parsed in a turn of its own, so that parts never wait for a reader.
const PAGE = 8

/** What is kept, oldest first. @throws StoreError, ZodError for a row that is damaged */
export async function* readSums(
  table: Pick<SumsTable, 'find'>,
  choice: SumsChoice,
): AsyncGenerator<FoundSums, void> {
  for (let after: SumsKey | undefined; ; ) {
    const rows = await table.find({ ...choice, after, limit: PAGE })
    for (const { parts: _parts, value, ...key } of rows) {
      yield { key, sums: Sums.from(storedSums.parse(value)) }
      after = key
      await setImmediate()
    }
    if (rows.length < PAGE) return
  }
}
