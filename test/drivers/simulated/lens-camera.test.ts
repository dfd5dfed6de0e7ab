import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'tap'
import { emptyField, FAULTY, type LensCameraOptions, lensOf } from '../../../drivers/simulated/lens-camera.ts'
import { LensDarkroom, remembering } from '../../../drivers/simulated/lens-camera-darkroom.ts'
import { Departures } from '../../../drivers/simulated/lens-camera-departures.ts'
import { readLying, readTaken, takenLine } from '../../../drivers/simulated/lens-camera-line.ts'
import { LensPlace } from '../../../drivers/simulated/lens-camera-place.ts'
import { readSymbols } from '../../../drivers/simulated/lens-camera-symbols.ts'
import { DEMO_GALLERY } from '../../../drivers/simulated/lens-glyphs.ts'
import type { LensScene } from '../../../drivers/simulated/lens-scene.ts'

const symbolIn = ({ lenses: [lens] }: LensScene) =>
  lens?.engravings.find(({ kind }) => kind === 'symbol')?.label
const textsIn = ({ lenses: [lens] }: LensScene) =>
  lens?.engravings.filter(({ kind }) => kind === 'text').map(({ label }) => label)
const many = (options: LensCameraOptions, count = 150) =>
  Array.from({ length: count }, (_, index) => lensOf(options, index + 1))

test('lens n depends on seed and number alone', (t) => {
  const options = { seed: 5 }
  t.strictSame(lensOf(options, 3), lensOf({ ...options }, 3))
  t.notSame(lensOf(options, 3), lensOf(options, 4))
  t.notSame(lensOf(options, 3), lensOf({ seed: 6 }, 3))
  const labels = new Set(many(options).map(symbolIn))
  t.ok(labels.size > 30, `${labels.size} of the ${DEMO_GALLERY.length} symbols on 150 lenses`)
  t.end()
})

test('so many different lenses, again and again, each drawn once', async (t) => {
  const options = { seed: 5, distinct: 3 }
  t.strictSame(
    [1, 4, 7].map((number) => lensOf(options, number)),
    Array(3).fill(lensOf({ seed: 5 }, 1)),
  )
  t.strictSame(lensOf(options, 6), lensOf({ seed: 5 }, 3))
  t.throws(() => lensOf({ seed: 5, distinct: 0 }, 1), /distinct: 0: expected a whole number from 1/)
  const drawn: (number | undefined)[] = []
  const develop = remembering((number) => {
    drawn.push(number)
    return Promise.resolve(Uint8Array.of(number ?? 0))
  }, 3)
  const pictures = await Promise.all([undefined, 1, 2, 3, 4, 5, 60, 61].map(develop))
  t.strictSame(
    pictures.map(([picture]) => picture),
    [0, 1, 2, 3, 1, 2, 3, 1],
  )
  t.strictSame(drawn, [undefined, 1, 2, 3])
})

test('one station: its lamp, scale and fall of light are the same in every picture, also of the empty field', (t) => {
  const options = { seed: 8, polarity: 'dark' } as const
  const [first, ...others] = [emptyField(options), ...many(options, 20)]
  for (const scene of others) {
    t.strictSame(scene.lamp, first?.lamp)
    t.equal(scene.faults.vignetting, first?.faults.vignetting)
    t.equal(scene.faults.gradient, first?.faults.gradient)
  }
  t.equal(first?.lenses.length, 0)
  t.equal(first?.lamp.polarity, 'dark')
  t.equal(new Set(others.map(({ lenses: [lens] }) => lens?.pose.pxPerMm)).size, 1)
  t.equal(
    new Set(others.map(({ lenses: [lens] }) => lens?.pose.rotationDeg)).size,
    20,
    'they lie as they like',
  )
  t.end()
})

test('the expected symbol, and the share of lenses that carry another', (t) => {
  const expected = DEMO_GALLERY[7]?.label ?? ''
  const right = { seed: 2, expected, addition: '2.25', nasalText: '67' }
  for (const scene of many(right, 30)) {
    t.equal(symbolIn(scene), expected)
    t.strictSame(textsIn(scene), ['67', '2.25'])
  }
  const mixed = many({ ...right, wrongShare: 0.25 })
  const wrong = mixed.filter((scene) => symbolIn(scene) !== expected)
  // 150 draws of 0.25: 37.5 ± 3.5 standard deviations of 5.3.
  t.ok(wrong.length > 18 && wrong.length < 57, `${wrong.length} of 150`)
  t.ok(new Set(wrong.map(symbolIn)).size > 10)
  mixed.slice(0, 20).forEach((scene, index) => {
    if (symbolIn(scene) === expected) t.same(scene, lensOf(right, index + 1), 'a share changes no other lens')
  })
  t.equal(symbolIn(lensOf({ ...right, wrongShare: 1 }, 1)) === expected, false)
  t.end()
})

