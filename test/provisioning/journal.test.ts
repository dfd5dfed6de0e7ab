import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { Journal } from '../../provisioning/journal.ts'
import { plainStep, type Step } from '../../provisioning/update-steps.ts'

const schema = z.object({ phase: z.string(), n: z.int() })

async function fileOf(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-journal-'))
  t.teardown(() => rm(dir, { recursive: true }))
  return join(dir, 'updater', 'journal')
}

function open(file: string, step: Step = plainStep): Promise<Journal<z.infer<typeof schema>>> {
  return Journal.open({ file, schema, step })
}

test('the last state is there for whoever comes next', async (t) => {
  const file = await fileOf(t)
  const journal = await open(file)
  t.equal(journal.last, undefined)
  await journal.write('one', { phase: 'fetching', n: 1 })
  await journal.write('two', { phase: 'testing', n: 2 })
  t.same((await open(file)).last, { phase: 'testing', n: 2 })
  await journal.compact({ phase: 'committed', n: 3 })
  await journal.write('next', { phase: 'fetching', n: 4 })
  t.same((await open(file)).last, { phase: 'fetching', n: 4 })
  t.equal((await readFile(file, 'utf8')).split('\n').length, 3, 'the finished ones went')
})

test('torn anywhere, the state before it counts', async (t) => {
  const file = await fileOf(t)
  const journal = await open(file)
  await journal.write('one', { phase: 'waiting', n: 1 })
  const { size } = await stat(file)
  await journal.write('two', { phase: 'switching', n: 2 })
  const whole = await readFile(file)
  for (let length = size; length < whole.length; length += 1) {
    await writeFile(file, whole.subarray(0, length))
    const torn = await open(file)
    if (torn.last?.n !== 1 || torn.tornBytes !== length - size) t.fail(`cut at ${length}: ${torn.last?.n}`)
  }
  const torn = await open(file)
  await torn.write('again', { phase: 'undoing', n: 3 })
  t.same((await open(file)).last, { phase: 'undoing', n: 3 }, 'what was torn is cut off before the next')
})

test('what was altered does not count', async (t) => {
  const file = await fileOf(t)
  const journal = await open(file)
  await journal.write('one', { phase: 'waiting', n: 1 })
  await journal.write('two', { phase: 'held', n: 2 })
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('"n":2', '"n":9'))
  t.same((await open(file)).last, { phase: 'waiting', n: 1 })
  await writeFile(file, text)
  await appendFile(file, '\0'.repeat(4096))
  const zeros = await open(file)
  t.same(zeros.last, { phase: 'held', n: 2 }, 'a file system that lost the end leaves zeros')
  t.equal(zeros.tornBytes, 4096)
  await truncate(file, 0)
  t.equal((await open(file)).last, undefined)
})

test('a write that failed is not taken for done', async (t) => {
  const file = await fileOf(t)
  let full = false
  const step: Step = (name, effect) => (full ? Promise.reject(new Error(`ENOSPC: ${name}`)) : effect())
  const journal = await open(file, step)
  await journal.write('one', { phase: 'waiting', n: 1 })
  full = true
  await t.rejects(journal.write('two', { phase: 'held', n: 2 }), /ENOSPC: journal two/)
  t.same(journal.last, { phase: 'waiting', n: 1 })
})
