import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { silentLog } from '../../../gateway/log.ts'
import { type EvidenceOptions, EvidenceStore } from '../../../gateway/store/evidence.ts'

async function storeIn(t: Test, options: Partial<EvidenceOptions> = {}) {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'poincon-evidence-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const store = new EvidenceStore({ folder, keep: 'all', quotaBytes: 1000, log: silentLog, ...options })
  await store.start()
  return { folder, store }
}

/** Some bytes that differ by `number`, and their hash. */
function picture(number: number, length = 400): { readonly hash: string; readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(length).fill(number)
  return { hash: createHash('sha256').update(bytes).digest('hex'), bytes }
}

test('a picture is found by its hash, also after a restart', async (t) => {
  const { folder, store } = await storeIn(t)
  const { hash, bytes } = picture(1)
  await store.keep(hash, bytes, 'reject')
  t.strictSame(new Uint8Array((await store.read(hash)) ?? []), bytes)
  t.strictSame(new Uint8Array(await readFile(join(folder, hash.slice(0, 2), `${hash}.jpg`))), bytes)
  const again = await storeIn(t, { folder })
  t.match(again.store.status(), { state: 'ok', facts: { pictures: 1, failed: 0 } })
  t.ok(await again.store.read(hash))
})

test('the oldest go when all take more than the quota', async (t) => {
  const { store } = await storeIn(t)
  const [first, second, third] = [picture(1), picture(2), picture(3)]
  for (const { hash, bytes } of [first, second, third]) await store.keep(hash, bytes, 'accept')
  t.equal(await store.read(first.hash), undefined)
  t.ok(await store.read(second.hash))
  t.match(store.status().facts, { pictures: 2, dropped: 1 })
})

test('the same picture again is kept once, and is as new as its last part', async (t) => {
  const { store } = await storeIn(t)
  const [first, second, third] = [picture(1), picture(2), picture(3)]
  for (const { hash, bytes } of [first, second, first, third]) await store.keep(hash, bytes, 'accept')
  t.ok(await store.read(first.hash), 'seen again')
  t.equal(await store.read(second.hash), undefined)
})

test('only what was not accepted is kept, where that is asked', async (t) => {
  const { store } = await storeIn(t, { keep: 'not-accepted' })
  const [good, bad] = [picture(1), picture(2)]
  await store.keep(good.hash, good.bytes, 'accept')
  await store.keep(bad.hash, bad.bytes, 'hold')
  t.equal(await store.read(good.hash), undefined)
  t.ok(await store.read(bad.hash))
})

test('what a power cut left half written goes at the start', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-evidence-'))
  await mkdir(join(folder, 'ab'))
  await writeFile(join(folder, 'ab', `${'ab'.repeat(32)}.jpg.4711`), 'half')
  await writeFile(join(folder, 'ab', 'notes.txt'), 'somebody’s')
  await storeIn(t, { folder })
  t.strictSame(await readdir(join(folder, 'ab')), ['notes.txt'])
})

test('a folder that cannot be written holds up nothing, and says so until it can', async (t) => {
  const { folder, store } = await storeIn(t)
  const { hash, bytes } = picture(1)
  await writeFile(join(folder, hash.slice(0, 2)), 'a file where a folder should be')
  await store.keep(hash, bytes, 'reject')
  t.match(store.status(), { state: 'degraded', detail: /not kept/, facts: { failed: 1 } })
  await rm(join(folder, hash.slice(0, 2)))
  await store.keep(hash, bytes, 'reject')
  t.match(store.status(), { state: 'ok', facts: { failed: 1, pictures: 1 } })
})

test('a file that was changed is no evidence', async (t) => {
  const { folder, store } = await storeIn(t)
  const { hash, bytes } = picture(1)
  await store.keep(hash, bytes, 'reject')
  await writeFile(join(folder, hash.slice(0, 2), `${hash}.jpg`), '')
  t.equal(await store.read(hash), undefined)
})

test('what is no hash names no file', async (t) => {
  const { store } = await storeIn(t)
  t.equal(await store.read('../../etc/passwd'), undefined)
})
