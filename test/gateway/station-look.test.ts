import { join } from 'node:path'
import { test } from 'tap'
import { parseConfig } from '../../gateway/config.ts'
import { readRecipes } from '../../gateway/recipe-shelf.ts'
import { lookAtStation } from '../../gateway/station-look.ts'
import { openWriter } from '../../gateway/store/connections.ts'
import { MIGRATIONS, migrate } from '../../gateway/store/migrations/migrate.ts'
import { reopen, storeDir } from './store/opening.ts'

function look(dir: string) {
  const parsed = parseConfig({ data_dir: dir })
  if (!('config' in parsed)) throw new Error(JSON.stringify(parsed))
  return lookAtStation(parsed.config, { atMs: Date.UTC(2026, 10, 21) })
}

test('a store of an earlier release says what is to be done, and one of a later release what it is', async (t) => {
  const dir = await storeDir(t)
  const file = join(dir, 'poincon.db')
  const database = await openWriter(file)
  await migrate(database, { target: 5 })
  await database.close()
  await t.rejects(look(dir), {
    ...{ name: 'StoreError', fault: 'failed' },
    message: `${file} has schema 5, this release has ${MIGRATIONS.length}: start the station once`,
  })
  await readRecipes(dir, async (recipes) => t.same(await recipes.newest(), [], 'recipes can be read'))
  await (await reopen(dir)).close()
  t.equal(await look(dir), undefined, 'after the start it is read')

  const later = await openWriter(file)
  await later.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`)
  await later.close()
  await t.rejects(look(dir), { fault: 'newer', message: /this release has \d+$/ })
})
