import { copyFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Database } from '../../../gateway/store/database.ts'
import { randomFrom } from '../store/drafts.ts'
import { storeDir } from '../store/opening.ts'
import { firstBreak, signedLog } from './signed-log.ts'
import { type Tampered, Tamperer } from './tampering.ts'

const LOGS = 5
/** Of each kind, in each log. */
const CASES = 17
type Kind = 'change' | 'remove' | 'insert' | 'swap' | 'rehash' | 'truncate'

/** 85 cases of each kind over five logs; every one must be found, and where it was done. */
export async function expectAllFound(t: Test, kinds: readonly Kind[], seed: number): Promise<void> {
  const random = randomFrom(seed)
  const some = (): number => 1 + Math.floor(random() * 4)
  const [wrong, found] = [[] as string[], new Map<string, number>()]
  for (let number = 0; number < LOGS; number += 1) {
    const dir = await signedLog(t, random, [
      { parts: [some(), some(), some()] },
      { parts: [some(), some()], moved: true },
      { parts: [some()] },
    ])
    t.equal(await firstBreak(dir), undefined, 'nothing was done to it')
    await withoutWal(dir)
    const copy = await storeDir(t)
    for (const kind of kinds) {
      for (let round = 0; round < CASES; round += 1) {
        const { done, bases } = await tampered(dir, copy, kind, random)
        const broken = await firstBreak(copy)
        const base = bases.get(broken?.epoch ?? '') ?? 0
        const at = broken === undefined ? undefined : base + broken.sequence
        found.set(kind, (found.get(kind) ?? 0) + (at === undefined ? 0 : 1))
        if (at === undefined || at < done.from || at > done.to) {
          wrong.push(`${done.what} at ${done.from} to ${done.to}: found at ${at} (${broken?.reason})`)
        }
      }
    }
  }
  t.same(wrong, [])
  t.same(Object.fromEntries(found), Object.fromEntries(kinds.map((kind) => [kind, LOGS * CASES])))
}

/** Opening and closing a database with a write-ahead log costs more than all else that is done with a copy here. */
async function withoutWal(dir: string): Promise<void> {
  const database = await Database.open(join(dir, 'poincon.db'), 'write')
  await database.exec('PRAGMA journal_mode = DELETE')
  await database.close()
}

async function tampered(
  dir: string,
  copy: string,
  kind: Kind,
  random: () => number,
): Promise<{ readonly done: Tampered; readonly bases: ReadonlyMap<string, number> }> {
  for (const name of await readdir(copy)) await rm(join(copy, name))
  for (const name of ['poincon.db', 'device-key.pem']) await copyFile(join(dir, name), join(copy, name))
  const database = await Database.open(join(copy, 'poincon.db'), 'write')
  try {
    await database.exec('PRAGMA synchronous = OFF')
    const epochs = await database.all<{ base: number; epoch: string }>(
      'SELECT base, epoch FROM epochs ORDER BY base',
    )
    const end = await database.get<{ end: number }>('SELECT max(position) AS end FROM inspections')
    const signed = await database.all<{ count: number }>(
      `SELECT value ->> '$.count' AS count FROM documents WHERE kind = 'checkpoint' ORDER BY count`,
    )
    const tamperer = new Tamperer(database, random, {
      bases: epochs.map(({ base }) => base),
      end: end?.end ?? 0,
      signed: signed.map(({ count }) => count),
    })
    const done = await tamperer[kind]()
    return { done, bases: new Map(epochs.map(({ epoch, base }) => [epoch, base])) }
  } finally {
    await database.close()
  }
}
