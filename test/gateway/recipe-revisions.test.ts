import { test } from 'tap'
import { type RecipeJson, recipeJson } from '../../gateway/recipe.ts'
import {
  BUILT_IN_BY,
  installBuiltIns,
  RevisionError,
  revise,
  type StoredRevision,
  storedRecipe,
} from '../../gateway/recipe-revisions.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { recipeNamed } from './analysis/station.ts'

const STANDARD = recipeNamed('foiegras_standard_barquette')

/** Revisions as the store keeps them: added, never changed. */
class Shelf {
  readonly rows: StoredRevision[] = []

  get(id: string, revision?: number): Promise<StoredRevision | undefined> {
    const own = this.rows.filter((row) => row.id === id)
    return Promise.resolve(revision === undefined ? own.at(-1) : own.find((row) => row.revision === revision))
  }

  async save(id: string, recipe: RecipeJson, by: string): Promise<StoredRevision> {
    const revision = ((await this.get(id))?.revision ?? 0) + 1
    const row = { id, revision, sha256: `${id}${revision}`, savedBy: by, recipe: structuredClone(recipe) }
    this.rows.push(row)
    return row
  }
}

test('a change is the next revision, by whom; nothing is edited in place', async (t) => {
  const shelf = new Shelf()
  const first = await revise(shelf, STANDARD, 'Anne')
  t.match(first, { changed: true, stored: { revision: 1, savedBy: 'Anne' } })
  const second = await revise(shelf, { ...STANDARD, deadlineMs: 600 }, 'Bruno')
  t.match(second, { changed: true, stored: { revision: 2, savedBy: 'Bruno' } })
  t.match(shelf.rows, [
    { revision: 1, recipe: { revision: 1, deadline_ms: 500 } },
    { revision: 2, recipe: { revision: 2, deadline_ms: 600 } },
  ])
  t.end()
})

test('what says the same as the newest is no new revision, whatever number it gives itself', async (t) => {
  const shelf = new Shelf()
  await revise(shelf, STANDARD, 'Anne')
  t.match(await revise(shelf, { ...STANDARD, revision: 4 }, 'Bruno'), {
    changed: false,
    stored: { revision: 1, savedBy: 'Anne' },
  })
  t.equal(shelf.rows.length, 1)
  t.end()
})

test('two people who change the same revision: the second is told, and nothing of either is lost', async (t) => {
  const shelf = new Shelf()
  await revise(shelf, STANDARD, 'Anne')
  await revise(shelf, { ...STANDARD, deadlineMs: 600 }, 'Anne')
  await t.rejects(revise(shelf, { ...STANDARD, deadlineMs: 700 }, 'Bruno'), {
    name: 'RevisionError',
    message: /made from revision 1, but the newest is 2 \(by Anne\)/,
  })
  await t.rejects(revise(shelf, { ...STANDARD, deadlineMs: 700 }, 'Bruno'), RevisionError)
  t.equal(shelf.rows.length, 2)
  t.end()
})

test('a release brings its recipes: missing ones, and new revisions of its own', async (t) => {
  const shelf = new Shelf()
  await installBuiltIns(shelf)
  t.equal(shelf.rows.length, BUILT_IN_RECIPES.length)
  await installBuiltIns(shelf)
  t.equal(shelf.rows.length, BUILT_IN_RECIPES.length, 'a restart brings nothing')
  await installBuiltIns(shelf, [{ ...STANDARD, deadlineMs: 550 }])
  t.match(await shelf.get(STANDARD.id), { revision: 2, savedBy: BUILT_IN_BY, recipe: { deadline_ms: 550 } })
  t.end()
})

test('a recipe that a person revised stays theirs when a release brings another', async (t) => {
  const shelf = new Shelf()
  await installBuiltIns(shelf, [STANDARD])
  await revise(shelf, { ...STANDARD, deadlineMs: 600 }, 'Anne')
  await installBuiltIns(shelf, [{ ...STANDARD, deadlineMs: 550 }])
  t.match(await shelf.get(STANDARD.id), { revision: 2, savedBy: 'Anne' })
  t.end()
})

test('rows of old, in camelCase and with a revision that was never counted, are read and followed', async (t) => {
  const shelf = new Shelf()
  const { labels: _, kpi: _kpi, ...old } = STANDARD
  shelf.rows.push({ id: old.id, revision: 5, sha256: '', savedBy: BUILT_IN_BY, recipe: structuredClone(old) })
  const [row] = shelf.rows
  if (row === undefined) throw new Error('no row')
  t.equal(storedRecipe(row).revision, 5)
  await installBuiltIns(shelf, [STANDARD])
  t.match(await shelf.get(STANDARD.id), { revision: 6, recipe: { revision: 6, kpi: {} } })
  t.same(recipeJson(STANDARD).revision, 1)
  t.end()
})
