import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { type Test, test } from 'tap'
import { engravingCommand } from '../../../gateway/commands/engraving.ts'
import { commandPlace } from '../../fakes/said.ts'

const MODEL = fileURLToPath(new URL('../../../../models/engraving-embedder/', import.meta.url))
const SHAPES = {
  triangle: '<path d="M20 80 L50 20 L80 80 Z"/>',
  cross: '<path d="M50 15 V85 M15 50 H85"/>',
  eye: '<path d="M10 50 Q50 5 90 50 Q50 95 10 50 Z"/><circle cx="50" cy="50" r="12"/>',
  key: '<circle cx="28" cy="50" r="18"/><path d="M46 50 H92 M76 50 V70 M92 50 V66"/>',
} as const
type Shape = keyof typeof SHAPES

/** A symbol as somebody draws it: its own size, stroke and slant. */
function drawing(shape: Shape, { side = 120, stroke = 3, degrees = 0, ink = '#000', paper = '#fff' } = {}) {
  const turned = `<g transform="rotate(${degrees} 50 50)" fill="none" stroke="${ink}" stroke-width="${stroke}">${SHAPES[shape]}</g>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 120 120" width="${side}" height="${side}"><rect x="-10" y="-10" width="120" height="120" fill="${paper}"/>${turned}</svg>`
  return sharp(Buffer.from(svg)).png().toBuffer()
}

async function place(t: Test) {
  const { dir, run } = await commandPlace(t, engravingCommand)
  const put = async (name: string, picture: Uint8Array) => {
    const file = join(dir, name)
    await writeFile(file, picture)
    return file
  }
  return { dir, run, put }
}

test('a symbol is known after one picture of it, drawn otherwise, and forgotten again', async (t) => {
  const { run, put } = await place(t)
  const drawn = await put('a.png', await drawing('key', { side: 300, stroke: 5, degrees: 12 }))
  t.match(await run('match', drawn), {
    code: 1,
    stderr: /the gallery is empty: poincon engraving enrol SYMBOL FILE/,
  })
  for (const shape of Object.keys(SHAPES) as Shape[]) {
    const file = await put(`${shape}.png`, await drawing(shape))
    t.match(await run('enrol', shape, file), { code: 0, stdout: `${shape}: 1 enrolled, 0 were there\n` })
    t.match(await run('enrol', shape, file), { code: 0, stdout: `${shape}: 0 enrolled, 1 were there\n` })
  }
  t.match(await run('match', drawn), { code: 0, stdout: /a\.png: key, \d+\.\d % \(key 0\.\d+, / })
  const bright = await put('b.png', await drawing('eye', { ink: '#e8e8e8', paper: '#606060', side: 64 }))
  t.match(JSON.parse((await run('match', bright, '--json', '--top', '1')).stdout), {
    kind: 'known',
    symbol: 'eye',
    candidates: [{ symbol: 'eye' }],
  })
  t.match(await run('forget', 'key'), { code: 0 })
  t.match(await run('forget', 'key'), { code: 1, stderr: 'symbol key: there is none\n' })
  t.notMatch((await run('match', drawn)).stdout, /key/)
})

test('what is not enrolled is unknown, and an empty picture is blank', async (t) => {
  const { run, put } = await place(t)
  await run('enrol', 'cross', await put('cross.png', await drawing('cross')))
  await run('enrol', 'triangle', await put('triangle.png', await drawing('triangle')))
  t.match(await run('match', await put('key.png', await drawing('key'))), {
    code: 0,
    stdout: /key\.png: unknown \(/,
  })
  const paper = await put(
    'paper.png',
    await sharp({ create: { width: 64, height: 64, channels: 3, background: '#ccc' } })
      .png()
      .toBuffer(),
  )
  t.match(await run('match', paper), { code: 0, stdout: /paper\.png: blank: nothing stands out\n/ })
  t.match(await run('enrol', 'paper', paper), {
    code: 1,
    stderr: /paper\.png: nothing stands out, expected one symbol/,
  })
})

test('folders of drawings are judged against folders of references', async (t) => {
  const { dir, run, put } = await place(t)
  for (const folder of ['gallery', 'queries/triangle', 'queries/cross', 'queries/eye', 'unknown/key']) {
    await mkdir(join(dir, folder), { recursive: true })
  }
  for (const shape of ['triangle', 'cross', 'eye'] as const) {
    await put(`gallery/${shape}.png`, await drawing(shape, { stroke: 6 }))
    await put(`queries/${shape}/1.png`, await drawing(shape, { side: 64 }))
    await put(`queries/${shape}/2.png`, await drawing(shape, { stroke: 1.5, degrees: -8 }))
  }
  await put('unknown/key/1.png', await drawing('key'))
  await put('queries/eye/3.png', Buffer.from('no picture'))
  const folders = ['--gallery', join(dir, 'gallery'), '--queries', join(dir, 'queries')]
  const { code, stdout, stderr } = await run(
    'evaluate',
    ...folders,
    '--unknown',
    join(dir, 'unknown'),
    '--json',
  )
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    gallery: { symbols: 3, prototypes: 28 },
    queries: 6,
    top1: 1,
    top3: 1,
    confusions: [],
    unknown: { queries: 1, auroc: 1 },
  })
  t.match(stderr, /3\.png: it begins with 6e6f2070, expected a JPEG or PNG; left out/)
  t.match(await run('evaluate', ...folders), { stdout: '6 queries: top-1 100.00 %, top-3 100.00 %\n' })
})

