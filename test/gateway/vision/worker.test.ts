import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { test } from 'tap'
import { DEMO_GALLERY, type Engravable, extentOf } from '../../../drivers/simulated/lens-glyphs.ts'
import { renderLens } from '../../../drivers/simulated/lens-render.ts'
import { lensScene } from '../../../drivers/simulated/lens-scene.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { modelsIn } from '../../../gateway/vision/model.ts'
import { visionStand, warmStand } from './vision-stand.ts'

const ever = (): AbortSignal => new AbortController().signal
const OURS = {
  entry: new URL('../../../gateway/vision/worker.js', import.meta.url),
  models: modelsIn(fileURLToPath(new URL('../../../../models/', import.meta.url))),
}
const QUERIES_ONLY = { ...OURS, models: { embedder: OURS.models.embedder } }

/** As an operator would draw it: dark lines on white. */
async function drawing(symbol: Engravable | undefined): Promise<Buffer> {
  if (symbol === undefined || !('strokes' in symbol)) throw new Error('not a drawn symbol')
  const [left, top, right, bottom] = extentOf(symbol)
  const side = Math.max(right - left, bottom - top)
  const lines = symbol.strokes.map(
    (stroke) => `<polyline points="${stroke.map((point) => point.join()).join(' ')}"/>`,
  )
  const style = `fill="none" stroke="black" stroke-width="${side / 25}"`
  const box = `${left - side / 2} ${top - side / 2} ${2 * side} ${2 * side}`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="200" height="200"><g ${style}>${lines.join('')}</g></svg>`
  return await sharp(Buffer.from(svg)).flatten({ background: '#fff' }).png().toBuffer()
}

const symbolOf = (label: string) => DEMO_GALLERY.find((symbol) => symbol.label === label)
const LABELS = DEMO_GALLERY.slice(0, 8).map(({ label }) => label)

test('from the JPEG of a lens to its engravings', async (t) => {
  const { vision } = await warmStand(t, OURS)
  const prototypes = []
  for (const label of LABELS)
    prototypes.push(...(await vision.prototypes(await drawing(symbolOf(label)), label)))
  vision.setGallery(prototypes)
  const symbol = symbolOf(LABELS[0] ?? '') ?? 'none'
  const scene = lensScene({ level: 'clean', symbol, addition: '2.25' }, new Random(5))
  const { pixels, width, height } = renderLens(scene)
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 1 } })
    .jpeg({ quality: 90 })
    .toBuffer()
  const { view, engravings } = await vision.read(jpeg, ever())
  t.equal(view.kind, 'lens')
  const symbols = engravings.flatMap((one) => (one.kind === 'symbol' ? [one.recognition] : []))
  t.match(symbols, [{ candidates: [{ symbol: LABELS[0] }] }])
  const texts = engravings.flatMap((one) => (one.kind === 'text' ? [one.reading.text] : []))
  t.ok(texts.includes('2.25'), texts.join())
  t.match(vision.status(), {
    state: 'ok',
    facts: {
      ...{ 'engraving-embedder_on': 'cpu', 'lens-locator_on': 'cpu', 'engraving-text_on': 'cpu' },
      gallery_symbols: LABELS.length,
    },
  })
})

test('a query is the same whatever kind of picture it comes as; what is no picture is named', async (t) => {
  const { vision } = await warmStand(t, QUERIES_ONLY)
  const label = LABELS[1] ?? ''
  const drawn = await drawing(symbolOf(label))
  vision.setGallery(await vision.prototypes(drawn, label))
  const plain = () => sharp(drawn)
  for (const [name, picture] of Object.entries({
    CMYK: plain().toColourspace('cmyk').jpeg().toBuffer(),
    alpha: plain().ensureAlpha(1).png().toBuffer(),
    'EXIF-rotated': plain().rotate(-90).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'larger than it is looked at': plain().resize(1500, 1500).png().toBuffer(),
  })) {
    t.match(await vision.match(await picture, 1), { kind: 'known', symbol: label }, name)
  }
  const dot = await plain().resize(1, 1).png().toBuffer()
  for (const [fault, picture] of [
    ['damaged', drawn.subarray(0, drawn.length >> 1)],
    ['too-large', new Uint8Array(6_000_000)],
    ['too-small', dot],
    ['not-an-image', new Uint8Array()],
  ] as const) {
    await t.rejects(vision.match(picture, 1), { name: 'PictureError', fault })
  }
  t.match(vision.status(), { state: 'ok', facts: { restarts: 0 } })
})

test('a thread that is ended at any moment of its work does not take the station along', async (t) => {
  const { vision, clock, heard } = await warmStand(t, QUERIES_ONLY)
  const drawn = await drawing(symbolOf(LABELS[0] ?? ''))
  for (const turns of [1, 30, 300]) {
    const asked = vision.prototypes(drawn, 'x').then(
      () => 'answered',
      (error: unknown) => error,
    )
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    clock.spend(15_000)
    const outcome = await asked
    if (outcome === 'answered') continue
    t.match(outcome, { name: 'VisionError', fault: 'died' })
    await heard('vision thread ended')
    clock.spend(1000)
    await heard('vision ready')
  }
  t.equal((await vision.prototypes(drawn, 'x')).length, 7)
})

test('a model of which a byte was changed ends the start', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-model-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await cp(OURS.models.embedder, folder, { recursive: true })
  await writeFile(join(folder, 'engraving-embedder.onnx'), 'x', { flag: 'a' })
  const { vision } = await visionStand(t, { ...OURS, models: { embedder: folder } })
  await t.rejects(vision.start(ever()), { name: 'ModelError', fault: 'hash' })
})

test('a machine without a GPU says so once, and works', async (t) => {
  const { vision, heard } = await visionStand(t, { ...QUERIES_ONLY, providers: ['cuda', 'cpu'] })
  await vision.start(ever())
  t.match(await heard('provider not used'), { network: 'engraving-embedder', provider: 'cuda' })
  t.match(vision.status(), {
    state: 'ok',
    facts: { 'engraving-embedder_on': 'cpu', 'engraving-embedder_not_on_cuda': /./ },
  })
})

test('a query whose picture is still being decoded when the station stops is answered, or told so', async (t) => {
  const { vision } = await warmStand(t, QUERIES_ONLY)
  const create = { width: 3000, height: 3000, channels: 3, background: '#fff' } as const
  const large = await sharp({ create }).png().toBuffer()
  const answers = Array.from({ length: 3 }, () =>
    vision.match(large, 1).then(
      ({ kind }) => kind,
      (error: { fault?: string }) => error.fault,
    ),
  )
  // The first has gone to the thread, which takes longer to decode it than this.
  await new Promise((resolve) => setImmediate(resolve))
  await vision.stop()
  const [first, ...others] = await Promise.all(answers)
  t.equal(first, 'blank', 'what was being decoded is answered before the session closes')
  t.same(others, ['stopped', 'stopped'])
  await t.rejects(vision.match(large, 1), { name: 'VisionError', fault: 'stopped' })
})
