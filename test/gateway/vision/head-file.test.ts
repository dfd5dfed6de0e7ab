import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { holding, readHead, writeHead } from '../../../gateway/vision/head-file.ts'
import type { Trained } from '../../../gateway/vision/head-trial.ts'
import { crowd } from './labelled.ts'

const EMBEDDER = 'ab'.repeat(32)
const PICTURES = crowd(1, { symbols: 2, each: 2 })
const nothing = { asked: 0, prototypes: 0, head: 0, gained: 0, lost: 0 }
const TRAINED: Trained = {
  head: {
    rows: new Map([
      ['s00', Float32Array.of(1, -0.1, 3e-9)],
      ['s01', Float32Array.of(0, 1, 2)],
    ]),
    ...{ scale: 0.8, offset: 0.1 },
  },
  trial: {
    ...{ symbols: 2, pictures: 4, few: [], chance: 0.01, verdict: 'better' },
    ...{ known: { ...nothing, asked: 4 }, unknown: nothing, new: nothing },
  },
}

async function written(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-head-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const path = join(dir, 'engraving-head.json')
  await writeHead(path, TRAINED, { embedder: EMBEDDER, pictures: PICTURES, at: '2026-11-22T07:00:00Z' })
  return path
}

test('a head is read as it was written, bit for bit', async (t) => {
  const path = await written(t)
  const stored = await readHead(path, EMBEDDER)
  t.same(stored?.head, TRAINED.head)
  t.equal(await readHead(`${path}.not`, EMBEDDER), undefined, 'there need be none')
})

test('a row holds while one of its pictures is enrolled under its symbol', async (t) => {
  const stored = await readHead(await written(t), EMBEDDER)
  if (stored === undefined) throw new Error('it was written')
  const [first] = PICTURES
  const enrolled = [{ symbol: 's00', sha256: first?.sha256 ?? '' }]
  t.same([...holding(stored, enrolled).rows.keys()], ['s00'])
  t.equal(holding(stored, [{ symbol: 's01', sha256: first?.sha256 ?? '' }]).rows.size, 0)
  t.equal(
    holding(stored, []).rows.size,
    0,
    'forgotten, and enrolled anew from another picture: another symbol',
  )
})

test('what was changed, cut off, or learnt upon something else is refused by name', async (t) => {
  const path = await written(t)
  const text = await readFile(path, 'utf8')
  const refused = async (content: string, fault: string, message: RegExp) => {
    await writeFile(path, content)
    await t.rejects(readHead(path, EMBEDDER), { name: 'HeadError', fault, message })
  }
  await t.rejects(readHead(path, 'cd'.repeat(32)), {
    ...{ name: 'HeadError', fault: 'embedder' },
    message: /learnt upon network abababababab, this one is cdcdcdcdcdcd: train it again/,
  })
  await refused(text.replace('"scale":0.8', '"scale":0.9'), 'hash', /sha256 [0-9a-f]{64}, expected/)
  await refused(text.slice(0, 300), 'unreadable', /expected JSON/)
  await refused(text.replace('/1"', '/2"'), 'unreadable', /schema/)
  await refused(text.replace('"offset":0.1', '"offset":"0.1"'), 'unreadable', /offset/)
})
