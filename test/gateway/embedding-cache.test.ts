import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { EmbeddingCache } from '../../gateway/embedding-cache.ts'

const EMBEDDER = 'ab'.repeat(32)
const PICTURE = '1'.repeat(64)
const MADE = [
  { symbol: '', degrees: 0, vector: Float32Array.of(0.6, -0.8) },
  { symbol: '', degrees: -45, vector: Float32Array.of(1e-7, 0.9) },
]

async function place(t: Test) {
  const root = await mkdtemp(join(tmpdir(), 'poincon-embeddings-'))
  t.teardown(() => rm(root, { recursive: true }))
  return { root, cache: new EmbeddingCache(root, EMBEDDER) }
}

test('what was made of a picture is found again, bit for bit, by this network alone', async (t) => {
  const { root, cache } = await place(t)
  t.equal(await cache.find(PICTURE), undefined)
  await cache.keep(PICTURE, MADE)
  t.same(await new EmbeddingCache(root, EMBEDDER).find(PICTURE), MADE)
  t.equal(await new EmbeddingCache(root, 'cd'.repeat(32)).find(PICTURE), undefined)
})

test('a file that was cut off, emptied, or in which one bit is another is not there', async (t) => {
  const { root, cache } = await place(t)
  await cache.keep(PICTURE, MADE)
  const [folder = ''] = await readdir(root)
  const file = join(root, folder, PICTURE)
  const whole = await readFile(file)
  const flipped = Buffer.from(whole)
  flipped.writeUInt8(flipped.readUInt8(9) ^ 1, 9)
  for (const bytes of [flipped, whole.subarray(0, -1), whole.subarray(0, 20), Buffer.alloc(0)]) {
    await writeFile(file, bytes)
    t.equal(await cache.find(PICTURE), undefined, `${bytes.length} bytes`)
  }
  await cache.keep(PICTURE, MADE)
  t.same(await cache.find(PICTURE), MADE, 'made again')
})

test('what nobody asks for any more goes: other networks’, forgotten pictures’, halves of files', async (t) => {
  const { root, cache } = await place(t)
  await cache.sweep(new Set())
  await cache.keep(PICTURE, MADE)
  await cache.keep('2'.repeat(64), MADE)
  await mkdir(join(root, 'cdcdcdcdcdcdcdcd-1'))
  const [folder = ''] = await readdir(root)
  await writeFile(join(root, folder, `${PICTURE}.4711`), 'half')
  await cache.sweep(new Set([PICTURE]))
  t.same(await readdir(root), [folder])
  t.same(await readdir(join(root, folder)), [PICTURE])
})
