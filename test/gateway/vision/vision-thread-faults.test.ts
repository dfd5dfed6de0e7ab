import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { DEED } from './deeds.ts'
import { fileOf, GALLERY, pictureOf, seen, visionStand, warmStand } from './vision-stand.ts'

const ever = (): AbortSignal => new AbortController().signal
const because = (fault: string) => ({ name: 'VisionError', fault })

test('a thread that dies or hangs is replaced, each time after a longer wait; pictures meanwhile are answered at once', async (t) => {
  const { vision, clock, heard } = await warmStand(t)
  vision.setGallery(GALLERY)
  for (const [deed, waitMs, why] of [
    [DEED.exit, 50, /ended with 7/],
    [DEED.throw, 100, /thrown beside an answer/],
    [DEED.wait, 200, /no answer to read within 5 s/],
    [DEED.spin, 400, /no answer to read/],
    [DEED.stick, 800, /no answer to read/],
  ] as const) {
    const read = vision.read(pictureOf(deed), ever())
    const waiting = vision.read(pictureOf(DEED.read), ever())
    // The question is asked before time passes.
    await Promise.resolve()
    if (String(why).includes('no answer')) clock.spend(5000)
    await t.rejects(read, { ...because('died'), message: why })
    await t.rejects(waiting, because('died'), 'the one that waited, too')
    t.match(await heard('vision thread ended'), { waitMs, err: { message: why } })
    await t.rejects(vision.read(pictureOf(DEED.read), ever()), because('died'))
    await t.rejects(vision.match(new Uint8Array(), 1), because('died'))
    t.match(vision.status(), { state: 'failed', detail: why })
    clock.spend(waitMs)
    await heard('vision ready')
    t.match(await vision.read(pictureOf(DEED.read, 9), ever()), seen(9))
    t.equal(vision.status().state, 'ok')
  }
  t.match(await vision.match(await fileOf(DEED.read), 1), { candidates: [{ symbol: 'heart' }] })
  t.match(vision.status().facts, { restarts: 5, gallery_symbols: 1, frames_read: 5, frames_failed: 15 })
  clock.spend(60_000)
  await t.rejects(vision.read(pictureOf(DEED.exit), ever()), because('died'))
  t.match(await heard('vision thread ended'), { waitMs: 50 }, 'the last lived long enough')
})

test('health says for how many symbols a head was learnt, and why one is not used', async (t) => {
  const { vision } = await warmStand(t)
  const rows = new Map([['heart', Float32Array.of(1)]])
  vision.setGallery(GALLERY, { rows, scale: 1, offset: 0 })
  t.match(vision.status(), { state: 'ok', facts: { gallery_symbols: 1, head_symbols: 1 } })
  vision.setGallery(GALLERY, 'engraving-head.json: learnt upon another network')
  t.match(vision.status(), {
    ...{ state: 'degraded', detail: /^recognised by prototypes alone: engraving-head\.json: learnt upon/ },
  })
  t.notMatch(vision.status().facts, { head_symbols: Number })
  vision.setGallery(GALLERY)
  t.match(vision.status(), { state: 'ok' })
  t.equal(vision.embedder, '0'.repeat(64))
})

test('a model that no thread can use ends the start', async (t) => {
  const { vision, folder } = await visionStand(t)
  await writeFile(join(folder, 'hash'), '')
  await t.rejects(vision.start(ever()), { name: 'ModelError', fault: 'hash', message: 'sha256 differs' })
})

test('what may pass is tried again while the station runs; what stops meanwhile stops', async (t) => {
  const { vision, clock, folder, heard } = await visionStand(t)
  await writeFile(join(folder, 'broken'), '')
  await vision.start(ever())
  await heard('vision thread ended')
  t.match(vision.status(), { state: 'failed', detail: 'libonnxruntime.so: cannot open' })
  await rm(join(folder, 'broken'))
  clock.spend(100)
  await heard('vision ready')
  t.equal(vision.status().state, 'ok')
  const first = vision.read(pictureOf(DEED.held, 10), ever())
  const second = vision.read(pictureOf(DEED.read), ever())
  vision.setGallery(GALLERY)
  const refused = t.rejects(second, because('stopped'))
  await vision.stop()
  t.match(await first, seen(10), 'what was in work is answered')
  await refused
  await t.rejects(vision.read(pictureOf(DEED.read), ever()), because('stopped'))
  await t.rejects(vision.match(await fileOf(DEED.read), 1), because('stopped'))
})

test('a machine that cannot start a thread is asked again', async (t) => {
  // No thread is started from there: the constructor throws, as where the machine has no room for one.
  const entry = new URL('http://nowhere/')
  const { vision, clock, heard } = await visionStand(t, { entry })
  await vision.start(ever())
  t.match(await heard('vision thread ended'), { waitMs: 50 })
  t.match(vision.status(), { state: 'failed', detail: /URL/ })
  await t.rejects(vision.read(pictureOf(DEED.read), ever()), because('died'))
  clock.spend(50)
  t.match(await heard('vision thread ended'), { waitMs: 100 }, 'later each time')
  entry.href = new URL('./thread-double.js', import.meta.url).href
  clock.spend(100)
  await heard('vision ready')
  t.match(await vision.read(pictureOf(DEED.read, 9), ever()), seen(9))
})

test('without networks for lenses, pictures of lenses are turned away', async (t) => {
  const { vision } = await visionStand(t, { models: { embedder: '/nowhere' } })
  await t.rejects(vision.read(pictureOf(DEED.read), ever()), because('not-loaded'))
})