test('the share of pictures that no lens can be judged on', (t) => {
  const options = { seed: 3, faultShare: 0.3 }
  const scenes = many(options)
  const faulty = scenes.filter(({ subject }) => subject !== 'lens')
  // 45 ± 3.5 standard deviations of 5.6.
  t.ok(faulty.length > 25 && faulty.length < 65, `${faulty.length} of 150`)
  t.strictSame(new Set(faulty.map(({ subject }) => subject)), new Set(FAULTY))
  t.ok(faulty.every(({ truth, subject }) => truth.subject === subject))
  scenes.slice(0, 20).forEach((scene, index) => {
    if (scene.subject === 'lens') t.same(scene.truth, lensOf({ seed: 3 }, index + 1).truth)
  })
  t.end()
})

test('what cannot be is named', (t) => {
  t.throws(() => lensOf({ seed: 1 }, 1.5), /lens 1\.5: expected a whole number from 0/)
  t.throws(() => lensOf({ seed: 1, wrongShare: 2 }, 1), /wrongShare: 2: expected 0…1/)
  t.throws(() => lensOf({ seed: 1, faultShare: Number.NaN }, 1), /faultShare: NaN: expected 0…1/)
  t.throws(() => lensOf({ seed: 1, expected: 'hart' }, 1), /expected: "hart": expected one of .*heart/)
  const [only] = DEMO_GALLERY
  if (only === undefined) throw new Error('an empty gallery')
  const options = { seed: 1, symbols: [only], expected: only.label, wrongShare: 1 }
  t.throws(() => lensOf(options, 1), /symbols: 1: expected more of them/)
  t.throws(() => lensOf({ seed: 1, addition: '2,25' }, 1), /text "2,25": ","/)
  t.end()
})

test('pictures of a folder as symbols', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-symbols-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await t.rejects(readSymbols(folder), /symbols: .*: expected pictures, \.png or \.jpg/)
  const ink = (svg: string) =>
    sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">${svg}</svg>`))
  await writeFile(
    join(folder, 'bar.png'),
    await ink('<rect x="10" y="15" width="40" height="6"/>').png().toBuffer(),
  )
  const ring = ink('<circle cx="30" cy="20" r="12" fill="none" stroke="blue" stroke-width="3"/>').flatten({
    background: '#fff',
  })
  await writeFile(join(folder, 'ring.jpg'), await ring.jpeg().toBuffer())
  await writeFile(join(folder, 'notes.txt'), 'no picture')
  const symbols = await readSymbols(folder)
  t.strictSame(
    symbols.map(({ label }) => label),
    ['bar', 'ring'],
  )
  t.match(symbols[0], { mask: { width: 40, height: 6 } }, 'transparent is paper')
  t.equal(symbolIn(lensOf({ seed: 1, symbols, expected: 'ring' }, 1)), 'ring')
  await writeFile(join(folder, 'white.png'), await ink('').flatten({ background: '#fff' }).png().toBuffer())
  await t.rejects(readSymbols(folder), /symbols: white\.png: picture of white: nothing darker/)
})

test('a place tells what lies there, and what comes', (t) => {
  const place = new LensPlace()
  const seen: (number | undefined)[] = []
  place.lay(4)
  const leave = place.watch((number) => seen.push(number))
  place.lay(5)
  place.clear()
  leave()
  place.lay(6)
  t.strictSame(seen, [4, 5, undefined])
  t.equal(place.number, 6)
  t.throws(() => place.lay(-1), /lens -1: expected a whole number from 0/)
  t.end()
})

test('a picture of a lens that has gone was taken before it went', (t) => {
  let now = 100
  const departures = new Departures({ now: () => now })
  departures.lies(undefined)
  now = 200
  departures.lies(1)
  t.equal(departures.at(undefined), 200)
  t.equal(departures.at(1), Number.POSITIVE_INFINITY)
  now = 300
  departures.lies(2)
  t.equal(departures.at(1), 300)
  departures.lies(1)
  t.equal(departures.at(1), Number.POSITIVE_INFINITY, 'it lies there again')
  t.end()
})