test('a head is tried before it is used, and where prototypes serve it is not', async (t) => {
  const { dir, run, put } = await place(t)
  await t.rejects(run('train', '--from-gallery'), { name: 'TrainingError', message: /found none/ })
  const hands = [
    { degrees: -6, stroke: 2 },
    { degrees: 0, stroke: 4, side: 90 },
    { degrees: 5, stroke: 3, side: 200 },
    { degrees: 9, stroke: 5 },
  ]
  for (const shape of Object.keys(SHAPES) as Shape[]) {
    await mkdir(join(dir, 'labelled', shape), { recursive: true })
    const files: string[] = []
    for (const [number, hand] of hands.entries()) {
      files.push(await put(`labelled/${shape}/${number}.png`, await drawing(shape, hand)))
    }
    await run('enrol', shape, ...files)
  }
  await put('labelled/star.png', await drawing('eye', { stroke: 8 }))
  const { code, stdout } = await run('train', join(dir, 'labelled'), '--json')
  t.equal(code, 1, 'nothing came of it')
  t.match(JSON.parse(stdout), {
    ...{ symbols: 4, pictures: 16, few: ['star'], verdict: 'not-better' },
    ...{ known: { asked: 12 }, unknown: { asked: 16 }, new: { asked: 12 } },
  })
  t.match(
    (await run('train', '--from-gallery')).stdout,
    /^4 symbols, 16 pictures.*not used: it names no more/s,
  )
  t.match(await run('match', join(dir, 'labelled/key/0.png')), { stdout: /^(?!.*learnt of)/s })
  const missing = ['--head', join(dir, 'none.json')]
  const folders = ['--gallery', join(dir, 'labelled'), '--queries', join(dir, 'labelled')]
  await t.rejects(run('evaluate', ...folders, ...missing), { message: /none\.json: there is none/ })

  await put('labelled/key/copy.png', await drawing('eye', hands[0]))
  await t.rejects(run('train', join(dir, 'labelled')), {
    ...{ name: 'TrainingError', fault: 'labelled-twice' },
    message: /key\/copy\.png: the same picture as .*eye\/0\.png/,
  })
  await put('labelled/key/copy.png', Buffer.from('no picture'))
  await t.rejects(run('train', join(dir, 'labelled')), {
    name: 'PictureError',
    message: /copy\.png: it begins/,
  })
})

/** The release's network as an update of this station, which makes the same of a picture by another file. */
async function delivered(dir: string): Promise<string> {
  const place = join(dir, 'update/content/model/engraving-embedder')
  const folder = join(place, '2.0.0')
  await cp(MODEL, folder, { recursive: true })
  await writeFile(join(folder, 'content.json'), '{}')
  await symlink('2.0.0', join(place, 'current'))
  await writeFile(join(dir, 'poincon.yaml'), `data_dir: ${dir}\nupdate: { dir: ${join(dir, 'update')} }\n`)
  return folder
}

test('pictures are looked at with the network that came as an update', async (t) => {
  const { dir, run, put } = await place(t)
  const folder = await delivered(dir)
  const key = await put('key.png', await drawing('key'))
  t.match(await run('enrol', 'key', key), { code: 0 })
  t.match(await run('match', key), { code: 0, stdout: /key\.png: key,/ })
  await rm(join(folder, 'manifest.json'))
  for (const args of [
    ['match', key],
    ['train', '--from-gallery'],
  ]) {
    await t.rejects(run(...args), {
      name: 'ModelError',
      message: /content\/model\/engraving-embedder\/2\.0\.0/,
    })
  }
})

test('a command clears nothing away that the station made with its network', async (t) => {
  const { dir, run, put } = await place(t)
  const key = await put('key.png', await drawing('key'))
  await run('enrol', 'key', key)
  const others = join(dir, 'embeddings/0123456789abcdef-1')
  await mkdir(others, { recursive: true })
  await writeFile(join(others, 'kept'), '')
  t.match(await run('match', key), { code: 0 })
  t.same(await readdir(others), ['kept'])
})

test('what is learnt upon another network is not put where the station looks', async (t) => {
  const { dir, run } = await place(t)
  const head = join(dir, 'engraving-head.json')
  await writeFile(head, 'learnt upon the network in force')
  t.match(await run('train', '--from-gallery', '--model', MODEL), {
    ...{ code: 2, stderr: /--model: expected --out FILE/ },
  })
  t.equal(await readFile(head, 'utf8'), 'learnt upon the network in force')
  const out = ['--out', join(dir, 'other.json')]
  await t.rejects(run('train', '--from-gallery', '--model', MODEL, ...out), { name: 'TrainingError' })
})

test('what is asked wrongly is said', async (t) => {
  const { run } = await place(t)
  for (const args of [
    [],
    ['match'],
    ['enrol', 'key'],
    ['evaluate', '--gallery', 'x'],
    ['match', 'x', '--top', '0'],
    ['train'],
    ['train', 'x', '--from-gallery'],
  ]) {
    t.match(await run(...args), { code: 2, stderr: /poincon engraving match FILE/ })
  }
  await t.rejects(run('match', 'x.png', '--model', '/nowhere'), { message: /nowhere/ })
})
