import { createHash } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'tap'
import type { Enrolment } from '../../gateway/api/engraving-port.ts'
import { EngravingRefusal } from '../../gateway/api/engraving-port.ts'
import { CatalogueFile } from '../../gateway/catalogue-file.ts'
import { keepExamples } from '../../gateway/store/catalogue/gallery.ts'
import type { Prototype } from '../../gateway/vision/gallery.ts'
import type { Head } from '../../gateway/vision/head.ts'
import { writeHead } from '../../gateway/vision/head-file.ts'
import { ModelError } from '../../gateway/vision/model.ts'
import { VisionError } from '../../gateway/vision/vision-error.ts'
import { deskOf, drawing, EMBEDDER } from '../fakes/engraving-desk.ts'

const enrolment = (symbol: string, picture: Uint8Array, more: Partial<Enrolment> = {}): Enrolment => ({
  ...{ symbol, picture, by: 'ana', tags: [], sure: [] },
  ...more,
})

test('one picture is enough to know a symbol, and it is forgotten at once', async (t) => {
  const { desk } = await deskOf(t)
  const asked = await drawing('key', { side: 300, stroke: 6, degrees: 12 })
  t.same(await desk.match(asked, 5), { kind: 'unknown', candidates: [], gallery: { symbols: 0 } })
  const done = await desk.enrol(enrolment('key', await drawing('key'), { tags: ['object', 'long'] }))
  t.same(done, { symbol: 'key', added: true, examples: 1, tags: ['long', 'object'] })
  await desk.enrol(enrolment('eye', await drawing('eye')))
  await desk.enrol(enrolment('cross', await drawing('cross')))
  const match = await desk.match(asked, 2)
  t.match(match, { kind: 'known', symbol: 'key', gallery: { symbols: 3 } })
  t.equal(match.candidates.length, 2)
  t.same(await desk.symbols(), {
    symbols: ['cross', 'eye', 'key'].map((symbol) => ({
      ...{ symbol, tags: symbol === 'key' ? ['long', 'object'] : [], examples: 1, lenses: 0 },
      ...{ first_at: '2026-11-21T12:00:00.000Z', last_at: '2026-11-21T12:00:00.000Z' },
    })),
  })
  t.equal(await desk.forget('key'), true)
  t.equal(await desk.forget('key'), false)
  t.notMatch(await desk.match(asked, 5), { candidates: [{ symbol: 'key' }] })
})

test('a name or a picture that is another symbol’s wants somebody who is sure', async (t) => {
  const { desk } = await deskOf(t)
  const [key, eye] = [await drawing('key'), await drawing('eye')]
  await desk.enrol(enrolment('key', key))
  await desk.enrol(enrolment('eye', eye))
  const slanted = await drawing('key', { side: 300, degrees: 6 })
  t.match(await desk.enrol(enrolment('anchor', slanted)), [
    { kind: 'similar', symbol: 'key', similarity: Number },
  ])
  t.same(await desk.enrol(enrolment('key', slanted)), [{ kind: 'existing', examples: 1 }])
  t.match(await desk.enrol(enrolment('eye', slanted)), [
    { kind: 'existing' },
    { kind: 'similar', symbol: 'key' },
  ])
  t.match(await desk.enrol(enrolment('eye', slanted, { sure: ['existing'] })), [{ kind: 'similar' }])
  t.equal((await desk.symbols()).symbols.length, 2, 'nothing was enrolled by that')
  t.match(await desk.enrol(enrolment('key', slanted, { sure: ['existing'] })), { added: true, examples: 2 })
  t.match(await desk.enrol(enrolment('key', slanted)), { added: false, examples: 2 }, 'the same again')
})

test('what another process enrols is known at the next question; what cannot be read is left out', async (t) => {
  const { desk, file, leftOut } = await deskOf(t)
  await desk.refresh()
  const other = new CatalogueFile(file)
  t.teardown(() => other.close())
  const when = { by: 'bob', at: '2026-11-21T12:00:00Z' }
  const pictures = [await drawing('eye')]
  await other.writing((database) => keepExamples(database, 'eye', pictures, when))
  await other.writing((database) => keepExamples(database, 'broken', [Buffer.from('no picture')], when))
  t.match(await desk.match(await drawing('eye', { side: 200 }), 1), {
    ...{ kind: 'known', symbol: 'eye', gallery: { symbols: 1 } },
  })
  t.same(leftOut, ['broken'])
})

test('the small picture has no paper around it, and a version', async (t) => {
  const { desk } = await deskOf(t)
  t.equal(await desk.picture('key'), undefined)
  await desk.enrol(enrolment('key', await drawing('key', { side: 900, stroke: 4 })))
  const found = await desk.picture('key')
  const { width, height, format } = await sharp(found?.png).metadata()
  t.match({ width, format }, { width: 128, format: 'png' })
  t.ok(height !== undefined && height < 80, 'the key is twice as long as high')
  t.match(found?.version, /^[0-9a-f]{64}$/)
})

