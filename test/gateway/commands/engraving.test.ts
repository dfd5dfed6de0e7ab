import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { type Test, test } from 'tap'
import { engravingCommand } from '../../../gateway/commands/engraving.ts'
import { commandPlace } from '../../fakes/said.ts'

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

test('what is asked wrongly is said', async (t) => {
  const { run } = await place(t)
  for (const args of [
    [],
    ['match'],
    ['enrol', 'key'],
    ['evaluate', '--gallery', 'x'],
    ['match', 'x', '--top', '0'],
  ]) {
    t.match(await run(...args), { code: 2, stderr: /poincon engraving match FILE/ })
  }
  await t.rejects(run('match', 'x.png', '--model', '/nowhere'), { message: /nowhere/ })
})
