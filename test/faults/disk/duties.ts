import { join } from 'node:path'
import { type Clock, systemClock } from '../../../drivers/clock.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { backupsIn, rotate } from '../../../gateway/backup/shelf.ts'
import { takeBackup } from '../../../gateway/backup/take.ts'
import { silentLog } from '../../../gateway/log.ts'
import { faultOf } from '../../../gateway/store/error.ts'
import { sha256, verifyChain } from '../../../gateway/store/log/chain.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { NO_LIMITS } from '../../gateway/store/retention/limits.ts'

/** A line that the parent reads. */
export type Say = (line: string) => void

/** What a store does beside appending, as long as it lives. */
type Duty = (store: Store, dir: string, say: Say) => Promise<never>

/** Between two attempts, ms. */
const PAUSE_MS = 5
/** Rows that are read at a time. */
const READ = 4
/** As a station takes them. */
const ROWS_AT_ONCE = 32
/** Newest inspections that retention leaves. */
const KEPT = 100
/** What a sink of a station at work has not got yet. */
export const BEHIND = 150
export const BACKUPS = 'backups'
const KEEP = { last: 3, daily: 0, weekly: 0, monthly: 0 }

/** Reads rows anywhere in the log, and holds them against their chain. */
async function read(store: Store, _dir: string, say: Say): Promise<never> {
  const random = new Random(process.pid)
  for (;;) {
    try {
      const sequence = 1 + Math.floor(random.between(0, Math.max(0, store.end - READ)))
      const entries = await store.from(sequence, READ)
      const raw = await store.raw(sequence)
      const [first] = entries
      const tip = { sequence: sequence - 1, hash: previousOf(first?.payload) }
      const whole = raw !== undefined && first?.payload.includes(sha256(raw))
      say(whole && verifyChain(entries, tip).valid ? 'did read' : `refused wrong-${sequence} read`)
    } catch (error) {
      say(`refused ${faultOf(error)} read`)
    }
    await systemClock.sleep(PAUSE_MS)
  }
}

function previousOf(payload = ''): string {
  return /"previous":"([0-9a-f]{64})"/.exec(payload)?.[1] ?? ''
}

/** Retention as the station runs it, without its pauses of a minute; one sink that is behind. */
async function sweep(store: Store, _dir: string, say: Say): Promise<never> {
  await store.registerSink('upstream')
  const impatient: Clock = {
    ...systemClock,
    sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 20), signal),
  }
  const retention = store.retention({
    limits: { ...NO_LIMITS, rowsAtOnce: ROWS_AT_ONCE, most: { raw: KEPT, inspections: KEPT } },
    clock: impatient,
    log: silentLog,
    clockTrusted: () => false,
  })
  await retention.start()
  for (let removed = 0; ; ) {
    store.advanceTo('upstream', Math.max(0, store.end - BEHIND))
    const { state, detail, facts } = retention.status()
    if (state !== 'ok') say(`refused ${named(detail)} sweep`)
    const now = Number(facts?.removed_raw) + Number(facts?.removed_inspections)
    if (now > removed) say('did sweep')
    removed = now
    await systemClock.sleep(PAUSE_MS)
  }
}

/** The fault behind the text that a unit shows to people. */
function named(detail = ''): string {
  const code = /SQLITE_(IOERR|FULL|READONLY)/.exec(detail)?.[1] ?? detail.replaceAll(' ', '-')
  return { IOERR: 'io', FULL: 'full', READONLY: 'not-writable' }[code] ?? code
}

/** One backup after the other, and what rotation does with them. */
async function backup(store: Store, dataDir: string, say: Say): Promise<never> {
  const dir = join(dataDir, '..', BACKUPS)
  for (;;) {
    try {
      const taken = await takeBackup({ dataDir, dir, software: '0.1.0', clock: systemClock })
      say(`did backup ${taken.manifest.sequence}`)
      await rotate(taken, KEEP)
    } catch (error) {
      say(`refused ${error instanceof Error && 'fault' in error ? error.fault : error} backup`)
    }
    // What a failed one leaves must not take the place of those that count.
    if ((await backupsIn(dir)).length > KEEP.last) say('refused heaped backup')
    if (store.status().state === 'failed') await systemClock.sleep(PAUSE_MS)
    await systemClock.sleep(PAUSE_MS)
  }
}

export const DUTIES: Readonly<Record<string, Duty>> = { read, sweep, backup }
