import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Clock } from '../../../drivers/clock.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { BackupError } from '../../../gateway/backup/error.ts'
import { examine } from '../../../gateway/backup/examine.ts'
import { type BackupManifest, manifestFile, writeManifest } from '../../../gateway/backup/manifest.ts'
import { type BackupOptions, backupOptions } from '../../../gateway/backup/options.ts'
import { backupUnits } from '../../../gateway/backup/place.ts'
import { backupName, type ShelvedBackup } from '../../../gateway/backup/shelf.ts'
import { BackupUnit, type BackupUnitOptions } from '../../../gateway/backup/unit.ts'
import { silentLog } from '../../../gateway/log.ts'
import { logOf, playground } from './stations.ts'

const HOUR_MS = 3_600_000
const EPOCH = Date.UTC(2026, 2, 1, 8)

/** A backup of one byte, with a manifest that fits. */
async function shelved(dir: string, takenMs: number): Promise<ShelvedBackup> {
  await mkdir(dir, { recursive: true })
  const file = join(dir, backupName('poincon-test', takenMs))
  const manifest: BackupManifest = {
    schema: 'poincon.backup/1',
    file: backupName('poincon-test', takenMs),
    bytes: 1,
    sha256: '0'.repeat(64),
    device_id: 'poincon-test',
    epoch: 'e',
    sequence: 7,
    hash: '0'.repeat(64),
    inspections: 7,
    raw_records: 7,
    schema_version: 3,
    software: '0.1.0',
    taken_at: new Date(takenMs).toISOString(),
    took_ms: 12,
  }
  await writeManifest(file, manifest)
  await writeFile(file, 'x')
  return { file, manifest, takenMs }
}

interface Stand {
  readonly unit: BackupUnit
  readonly clock: Clock
  readonly dir: string
  /** Hours since the beginning at which a backup was asked for. */
  readonly asked: number[]
  /** Resolves at the beginning of the n-th backup, from 1. */
  nth(n: number): Promise<void>
}

/** A unit on a clock of its own; `take` may refuse the n-th backup. */
async function stand(
  t: Test,
  options: Partial<BackupOptions>,
  {
    refuse,
    ...more
  }: Partial<BackupUnitOptions> & { readonly refuse?: (n: number) => Error | undefined } = {},
): Promise<Stand> {
  const { dataDir, dir } = await playground(t)
  const clock = new VirtualClock(EPOCH)
  const asked: number[] = []
  const waiting: { readonly n: number; readonly resolve: () => void }[] = []
  const unit = new BackupUnit({
    backup: { ...backupOptions.parse({}), ...options },
    ...{ dataDir, dir, clock, log: silentLog, deviceId: 'poincon-test', software: '0.1.0' },
    random: () => 1,
    take: async () => {
      asked.push(Math.round((clock.wall() - EPOCH) / (HOUR_MS / 100)) / 100)
      for (const { n, resolve } of waiting) if (n === asked.length) resolve()
      const error = refuse?.(asked.length)
      if (error !== undefined) throw error
      return await shelved(dir, clock.wall())
    },
    ...more,
  })
  t.teardown(() => unit.stop())
  const nth = (n: number) => new Promise<void>((resolve) => waiting.push({ n, resolve }))
  return { unit, clock, dir, asked, nth }
}

test('backups by the clock, and what stays of them', async (t) => {
  const keep = { last: 2, daily: 0, weekly: 0, monthly: 0 }
  const { unit, dir, asked, nth } = await stand(t, { every_h: 6, keep })
  t.match(unit.status(), { state: 'ok', facts: { kept: 0 } }, 'a new station owes none yet')
  const fifth = nth(5)
  await unit.start()
  await fifth
  t.strictSame(
    asked,
    [0.02, 6.02, 12.02, 18.02, 24.02],
    'one after the station has settled, then by the clock',
  )
  t.match(unit.status(), {
    state: 'ok',
    facts: { kept: 2, bytes: 1, sequence: 7, took_ms: 12 },
  })
  await unit.stop()
  t.ok((await readdir(dir)).length <= 6, 'older ones are deleted, each with its manifest')
})

test('a backup that fails is a state, tried again with patience', async (t) => {
  const full = new BackupError('full', '/backups: 1.0 MB free')
  const { unit, asked, nth } = await stand(t, {}, { refuse: (n) => (n <= 4 ? full : undefined) })
  const [second, sixth] = [nth(2), nth(6)]
  await unit.start()
  await second
  t.match(unit.status(), { state: 'degraded', detail: 'no backup: /backups: 1.0 MB free' })
  await sixth
  // 10, 20, 40, 80 minutes, and then a day after the good one.
  t.strictSame(asked, [0.02, 0.18, 0.52, 1.18, 2.52, 26.52])
  t.match(unit.status(), { state: 'ok', facts: { kept: 1 } })
})