test('what camera and child say to each other', (t) => {
  t.strictSame(readLying('lens 17'), { number: 17 })
  t.strictSame(readLying('lens -'), { number: undefined })
  for (const line of ['lens', 'lens -1', 'lens 1.5', 'Lens 1', '']) t.equal(readLying(line), undefined)
  const preamble = (text: string) => readTaken(Buffer.from(text))
  t.strictSame(preamble(takenLine(17, 1234.5678)), { number: 17, atMs: 1234.568 })
  t.strictSame(preamble(`noise${takenLine(undefined, 0)}`), { number: undefined, atMs: 0 })
  t.equal(preamble('lens 17 at 12.3'), undefined, 'cut off')
  t.equal(preamble(''), undefined)
  t.end()
})

/** Pictures are developed when the test says so. */
function darkroom() {
  const asked: { readonly number: number | undefined; readonly done: (picture: Uint8Array) => void }[] = []
  const numbers: (number | undefined)[] = []
  return {
    /** All that were begun, in order. */
    numbers,
    develop: (number: number | undefined): Promise<Uint8Array> => {
      numbers.push(number)
      return new Promise((done) => asked.push({ number, done }))
    },
    /** The oldest is made: its picture is its number, 0 for the empty field. */
    async finish() {
      const one = asked.shift()
      one?.done(Uint8Array.of(one.number ?? 0))
      await new Promise(setImmediate)
    },
  }
}

test('the next two lenses are drawn while one lies there, one at a time', async (t) => {
  const room = darkroom()
  const desk = new LensDarkroom(room.develop)
  const first = desk.lay(undefined)
  t.equal(desk.shown, undefined)
  await room.finish()
  t.equal(desk.shown, undefined, 'a camera begins when its first lens is drawn')
  for (let made = 0; made < 2; made += 1) await room.finish()
  await first
  t.strictSame(room.numbers, [undefined, 1, 2])
  t.strictSame(desk.shown, { number: undefined, picture: Uint8Array.of(0) })
  for (let number = 1; number <= 5; number += 1) {
    const done = desk.lay(number)
    t.strictSame(desk.shown, { number, picture: Uint8Array.of(number) }, 'at once')
    await room.finish()
    await done
  }
  t.strictSame(room.numbers, [undefined, 1, 2, 3, 4, 5, 6, 7], 'each once')
})

test('a lens that is not drawn yet: the empty field, never another lens; it is drawn next', async (t) => {
  const room = darkroom()
  const desk = new LensDarkroom(room.develop)
  void desk.lay(1)
  await room.finish()
  await room.finish()
  t.strictSame(desk.shown, { number: 1, picture: Uint8Array.of(1) })
  // Lens 2 is being drawn.
  const all = desk.lay(9)
  t.strictSame(desk.shown, { number: 9, picture: Uint8Array.of(0) })
  await room.finish()
  t.strictSame(desk.shown, { number: 9, picture: Uint8Array.of(0) })
  await room.finish()
  t.strictSame(desk.shown, { number: 9, picture: Uint8Array.of(9) })
  void desk.lay(undefined)
  t.strictSame(desk.shown, { number: undefined, picture: Uint8Array.of(0) })
  await room.finish()
  await room.finish()
  await all
  t.strictSame(room.numbers, [undefined, 1, 2, 9, 10, 11])
})

test('lenses that come faster than they are drawn: some are passed over, so that others are seen', async (t) => {
  const room = darkroom()
  const desk = new LensDarkroom(room.develop)
  void desk.lay(1)
  await room.finish()
  // Lens 1 is being drawn when lens 2 comes, so lens 2 would be late as well.
  void desk.lay(2)
  await room.finish()
  t.strictSame(room.numbers, [undefined, 1, 3])
  t.strictSame(desk.shown, { number: 2, picture: Uint8Array.of(0) })
  void desk.lay(3)
  await room.finish()
  t.strictSame(desk.shown, { number: 3, picture: Uint8Array.of(3) })
  t.strictSame(room.numbers, [undefined, 1, 3, 4])
  // Lens 4 takes until lens 5 has come: two are passed over.
  void desk.lay(4)
  const all = desk.lay(5)
  await room.finish()
  t.strictSame(room.numbers, [undefined, 1, 3, 4, 7])
  // The line stands still: there is time for everything.
  for (let made = 0; made < 5; made += 1) await room.finish()
  await all
  t.strictSame(room.numbers, [undefined, 1, 3, 4, 7, 8, 9, 5, 6])
  t.strictSame(desk.shown, { number: 5, picture: Uint8Array.of(5) })
})

test('what cannot be drawn is told to whoever laid it there', async (t) => {
  const desk = new LensDarkroom(() => Promise.reject(new RangeError('no ink')))
  await t.rejects(desk.lay(1), /no ink/)
})
