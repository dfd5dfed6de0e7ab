import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { z } from 'zod'
import { systemClock } from '../../../drivers/clock.ts'
import { recipeCommand } from '../../../gateway/commands/recipe.ts'
import { silentLog } from '../../../gateway/log.ts'
import { BUILT_IN_RECIPES } from '../../../gateway/recipes/built-in.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { poincon } from '../../fakes/station-process.ts'

const STANDARD = 'foiegras_standard_barquette'
const stored = z.array(z.object({ revision: z.number(), saved_by: z.string() }))

/** The command over a station of its own; answers what it printed. */
async function station(dir: string): Promise<(...args: readonly string[]) => Promise<string>> {
  const config = join(dir, 'poincon.yaml')
  await writeFile(config, `data_dir: ${join(dir, 'data')}\n`)
  return async (...args) => {
    let text = ''
    const code = await recipeCommand([...args, '--config', config], (said) => {
      text += said
    })
    if (code !== 0) throw new Error(`exit ${code}`)
    return text
  }
}

test('the command is there, and says how it is used', async (t) => {
  t.match(await poincon(['recipe', '--help']), { code: 0, stdout: /poincon recipe list/, stderr: '' })
  t.end()
})

test('a recipe of one’s own in three steps: export, edit, import', async (t) => {
  const dir = t.testdir()
  const recipe = await station(dir)
  const file = join(dir, 'mine.yaml')
  await recipe('export', STANDARD, '--out', file)
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('A+: 0.895', 'A+: 0.91'))
  t.match(await recipe('validate', file), /mine.yaml: foiegras.*: valid/)
  t.equal(await recipe('import', file, '--by', 'Anne'), `${STANDARD}@2: saved by Anne\n`)
  t.match(await recipe('compare', `${STANDARD}@1`, STANDARD), /^grading\.thresholds\.A\+ +0\.895 +0\.91$/m)
  t.match(stored.parse(JSON.parse(await recipe('revisions', STANDARD, '--json'))), [
    { revision: 2, saved_by: 'Anne' },
    { revision: 1, saved_by: 'poincon' },
  ])
  t.equal(await recipe('import', file, '--by', 'Bruno'), `${STANDARD}@2: nothing changed\n`)
  t.match(await recipe('show', STANDARD), /^revision: 2$/m)
  t.end()
})

test('what is wrong with a file is said by line, and nothing is saved', async (t) => {
  const dir = t.testdir()
  const recipe = await station(dir)
  const text = await recipe('export', STANDARD)
  const [bad, other] = [join(dir, 'bad.yaml'), join(dir, 'other.yaml')]
  await writeFile(bad, text.replace('stage: raw', 'stage: burnt'))
  await writeFile(other, text.replace('deadline_ms: 500', 'deadline_ms: 700'))
  const line = text.split('\n').indexOf('stage: raw') + 1
  const message = new RegExp(`bad.yaml:${line}: stage: "burnt": `)
  await t.rejects(recipe('validate', bad), { message })
  await t.rejects(recipe('import', bad, '--by', 'Anne'), { message })
  await t.rejects(recipe('import', other, '--by', 'poincon'), { message: /name of a person/ })
  await t.rejects(recipe('import', other, '--by', ' '), { message: /1 to 128 characters/ })
  t.match(await recipe('revisions', STANDARD), /^@1 .*\n$/)
  await t.rejects(recipe('show', 'nothing'), { message: /"nothing": there is none/ })
  await t.rejects(recipe('show', `${STANDARD}@7`), { message: /there is none/ })
  await t.rejects(recipe('export', STANDARD, '--out', other), { message: /EEXIST/ })
  await t.rejects(recipe('compare', STANDARD), { message: 'exit 2' })
  t.end()
})

test('a copy is another recipe, and a station that is started then has all of them', async (t) => {
  const dir = t.testdir()
  const recipe = await station(dir)
  const copied = await recipe('copy', STANDARD, 'oie', '--title', 'Goose', '--by', 'Anne')
  t.equal(copied, `oie@1: begins as ${STANDARD}\n`)
  await t.rejects(recipe('copy', STANDARD, 'oie', '--by', 'Anne'), { message: /already/ })
  t.match(await recipe('list'), /^oie +@1 +Anne +Goose$/m)
  t.same(JSON.parse(await recipe('compare', STANDARD, 'oie', '--json')), [
    { path: 'id', a: STANDARD, b: 'oie' },
    { path: 'title', a: 'Standard liver in its tray', b: 'Goose' },
  ])
  const store = await openStore({
    dir: join(dir, 'data'),
    deviceId: 'test',
    clock: systemClock,
    log: silentLog,
  })
  try {
    t.equal((await store.recipes.newest()).length, BUILT_IN_RECIPES.length + 1)
    t.match(await recipe('list'), /^oie /m, 'reading goes on while it runs')
    await t.rejects(recipe('copy', STANDARD, 'other', '--by', 'Anne'), { message: /stop the station/ })
  } finally {
    await store.close()
  }
  t.end()
})