test('a station that finds old backups says how old, and makes up for it', async (t) => {
  const { unit, dir, asked, nth } = await stand(t, {}, { refuse: () => new Error('the disk is away') })
  await shelved(dir, EPOCH - 40 * HOUR_MS)
  await shelved(dir, EPOCH - 20 * HOUR_MS)
  await shelved(dir, EPOCH + 20 * HOUR_MS)
  await writeFile(join(dir, 'poincon-poincon-test-20260301T000000000Z.db'), 'cut off, without a manifest')
  const first = nth(1)
  await unit.start()
  t.match(unit.status(), { state: 'ok', facts: { kept: 3, age_h: 20, sequence: 7 } }, 'one is of the future')
  await first
  t.strictSame(asked, [4], 'a day after the newest that is not')
})

test('a backup that is overdue is said', async (t) => {
  const { dataDir, dir } = await playground(t)
  await shelved(dir, EPOCH - 37 * HOUR_MS)
  const clock = new VirtualClock(EPOCH)
  const [unit] = await backupUnits({
    config: { data_dir: dataDir, backup: backupOptions.parse({ dir }) },
    ...{ deviceId: 'poincon-test', version: '0.1.0', clock, log: silentLog },
  })
  await unit?.start(new AbortController().signal)
  t.match(unit?.status?.(), {
    state: 'degraded',
    detail: 'the last good backup is of 2026-02-27T19:00:00.000Z: one is due every 24 h',
    facts: { age_h: 37 },
  })
  await unit?.stop()
  const none = { config: { data_dir: dataDir }, deviceId: 'd', version: '0', clock, log: silentLog }
  t.strictSame(await backupUnits(none), [], 'no `backup`, no backups')
})

test('each backup is copied once, and what fails is tried again', async (t) => {
  const sent: string[] = []
  let failing = 2
  let arrived = (): void => {}
  const copied = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const copy_to = {
    kind: 'sftp',
    host: 'h',
    port: 22,
    username: 'u',
    dir: '.',
    key_file: 'k',
  } as const
  const { unit, nth } = await stand(
    t,
    { copy_to },
    {
      farCopy: () =>
        Promise.resolve({
          where: 'sftp u@h:.',
          send: (file) => {
            if (failing-- > 0) return Promise.reject(new Error('no route to host'))
            sent.push(file)
            arrived()
            return Promise.resolve()
          },
        }),
    },
  )
  const third = nth(3)
  await unit.start()
  await copied
  await third
  t.equal(sent.length, 2)
  const manifest: unknown = JSON.parse(await readFile(manifestFile(sent[0] ?? ''), 'utf8'))
  t.match(manifest, { copied: { to: 'sftp u@h:.', at: /^2026-03-01T08:31/ } }, 'after 10 and 20 minutes more')
})

test('a copy that does not arrive is said, the backup counts', async (t) => {
  let tried = (): void => {}
  const attempted = new Promise<void>((resolve) => {
    tried = resolve
  })
  const { unit, clock } = await stand(
    t,
    { copy_to: { kind: 'sftp', host: 'h', port: 22, username: 'u', dir: '.', key_file: 'k' } },
    {
      farCopy: () => {
        tried()
        return Promise.reject(new Error('key_file: no such file'))
      },
    },
  )
  await unit.start()
  await attempted
  await clock.sleep(1)
  t.match(unit.status(), {
    state: 'degraded',
    detail: 'not copied: key_file: no such file',
    facts: { kept: 1, copied: false },
  })
})

test('the log itself, by the clock', async (t) => {
  const { dataDir, dir } = await playground(t)
  const epoch = await logOf(dataDir, 30)
  let arrived = (_: string): void => {}
  const sent = new Promise<string>((resolve) => {
    arrived = resolve
  })
  const copy_to = { kind: 'sftp', host: 'h', port: 22, username: 'u', dir: '.', key_file: 'k' } as const
  const unit = new BackupUnit({
    ...{ dataDir, dir, deviceId: 'poincon-test', software: '0.1.0', log: silentLog },
    clock: new VirtualClock(EPOCH),
    backup: { ...backupOptions.parse({}), copy_to },
    farCopy: () => Promise.resolve({ where: 'far', send: (file) => Promise.resolve(arrived(file)) }),
  })
  t.teardown(() => unit.stop())
  await unit.start()
  const file = await sent
  t.equal(file, join(dir, 'poincon-poincon-test-20260301T080100000Z.db'), 'a minute after the start')
  t.match(await examine(file, { newest: 30 }), { epoch, sequence: 30, verified: 30 })
  t.match(unit.status(), { state: 'ok', facts: { kept: 1, sequence: 30 } })
})

test('a directory that cannot be used stops no station', async (t) => {
  const { dataDir, dir } = await playground(t)
  await mkdir(join(dir, '..'), { recursive: true })
  await writeFile(dir, 'a file')
  const unit = new BackupUnit({
    ...{ backup: backupOptions.parse({}), dataDir, dir, deviceId: 'd', software: '0' },
    ...{ clock: new VirtualClock(EPOCH), log: silentLog },
  })
  await unit.start()
  t.match(unit.status(), { state: 'degraded', detail: /no backup: the backup directory .* cannot be used/ })
  await unit.stop()
})
