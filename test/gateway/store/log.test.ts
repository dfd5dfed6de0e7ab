import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { inspectionMessage } from '../../../gateway/message.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { GENESIS, sha256, verifyChain } from '../../../gateway/store/log/chain.ts'
import { inspectionDraft, randomFrom, rawRecord } from './drafts.ts'
import { append, appendMany, faultOf, freshStore, reopen, storeDir, storeIn } from './opening.ts'

const random = randomFrom(2)
const forever = new AbortController().signal

test('what is appended gets its place, and is a message of the contract', async (t) => {
  const store = await freshStore(t)
  const draft = inspectionDraft(random, 'S-été-😀')
  const raw = rawRecord(random)
  const first = await store.append(draft, raw)
  const second = await append(store)

  t.match(first, { epoch: store.epoch.epoch, sequence: 1, id: draft.id })
  const message = inspectionMessage.parse(JSON.parse(first.payload))
  t.equal(message.sample_id, 'S-été-😀')
  t.match(message.provenance, { raw_sha256: sha256(raw), previous: GENESIS })
  const next = inspectionMessage.parse(JSON.parse(second.payload))
  t.match(next, { sequence: 2, provenance: { previous: message.provenance.hash } })

  t.same(await store.get(draft.id), { ...first, position: 1 })
  t.same(Buffer.from((await store.raw(1)) ?? []), Buffer.from(raw))
  t.equal(await store.get('0198a000-0000-7000-8000-000000000000'), undefined)
  t.equal(await store.raw(3), undefined)
})

test('a log goes on where it ended: same epoch, next sequence, unbroken chain', async (t) => {
  const dir = await storeDir(t)
  const before = await reopen(dir)
  await appendMany(before, 3)
  await before.close()
  const after = await storeIn(t, dir)
  t.equal(after.epoch.epoch, before.epoch.epoch)
  t.equal((await append(after)).sequence, 4)
  t.match(verifyChain(await after.from(1, 10)), { valid: true, count: 4 })
})

test('appends of many callers are gap-free, in the order asked for', async (t) => {
  const store = await freshStore(t)
  const entries = await appendMany(store, 700)
  t.same(
    entries.map(({ sequence }) => sequence),
    Array.from({ length: 700 }, (_, index) => index + 1),
  )
  t.match(verifyChain(entries), { valid: true, count: 700, tip: { sequence: 700 } })
  t.match(verifyChain(await store.from(1, 1000)), { valid: true, count: 700 })
  const { commits } = store.status().facts ?? {}
  t.ok(typeof commits === 'number' && commits < 20, `${commits} commits`)
})

test('what was appended is at hand as an object too, the same as the text, and not for ever', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('away')
  const draft = inspectionDraft(random)
  const first = await store.append(draft, rawRecord(random))
  t.strictSame(first.message, JSON.parse(first.payload))
  t.notOk('hash' in draft.provenance, 'the draft is left as it was')
  const others = await appendMany(store, 600)
  t.equal(first.message, undefined, 'behind 512 others it is let go')
  t.strictSame(others.at(-1)?.message, JSON.parse(others.at(-1)?.payload ?? ''))
  const [oldest] = await store.next('away', 1, forever)
  t.match(oldest, { sequence: 1, payload: first.payload })
  t.equal((await store.get(draft.id))?.message, undefined, 'from the disk comes text')
})

test('the chain shows a change, a removal, an insertion and another order', async (t) => {
  const store = await freshStore(t)
  const entries = await appendMany(store, 5)
  const [first, second, third, fourth] = entries
  if (!first || !second || !third || !fourth) throw new Error('five entries were appended')
  const wrongAt = (tampered: readonly OutboxEntry[]): unknown => {
    const report = verifyChain(tampered)
    return report.valid ? 'valid' : report.sequence
  }
  const graded = { ...second, payload: second.payload.replace('"action":"accept"', '"action":"reject"') }
  t.equal(wrongAt([first, graded, third]), 2, 'changed')
  const blank = { ...second, payload: second.payload.replace('{"as7341"', '{ "as7341"') }
  t.equal(wrongAt([first, blank, third]), 2, 'same values, other bytes')
  t.equal(wrongAt([first, third, fourth]), 3, 'removed')
  t.equal(wrongAt([first, { ...third, sequence: 2 }]), 2, 'removed and renumbered')
  t.equal(wrongAt([first, third, second]), 3, 're-ordered')
  t.equal(wrongAt([first, first, second]), 1, 'inserted')
  t.equal(wrongAt([second]), 2, 'the beginning is missing')
  t.equal(wrongAt([{ ...first, payload: 'no json' }]), 1)
  t.equal(wrongAt([{ ...first, payload: '{}' }]), 1)
  const page = verifyChain(entries.slice(0, 2))
  t.match(page.valid && verifyChain(entries.slice(2), page.tip), { valid: true, count: 3 }, 'page by page')
})

