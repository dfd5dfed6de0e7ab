import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import type { Clock } from '../../../drivers/clock.ts'
import { type Checkpoint, checkpointRecord, signatureProblem } from '../../../gateway/proof/checkpoint.ts'
import {
  keyId,
  openDeviceKey,
  publicKeyIn,
  publicPem,
  trustedKeys,
  trusting,
} from '../../../gateway/proof/device-key.ts'
import { Database } from '../../../gateway/store/database.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { randomFrom } from '../store/drafts.ts'
import { freshStore, reopen, storeDir } from '../store/opening.ts'
import { beside, checkpointsOf, copyOf, firstBreak, memoryKey, signedLog, smallDraft } from './signed-log.ts'

const random = randomFrom(7)

/** Time that only the test moves: `now` and `wall` each on their own, and what waits is called by hand. */
class HandClock implements Clock {
  nowMs = 0
  wallMs = Date.UTC(2026, 2, 1, 8)
  #waiting: (() => void)[] = []
  now = (): number => this.nowMs
  wall = (): number => this.wallMs
  sleep = (): Promise<void> => Promise.resolve()

  after(_ms: number, act: () => void): () => void {
    this.#waiting.push(act)
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== act)
    }
  }

  /** Lets `ms` pass, and waits until whoever was called waits again. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms
    this.wallMs += ms
    const due = this.#waiting.splice(0)
    for (const act of due) act()
    while (due.length > 0 && this.#waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

async function append(store: Store, count: number): Promise<void> {
  for (let part = 0; part < count; part += 1) await store.append(smallDraft(random), new Uint8Array(8))
}

async function kept(store: Store): Promise<Checkpoint[]> {
  const documents = await store.documents.lastById('checkpoint', 1000)
  return documents.map(({ value }) => checkpointRecord.parse(value)).reverse()
}

test('the end of the chain is signed at start, after so many parts, after so long, and at the stop', async (t) => {
  const store = await freshStore(t)
  const [clock, key] = [new HandClock(), memoryKey()]
  const told: number[] = []
  const unit = checkpointsOf(store, '', {
    ...{ clock, everyInspections: 3, everyMs: 60_000 },
    key: () => Promise.resolve(key),
    taken: ({ number }) => told.push(number),
  })
  await unit.start()
  await append(store, 2)
  await clock.pass(1000)
  t.equal(unit.last?.number, 1, 'two parts in a second are not enough')
  await append(store, 1)
  await clock.pass(1000)
  await append(store, 1)
  await clock.pass(59_000)
  await clock.pass(1000)
  await clock.pass(600_000)
  await append(store, 1)
  await unit.stop()
  t.match(
    (await kept(store)).map(({ number, reason, sequence, count }) => [number, reason, sequence, count]),
    [
      [1, 'start', 0, 0],
      [2, 'interval', 3, 3],
      [3, 'interval', 4, 4],
      [4, 'stop', 5, 5],
    ],
  )
  t.same(told, [1, 2, 3, 4])
  for (const one of await kept(store)) {
    t.equal(signatureProblem(one, trusting([key.publicKey])), undefined)
    t.match(signatureProblem({ ...one, count: one.count + 1 }, trusting([key.publicKey])), /does not match/)
    t.match(signatureProblem(one, trusting([memoryKey().publicKey])), /signed with key/)
  }
})

test('a clock that is set forward and back neither hurries nor disorders what is signed', async (t) => {
  const store = await freshStore(t)
  const [clock, key] = [new HandClock(), memoryKey()]
  const parts = { clock, everyInspections: 1, everyMs: 60_000, key: () => Promise.resolve(key) }
  const unit = checkpointsOf(store, '', parts)
  await unit.start()
  for (const stepMs of [3_600_000, -7_200_000, 1000]) {
    clock.wallMs += stepMs
    await clock.pass(1000)
    await append(store, 1)
    await clock.pass(1000)
  }
  await unit.stop()
  t.same(
    (await kept(store)).map(({ number, sequence }) => [number, sequence]),
    [0, 1, 2, 3, 3].map((sequence, index) => [index + 1, sequence]),
    'idle time signs nothing, whatever the wall says',
  )
  const next = checkpointsOf(store, '', parts)
  await next.start()
  t.equal(next.last?.number, 6, 'goes on behind the newest by number, not by time')
  t.equal(next.status().state, 'ok')
})

test('what cannot be signed is a state, and is signed as soon as it can be', async (t) => {
  const store = await freshStore(t)
  const clock = new HandClock()
  let broken = true
  const unit = checkpointsOf(store, '', {
    ...{ clock, everyInspections: 1 },
    key: () =>
      broken ? Promise.reject(new Error('the secure element does not answer')) : Promise.resolve(memoryKey()),
  })
  await unit.start()
  t.match(unit.status(), { state: 'degraded', detail: /secure element/ })
  await append(store, 2)
  broken = false
  await clock.pass(30_000)
  t.match(unit.status(), { state: 'ok', facts: { number: 2, sequence: 2 } })
  t.match(
    (await kept(store)).map(({ reason, sequence }) => [reason, sequence]),
    [
      ['start', 0],
      ['interval', 2],
    ],
  )
})

test('a key is made once, for its owner alone, and others check with its public half', async (t) => {
  const dir = await storeDir(t)
  t.equal(await publicKeyIn(dir), undefined)
  const keys = await Promise.all([openDeviceKey(dir), openDeviceKey(dir), openDeviceKey(dir)])
  t.equal(new Set(keys.map(({ publicKey }) => keyId(publicKey))).size, 1, 'of three that begin at once')
  t.equal((await stat(join(dir, 'device-key.pem'))).mode & 0o777, 0o600)
  const own = await publicKeyIn(dir)
  t.ok(own)
  if (own === undefined) return
  t.same(
    [...trustedKeys(`${publicPem(own)}\n${publicPem(memoryKey().publicKey)}`, 'keys.pem').keys()][0],
    keyId(own),
  )
  t.throws(() => trustedKeys('no key', 'keys.pem'), {
    name: 'KeyError',
    message: /keys.pem: expected public keys/,
  })
  await chmod(join(dir, 'device-key.pem'), 0o644)
  await openDeviceKey(dir)
  t.equal(
    (await stat(join(dir, 'device-key.pem'))).mode & 0o777,
    0o600,
    'what others could read is taken from them',
  )
  await beside(dir, 'device-key.pem', 'garbage')
  await t.rejects(openDeviceKey(dir), {
    name: 'KeyError',
    message: /device-key.pem: expected an Ed25519 key/,
  })
})

test('a log that was cut off together with its signatures needs one that was kept elsewhere', async (t) => {
  const dir = await signedLog(t, random, [{ parts: [4, 4, 4] }])
  const trust = [await beside(dir, 'station.pem', publicPem(await own(dir)))]
  const store = await reopen(dir)
  const published = [await beside(dir, 'published.json', JSON.stringify((await kept(store)).at(-1)))]
  await store.close()
  t.equal(await firstBreak(dir, { trust, published }), undefined)
  const database = await Database.open(join(dir, 'poincon.db'), 'write')
  await database.exec(
    `DELETE FROM inspections WHERE position > 4; DELETE FROM documents WHERE id > '000000000002'`,
  )
  await database.close()
  t.equal(await firstBreak(dir, { trust }), undefined, 'by itself it is a shorter log')
  t.match(await firstBreak(dir, { trust, published }), {
    reason: /checkpoint 6: it is not the one that was published/,
  })
})

test('signatures of another key, removed ones and parts that no run wrote are found', async (t) => {
  const dir = await signedLog(t, random, [{ parts: [3, 3] }])
  const other = await storeDir(t)
  const trust = [await beside(dir, 'other.pem', publicPem((await openDeviceKey(other)).publicKey))]
  t.match(await firstBreak(dir, { trust }), { sequence: 1, reason: /checkpoint 1: it is signed with key/ })

  const gap = await copyOf(t, dir)
  await change(gap, `DELETE FROM documents WHERE id = '000000000003'`)
  t.match(await firstBreak(gap), { sequence: 4, reason: 'checkpoint 3: it is missing' })
  const all = await copyOf(t, dir)
  await change(all, `DELETE FROM documents WHERE kind = 'checkpoint'`)
  t.match(await firstBreak(all), { sequence: 1, reason: 'checkpoint 1: it is missing' })

  const unattended = await copyOf(t, dir)
  const store = await reopen(unattended)
  await append(store, 1)
  await store.close()
  t.match(await firstBreak(unattended), { sequence: 7, reason: /no run of it wrote what follows/ })
  // The new epoch of a copied log hides it from the start, never from verify.
  const again = await reopen(unattended)
  const unit = checkpointsOf(again, unattended)
  await unit.start()
  await unit.stop()
  await again.close()
  t.match(await firstBreak(unattended), { sequence: 7, reason: /no run of it wrote what follows/ })
})

test('what retention took is told from what somebody removed', async (t) => {
  const dir = await signedLog(t, random, [{ parts: [2, 4] }])
  const { payload } = await row(dir, 2)
  await change(dir, 'DELETE FROM inspections WHERE position <= 2')
  t.match(await firstBreak(dir), { sequence: 1, reason: /it is not there, nor are the 1 behind it/ })
  const hash = /"hash":"([0-9a-f]{64})"/.exec(payload)?.[1]
  await change(dir, `INSERT INTO anchors VALUES (0, 2, '${hash}', '2026-03-01T08:00:00.000Z', NULL)`)
  t.equal(await firstBreak(dir), undefined)
})

test('what happened to a log while the station did not run is said at its start', async (t) => {
  const dir = await signedLog(t, random, [{ parts: [3] }])
  await change(dir, 'DELETE FROM inspections WHERE position = 3')
  const store = await reopen(dir)
  t.teardown(() => store.close())
  const unit = checkpointsOf(store, dir)
  await unit.start()
  t.match(unit.status(), { state: 'degraded', detail: /the log ends before checkpoint 2/ })
  await unit.stop()
})

async function own(dir: string) {
  const key = await publicKeyIn(dir)
  if (key === undefined) throw new Error(`no key in ${dir}`)
  return key
}

async function row(dir: string, position: number): Promise<{ readonly payload: string }> {
  const database = await Database.open(join(dir, 'poincon.db'), 'read')
  try {
    const found = await database.get<{ payload: string }>(
      'SELECT payload FROM inspections WHERE position = ?',
      [position],
    )
    if (found === undefined) throw new Error(`no row ${position}`)
    return found
  } finally {
    await database.close()
  }
}

async function change(dir: string, sql: string): Promise<void> {
  const database = await Database.open(join(dir, 'poincon.db'), 'write')
  await database.exec(sql)
  await database.close()
}