test('what is no picture, shows nothing, or cannot be looked at is refused by name', async (t) => {
  const { desk } = await deskOf(t)
  const white = await sharp({ create: { width: 90, height: 90, channels: 3, background: '#fff' } })
    .png()
    .toBuffer()
  const refused = (fault: string) => ({ name: 'EngravingRefusal', fault })
  await t.rejects(desk.match(Buffer.from('text'), 5), refused('not-an-image'))
  await t.rejects(desk.match((await drawing('key')).subarray(0, 200), 5), refused('damaged'))
  await t.rejects(desk.enrol(enrolment('key', white)), refused('blank'))
  t.match(await desk.match(white, 5), { kind: 'blank', gallery: { symbols: 0 } })
  const busy = () => Promise.reject(new VisionError('busy', 'too many queries'))
  const { desk: waiting } = await deskOf(t, { match: busy, prototypes: busy, setGallery: () => {} })
  await t.rejects(waiting.match(white, 5), refused('unavailable'))
  await t.rejects(waiting.enrol(enrolment('key', white)), EngravingRefusal)
})

test('a network that cannot be used is an answer, also while the gallery is handed over', async (t) => {
  const unfit = () => Promise.reject(new ModelError('hash', 'another sha256'))
  const { desk } = await deskOf(t, { match: unfit, prototypes: unfit, setGallery: unfit })
  await t.rejects(desk.refresh(), { name: 'EngravingRefusal', fault: 'unavailable' })
  await t.rejects(desk.match(await drawing('key'), 5), { name: 'EngravingRefusal', fault: 'unavailable' })
})

/** Says how often it was asked to look, and what it searches. */
function counted() {
  const seen: { looks: number; searched: readonly Prototype[]; head: Head | string | undefined } = {
    ...{ looks: 0, searched: [], head: undefined },
  }
  const reader = {
    match: () => Promise.resolve({ kind: 'unknown', candidates: [] } as const),
    prototypes: (_picture: Uint8Array, symbol: string) => {
      seen.looks += 1
      return Promise.resolve([{ symbol, degrees: 0, vector: Float32Array.of(0.6, 0.8) }])
    },
    setGallery: (searched: readonly Prototype[], head?: Head | string) => {
      Object.assign(seen, { searched, head })
    },
  }
  return { seen, reader }
}

test('after a start no picture is looked at that was looked at before; what is damaged is made again', async (t) => {
  const first = counted()
  const { desk, dir, places } = await deskOf(t, first.reader)
  for (const shape of ['key', 'eye'] as const) await desk.enrol(enrolment(shape, await drawing(shape)))
  t.equal(first.seen.looks, 2)
  const again = async () => {
    const { seen, reader } = counted()
    const { desk: next } = await deskOf(t, reader, dir)
    await next.refresh()
    t.same(
      seen.searched.map(({ symbol, vector }) => [symbol, ...vector]),
      first.seen.searched.map(({ symbol, vector }) => [symbol, ...vector]),
    )
    return seen.looks
  }
  t.equal(await again(), 0)
  const [folder = ''] = await readdir(places.cacheFolder)
  const [file = ''] = await readdir(join(places.cacheFolder, folder))
  await writeFile(join(places.cacheFolder, folder, file), 'no prototypes')
  t.equal(await again(), 1)
  t.equal(await again(), 0)
  await rm(places.cacheFolder, { recursive: true })
  t.equal(await again(), 2)
})

test('a head comes into force while the station runs, and goes; one of another network is said, and not used', async (t) => {
  const { seen, reader } = counted()
  const { desk, places } = await deskOf(t, reader)
  const picture = await drawing('key')
  await desk.enrol(enrolment('key', picture))
  t.equal(seen.head, undefined)
  const nothing = { asked: 0, prototypes: 0, head: 0, gained: 0, lost: 0 }
  const trial = {
    known: nothing,
    unknown: nothing,
    new: nothing,
    chance: 0,
    few: [],
    symbols: 1,
    pictures: 1,
  }
  const rows = new Map([['key', Float32Array.of(0.5, 1)]])
  const sha256 = createHash('sha256').update(picture).digest('hex')
  const wanted = { head: { rows, scale: 1, offset: 0 }, trial: { ...trial, verdict: 'better' as const } }
  const pictures = [{ symbol: 'key', sha256, name: 'key.png', prototypes: [] }]
  const write = (embedder: string) =>
    writeHead(places.headFile, wanted, { embedder, pictures, at: '2026-11-22T07:00:00Z' })
  await write(EMBEDDER)
  await desk.refresh()
  t.same(seen.head, wanted.head)
  await write('cd'.repeat(32))
  await desk.refresh()
  t.match(seen.head, /engraving-head\.json: learnt upon network cdcdcdcdcdcd, this one is abababababab/)
  await rm(places.headFile)
  await desk.refresh()
  t.equal(seen.head, undefined)
})
