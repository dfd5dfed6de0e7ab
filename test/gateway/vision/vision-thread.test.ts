import t, { test } from 'tap'
import { DEED } from './deeds.ts'
import { fileOf, GALLERY, pictureOf, seen, warmStand } from './vision-stand.ts'

const ever = (): AbortSignal => new AbortController().signal
const because = (fault: string) => ({ name: 'VisionError', fault })
const { vision } = await warmStand(t, { limits: { queries: 2 } })

/** How many more of each there are after some work. */
async function counted(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = vision.status().facts ?? {}
  await work()
  const after = vision.status().facts ?? {}
  return Object.fromEntries(
    ['read', 'replaced', 'late', 'failed'].map((outcome) => {
      const key = `frames_${outcome}`
      return [outcome, Number(after[key]) - Number(before[key])]
    }),
  )
}

test('a picture goes to the thread, and what is seen on it comes back', async (t) => {
  const grey = pictureOf(DEED.read, 11)
  t.match(await vision.read(grey, ever()), { ...seen(11), timing: { locate: 3, symbols: 2, texts: 1 } })
  t.equal(grey.pixels.length, 0, 'its pixels went along')
  const part = new Uint8Array(1000).subarray(100, 164)
  await vision.read({ pixels: part, width: 8, height: 8 }, ever())
  t.equal(part.length, 64, 'a part of a larger array stays')
  t.match(await vision.read(await fileOf(DEED.read), ever()), seen(16), 'a file is decoded before')
  t.match(vision.status(), {
    state: 'ok',
    facts: { double_on: 'cpu', frames_read: 3, locate_ms_p50: 3, texts_ms_p99: 1, whole_ms_p99: 0 },
  })
})

test('of a hundred pictures at once one is in work, the newest waits, the others are told and counted', async (t) => {
  const counts = await counted(async () => {
    const first = vision.read(pictureOf(DEED.held, 10), ever())
    const burst = Array.from({ length: 99 }, (_, nr) => vision.read(pictureOf(DEED.read, 11 + nr), ever()))
    const settled = Promise.allSettled([first, ...burst])
    vision.setGallery(GALLERY)
    const outcomes = await settled
    t.match(outcomes[0], { status: 'fulfilled', value: seen(10) })
    t.match(outcomes[99], { status: 'fulfilled', value: seen(109) })
    const others = outcomes.slice(1, 99)
    t.ok(others.every((one) => one.status === 'rejected' && one.reason.fault === 'replaced'))
  })
  t.same(counts, { read: 2, replaced: 98, late: 0, failed: 0 })
})

test('a picture whose time is over is given up: before, while it waits, while it is looked at', async (t) => {
  const counts = await counted(async () => {
    await t.rejects(vision.read(pictureOf(DEED.read), AbortSignal.abort()), because('late'))
    const [looked, waited] = [new AbortController(), new AbortController()]
    const first = vision.read(pictureOf(DEED.held), looked.signal)
    const second = vision.read(pictureOf(DEED.read), waited.signal)
    waited.abort()
    await t.rejects(second, because('late'))
    looked.abort()
    await t.rejects(first, because('late'))
    const third = vision.read(pictureOf(DEED.read, 12), ever())
    vision.setGallery(GALLERY)
    t.match(await third, seen(12), 'the thread is free again')
  })
  t.same(counts, { read: 1, replaced: 0, late: 3, failed: 0 })
})

test('what is no picture, and what the networks cannot compute, is said and harms nothing', async (t) => {
  const file = await fileOf(DEED.read)
  const cut = file.subarray(0, 60)
  const counts = await counted(async () => {
    await t.rejects(vision.read(cut, ever()), {
      ...because('corrupt'),
      cause: { name: 'PictureError', fault: 'damaged' },
    })
    await t.rejects(vision.read(pictureOf(DEED.fail), ever()), {
      ...because('failed'),
      message: 'device lost',
    })
    const text = new TextEncoder().encode('hello')
    await t.rejects(vision.match(text, 3), { name: 'PictureError', fault: 'not-an-image' })
    await t.rejects(vision.prototypes(cut, 'heart'), { name: 'PictureError', fault: 'damaged' })
    t.match(await vision.read(pictureOf(DEED.read, 9), ever()), seen(9))
  })
  t.same(counts, { read: 1, replaced: 0, late: 0, failed: 2 })
  t.match(vision.status(), { state: 'ok', facts: { restarts: 0 } })
})

test('queries come one after the other, and too many are turned away', async (t) => {
  const file = await fileOf(DEED.read)
  vision.setGallery(GALLERY)
  const one = vision.prototypes(file, 'star')
  const two = vision.match(file, 1)
  await t.rejects(vision.match(file, 1), { ...because('busy'), message: /2 queries wait/ })
  t.match(await one, [{ symbol: 'star', degrees: 0 }])
  t.match(await two, { kind: 'unknown', candidates: [{ symbol: 'heart' }] })
  t.match(await vision.match(file, 1), { kind: 'unknown' }, 'its bytes stayed')
})

test('a picture of the line does not wait for queries that wait', async (t) => {
  const file = await fileOf(DEED.read)
  const order: string[] = []
  await Promise.all([
    vision.match(file, 1).then(() => order.push('query 1')),
    vision.match(file, 1).then(() => order.push('query 2')),
    vision.read(pictureOf(DEED.read), ever()).then(() => order.push('picture')),
  ])
  t.not(order[2], 'picture', order.join(', '))
})
