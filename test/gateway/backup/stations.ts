import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { type Taken, type TakeOptions, takeBackup } from '../../../gateway/backup/take.ts'
import { appendMany, reopen } from '../store/opening.ts'

/** A folder that goes after the test, with room for a data directory and backups. */
export async function playground(t: Test): Promise<{ readonly dataDir: string; readonly dir: string }> {
  const root = await mkdtemp(join(tmpdir(), 'poincon-backup-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  return { dataDir: join(root, 'data'), dir: join(root, 'backups') }
}

/** A log of `count` inspections, closed. @returns its epoch */
export async function logOf(dataDir: string, count: number): Promise<string> {
  const store = await reopen(dataDir)
  await appendMany(store, count)
  const { epoch } = store.epoch
  await store.close()
  return epoch
}

/** Takes a backup as the station would. */
export function taken(
  places: { readonly dataDir: string; readonly dir: string },
  options: Partial<TakeOptions> = {},
): Promise<Taken> {
  return takeBackup({ ...places, software: '0.1.0', clock: systemClock, ...options })
}

/** What a promise rejects with: the fault and the text; undefined when it resolves. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ readonly fault: unknown; readonly message: string } | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { fault: 'fault' in error ? error.fault : undefined, message: error.message }
  }
}