test('latest and page go back in time, from goes forward', async (t) => {
  const store = await freshStore(t)
  await appendMany(store, 10)
  const sequences = (entries: readonly OutboxEntry[]): number[] => entries.map(({ sequence }) => sequence)
  t.same(sequences(await store.latest(3)), [10, 9, 8])
  t.same(sequences(await store.page(8, 3)), [7, 6, 5])
  t.same(sequences(await store.page(2, 3)), [1])
  t.same(sequences(await store.page(1, 3)), [])
  t.same(sequences(await store.from(8, 100)), [8, 9, 10])
  t.same(sequences(await store.from(-5, 2)), [1, 2])
})

test('each sink has its own cursor, which survives', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await store.registerSink('fast')
  await store.registerSink('slow')
  await appendMany(store, 5)
  t.same(
    (await store.next('fast', 3, forever)).map(({ sequence }) => sequence),
    [1, 2, 3],
  )
  t.equal((await store.next('fast', 3, forever))[0]?.sequence, 1, 'without an acknowledgement the same again')
  await store.advance('fast', 3)
  await store.advance('fast', 2)
  t.equal((await store.next('fast', 3, forever))[0]?.sequence, 4, 'never back')
  await store.advance('slow', 1)
  t.equal(store.backlog('slow'), 4)
  t.same(store.sinks(), [
    { name: 'fast', stored: 5, delivered: 3, backlog: 2, quarantined: 0 },
    { name: 'slow', stored: 5, delivered: 1, backlog: 4, quarantined: 0 },
  ])
  t.equal(await faultOf(store.advance('slow', 6)), 'invalid', 'nobody acknowledges what is not stored')
  t.equal(await faultOf(store.next('unknown', 1, forever)), 'invalid')
  t.equal(await faultOf(store.next('slow', 0, forever)), 'invalid')
  t.equal(await faultOf(store.registerSink('slow')), 'invalid')
  await store.close()

  const again = await storeIn(t, dir)
  for (const sink of ['slow', 'fast', 'late']) await again.registerSink(sink)
  t.same(
    again.sinks().map(({ name, delivered, backlog }) => [name, delivered, backlog]),
    [
      ['slow', 1, 4],
      ['fast', 3, 2],
      ['late', 0, 5],
    ],
  )
  t.equal((await again.next('late', 1, forever))[0]?.sequence, 1, 'a new sink begins with the oldest')
})

test('a sink that waits wakes with the next inspection, or with its signal', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('mqtt')
  await store.registerSink('influx')
  const waiting = [store.next('mqtt', 10, forever), store.next('influx', 10, forever)]
  await append(store)
  for (const batch of await Promise.all(waiting)) t.equal(batch[0]?.sequence, 1)
  await store.advance('mqtt', 1)
  const stop = new AbortController()
  const cancelled = store.next('mqtt', 10, stop.signal)
  stop.abort(new Error('enough'))
  await t.rejects(cancelled, { message: 'enough' })
  await t.rejects(store.next('mqtt', 10, stop.signal), { message: 'enough' })
  const last = store.next('mqtt', 10, forever)
  await append(store)
  t.equal((await last)[0]?.sequence, 2)
})

