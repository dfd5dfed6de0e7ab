import { test } from 'tap'
import { type Recipe, type RecipeJson, recipeJson } from '../../gateway/recipe.ts'
import { recipeText } from '../../gateway/recipe-text.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { DeliveredRecipes } from '../../gateway/update-recipe.ts'

interface Saved {
  readonly id: string
  readonly revision: number
  readonly sha256: string
  readonly savedBy: string
  readonly recipe: unknown
}

const [BUILT_IN] = BUILT_IN_RECIPES

/** A store of revisions, and a station that one of its recipes is in force at. */
function station(refusal?: string) {
  const saved: Saved[] = []
  const selected: string[] = []
  const recipes = {
    get: (id: string, revision?: number) => {
      const found = saved.filter((one) => one.id === id && (revision ?? one.revision) === one.revision)
      return Promise.resolve(found.at(-1))
    },
    save: (id: string, recipe: RecipeJson, savedBy: string) => {
      const one = {
        id,
        revision: saved.filter((each) => each.id === id).length + 1,
        sha256: '',
        savedBy,
        recipe,
      }
      saved.push(one)
      return Promise.resolve(one)
    },
  }
  const delivered = new DeliveredRecipes({
    recipes,
    inForce: () => BUILT_IN?.id ?? '',
    refusal: () => Promise.resolve(refusal),
    select: (id) => {
      selected.push(id)
      return Promise.resolve()
    },
  })
  return { saved, selected, recipes, delivered }
}

function titled(title: string, more: Partial<Recipe> = {}): Recipe {
  if (BUILT_IN === undefined) throw new Error('no recipe is built in')
  return { ...BUILT_IN, title, ...more }
}

function orderOf(recipe: Recipe, version: string) {
  return { name: recipe.id, version, text: recipeText(recipe), take: true }
}

test('a recipe is looked at, taken as the next revision, and taken back', async (t) => {
  const { saved, selected, recipes, delivered } = station()
  const old = titled('old')
  await recipes.save(old.id, recipeJson(old), 'poincon')

  // Whoever publishes for a fleet does not know how often a station has revised it.
  const order = orderOf(titled('new', { revision: 7 }), '1.2.0')
  t.match(await delivered.check(order), {
    ...{ id: old.id, revision: 1, in_force: true },
    changes: [{ key: 'title', before: 'old', after: 'new' }],
  })
  t.equal(saved.length, 1, 'looking changes nothing')

  t.match(await delivered.take(order), { revision: 2, changes: [] })
  t.match(saved.at(-1), { revision: 2, savedBy: 'update 1.2.0', recipe: { title: 'new', revision: 2 } })
  await delivered.take(order)
  t.equal(saved.length, 2, 'done again, it changes nothing')

  await delivered.takeBack(old.id, 1)
  await delivered.takeBack(old.id, 1)
  t.match(saved.at(-1), { revision: 3, recipe: { title: 'old' } }, 'revisions are added, never changed')
  t.ok(selected.length >= 2, 'each is in force at once')
})

test('taken back, a recipe is whose it was before', async (t) => {
  for (const by of ['ann', 'poincon', 'update 1.1.0']) {
    const { saved, recipes, delivered } = station()
    const old = titled('old')
    await recipes.save(old.id, recipeJson(old), by)
    await delivered.take(orderOf(titled('new'), '1.2.0'))
    await delivered.takeBack(old.id, 1)
    t.match(saved.at(-1), { revision: 3, savedBy: by, recipe: { title: 'old' } })
    t.equal(
      (await delivered.check(orderOf(titled('newer'), '1.3.0'))).revised_by,
      by === 'ann' ? by : undefined,
    )
  }
})

test('what a person revised after the update stays when that is taken back', async (t) => {
  const { saved, selected, recipes, delivered } = station()
  const old = titled('old')
  await recipes.save(old.id, recipeJson(old), 'poincon')
  await delivered.take(orderOf(titled('new'), '1.2.0'))
  const theirs = titled('theirs', { revision: 3 })
  await recipes.save(old.id, recipeJson(theirs), 'ann')
  const before = selected.length
  await delivered.takeBack(old.id, 1)
  t.match(saved.at(-1), { revision: 3, savedBy: 'ann', recipe: { title: 'theirs' } })
  t.equal(selected.length, before)
})

test('one that is not in force is saved, and somebody selects it', async (t) => {
  const { saved, selected, delivered } = station()
  const other = titled('other', { id: 'another' })
  t.match(await delivered.check(orderOf(other, '1.0.0')), { revision: 0, in_force: false, changes: [] })
  await delivered.take(orderOf(other, '1.0.0'))
  t.equal(saved.length, 1)
  t.same(selected, [])
  await delivered.takeBack('another', 0)
  t.equal(saved.length, 1)
})

test('a person’s own revision is named: they are asked first', async (t) => {
  const { recipes, delivered } = station()
  const old = titled('old')
  await recipes.save(old.id, recipeJson(old), 'ann')
  t.match(await delivered.check(orderOf(titled('new'), '1.0.0')), { revised_by: 'ann' })
})

test('what is wrong with a recipe is said', async (t) => {
  const { delivered, saved } = station()
  const take = { version: '1.0.0', take: true }
  await t.rejects(delivered.take({ ...take, name: 'cans', text: 'id: cans\n' }), {
    message: /cans: grading: missing/,
  })
  await t.rejects(delivered.take({ ...orderOf(titled('x'), '1.0.0'), name: 'cans' }), {
    message: /^id: .*: expected cans/,
  })
  const refusing = station('the heads are too slow for it')
  await t.rejects(refusing.delivered.take(orderOf(titled('x'), '1.0.0')), { message: /too slow/ })
  t.equal(saved.length + refusing.saved.length, 0)
})
