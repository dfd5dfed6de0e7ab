import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { type OpenStoreOptions, openStore } from '../../../gateway/store/open.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from './drafts.ts'

const random = randomFrom(1)

/** A directory that outlives every store a test opens in it: teardowns run last in, first out. */
export async function storeDir(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-store-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export function reopen(dir: string, options: Partial<OpenStoreOptions> = {}): Promise<Store> {
  return openStore({ dir, deviceId: 'poincon-test', clock: systemClock, log: silentLog, ...options })
}

/** A store that is closed after the test. */
export async function storeIn(t: Test, dir: string, options: Partial<OpenStoreOptions> = {}): Promise<Store> {
  const store = await reopen(dir, options)
  t.teardown(() => store.close())
  return store
}

/** A store of its own, closed and gone after the test. */
export async function freshStore(t: Test, options: Partial<OpenStoreOptions> = {}): Promise<Store> {
  return storeIn(t, await storeDir(t), options)
}

export function append(store: Store, trigger?: number): Promise<OutboxEntry> {
  return store.append(inspectionDraft(random), rawRecord(random), trigger)
}

export function appendMany(store: Store, count: number): Promise<OutboxEntry[]> {
  return Promise.all(Array.from({ length: count }, () => append(store)))
}

/** The fault a promise rejects with; undefined when it resolves. */
export async function faultOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error instanceof Error && 'fault' in error ? error.fault : error
  }
}