test('no wake-up is lost between many appends and a sink that takes one at a time', async (t) => {
  const store = await freshStore(t, { groupCommitMs: 0 })
  await store.registerSink('one')
  const seen: number[] = []
  const sink = (async () => {
    while (seen.length < 300) {
      for (const { sequence } of await store.next('one', 1, forever)) {
        seen.push(sequence)
        await store.advance('one', sequence)
      }
    }
  })()
  for (let burst = 0; burst < 30; burst += 1) await appendMany(store, 10)
  await sink
  t.same(
    seen,
    Array.from({ length: 300 }, (_, index) => index + 1),
  )
})

test('a sink far behind reads the disk what memory has let go of', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('late')
  await appendMany(store, 1500)
  const seen: OutboxEntry[] = []
  while (store.backlog('late') > 0) {
    const batch = await store.next('late', 400, forever)
    seen.push(...batch)
    await store.advance('late', batch.at(-1)?.sequence ?? 0)
  }
  t.match(verifyChain(seen), { valid: true, count: 1500 })
})

test('a cursor that moved at idle is saved without being asked', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir, { cursorCommitMs: 1 })
  await store.registerSink('mqtt')
  await append(store)
  const commitsBefore = Number(store.status().facts?.commits)
  await store.advance('mqtt', 1)
  while (Number(store.status().facts?.commits) === commitsBefore) await systemClock.sleep(1)
  t.match(store.sinks(), [{ delivered: 1 }])
})

test('triggers without a record are counted after the end of the run', async (t) => {
  const dir = await storeDir(t)
  const first = await reopen(dir)
  for (let trigger = 1; trigger <= 7; trigger += 1) first.noteTrigger(trigger)
  for (let trigger = 1; trigger <= 5; trigger += 1) await append(first, trigger)
  await append(first)
  await first.close()
  t.match(JSON.parse(await readFile(join(dir, 'triggers.json'), 'utf8')), { run: 1, noted: 7 })

  const second = await reopen(dir)
  t.same(second.unrecorded, { parts: 2, last: { run: 1, parts: 2, atLeast: false } })
  await append(second, 1)
  await second.close()

  const third = await reopen(dir)
  t.same(third.unrecorded, { parts: 2 }, 'the total is kept, the last run left none')
  third.noteTrigger(1)
  await third.close()
  const fourth = await reopen(dir)
  t.same(
    fourth.unrecorded,
    { parts: 3, last: { run: 3, parts: 1, atLeast: false } },
    'a run without any record',
  )
  fourth.noteTrigger(4)
  await fourth.close()
  const journal = join(dir, 'triggers.json')
  await writeFile(journal, (await readFile(journal, 'utf8')).replace(/"boot":"[^"]*"/, '"boot":"another"'))
  const fifth = await storeIn(t, dir)
  t.same(fifth.unrecorded.last, { run: 4, parts: 4, atLeast: true }, 'the machine went down')
})

test('a closed store says so, after it has finished what it took', async (t) => {
  const store = await reopen(await storeDir(t))
  await store.registerSink('mqtt')
  const waiting = faultOf(store.next('mqtt', 1, forever))
  await store.close()
  t.equal(await waiting, 'closed')
  t.equal(await faultOf(append(store)), 'closed')

  const dir = await storeDir(t)
  const busy = await reopen(dir)
  const appends = Promise.all(Array.from({ length: 50 }, () => append(busy)))
  await busy.close()
  t.equal((await appends).length, 50)
})

test('the write-ahead log stays bounded, and is folded in at the end', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const large = Buffer.alloc(100_000, 'raw')
  for (let group = 0; group < 20; group += 1) {
    await Promise.all(Array.from({ length: 20 }, () => store.append(inspectionDraft(random), large)))
  }
  const wal = join(dir, 'poincon.db-wal')
  t.ok((await stat(wal)).size < 8_000_000, 'one checkpoint and one commit')
  t.ok((await stat(join(dir, 'poincon.db'))).size > 32_000_000)
  await store.close()
  await t.rejects(stat(wal), { code: 'ENOENT' })
})

test('recipes are revised, never changed', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const first = await store.recipes.save('terrine', { max: 2, min: 1 }, 'anna')
  t.match(first, { revision: 1, savedBy: 'anna', sha256: sha256('{"max":2,"min":1}') })
  const [same, second] = await Promise.all([
    store.recipes.save('terrine', { min: 1, max: 2 }, 'ben'),
    store.recipes.save('terrine', { min: 1, max: 3 }, 'ben'),
  ])
  t.match(same, { revision: 1, savedBy: 'anna' }, 'the same recipe is no revision')
  t.equal(second.revision, 2)
  await store.recipes.save('confit', {}, 'anna')
  t.equal(await faultOf(store.recipes.save('terrine', { min: Number.NaN }, 'ben')), 'invalid')
  await store.close()

  const again = await storeIn(t, dir)
  t.same((await again.recipes.get('terrine'))?.recipe, { min: 1, max: 3 })
  t.same((await again.recipes.get('terrine', 1))?.recipe, { min: 1, max: 2 })
  t.equal(await again.recipes.get('terrine', 3), undefined)
  t.equal(await again.recipes.get('pâté'), undefined)
  t.same(
    (await again.recipes.newest()).map(({ id, revision }) => [id, revision]),
    [
      ['confit', 1],
      ['terrine', 2],
    ],
  )
  t.same(
    (await again.recipes.revisions('terrine')).map(({ revision }) => revision),
    [2, 1],
  )
})

test('calibrations and the state of the station are remembered', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const calibration = {
    kind: 'empty-tray',
    subject: 'tof-7',
    takenBy: 'anna',
    calibration: { rangeMm: [320.5, null] },
  }
  await store.calibrations.save({ ...calibration, id: 'c1', takenAt: '2026-03-01T08:00:00.000Z' })
  await store.calibrations.save({ ...calibration, id: 'c2', takenAt: '2026-03-02T08:00:00.000Z' })
  await store.calibrations.save({
    ...calibration,
    id: 'c3',
    takenAt: '2026-03-03T08:00:00.000Z',
    subject: 'tof-8',
  })
  t.equal(await faultOf(store.calibrations.save({ ...calibration, id: 'c1', takenAt: '' })), 'duplicate')
  await store.state.set('lot', { id: 'LOT-1' })
  await store.state.set('lot', { id: 'LOT-2' })
  await store.state.set('recipe', 'terrine')
  await store.state.delete('recipe')
  await store.close()

  const again = await storeIn(t, dir)
  t.match(await again.calibrations.newest('empty-tray', 'tof-7'), {
    id: 'c2',
    calibration: { rangeMm: [320.5, null] },
  })
  t.equal(await again.calibrations.newest('empty-tray', 'tof-9'), undefined)
  t.match(await again.calibrations.newest('empty-tray'), { id: 'c3' }, 'of anything')
  t.same(
    (await again.calibrations.all('empty-tray')).map(({ id }) => id),
    ['c3', 'c2', 'c1'],
  )
  t.match(await again.calibrations.get('c1'), { takenBy: 'anna' })
  t.same(await again.state.get('lot'), { id: 'LOT-2' })
  t.equal(await again.state.get('recipe'), undefined)
})

test('a clock that was set back does not let an older calibration win', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const tray = { kind: 'empty-tray', subject: 'tof-7', takenBy: 'anna', calibration: {} }
  await store.calibrations.save({ ...tray, id: 'c9', takenAt: '2099-01-01T08:00:00.000Z' })
  await store.calibrations.save({ ...tray, id: 'c1', takenAt: '2026-03-01T08:00:00.000Z' })
  await store.close()
  const again = await storeIn(t, dir)
  t.match(await again.calibrations.newest('empty-tray', 'tof-7'), { id: 'c1' })
  await again.calibrations.save({ ...tray, id: 'c0', takenAt: '2026-02-28T08:00:00.000Z' })
  t.match(await again.calibrations.newest('empty-tray'), { id: 'c0' })
  t.same(
    (await again.calibrations.all('empty-tray')).map(({ id }) => id),
    ['c0', 'c1', 'c9'],
  )
})

test('registry and log share the writer without sharing a transaction', async (t) => {
  const store = await freshStore(t, { groupCommitMs: 0 })
  const appends = Array.from({ length: 40 }, async (_, index) => {
    await store.state.set('n', index)
    return append(store)
  })
  const entries = await Promise.all(appends)
  t.match(verifyChain(entries.toSorted((a, b) => a.sequence - b.sequence)), { valid: true, count: 40 })
})
