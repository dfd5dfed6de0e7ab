import { test } from 'tap'
import { parse, stringify } from 'yaml'
import { parseRecipe, RecipeError } from '../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'

const [STANDARD] = BUILT_IN_RECIPES

function problemsOf(input: unknown): RecipeError['problems'] {
  try {
    parseRecipe(input)
    return []
  } catch (error) {
    if (error instanceof RecipeError) return error.problems
    throw error
  }
}

test('the eight recipes of the original are there, each its own', (t) => {
  t.same(
    BUILT_IN_RECIPES.map(({ id }) => id),
    [
      'foiegras_standard_barquette',
      'foiegras_demo_barquette',
      'foiegras_standard_seul',
      'foiegras_micuit',
      'foiegras_bloc',
      'foiegras_haute_resolution',
      'foiegras_irregular',
      'foiegras_defectueux',
    ],
  )
  for (const recipe of BUILT_IN_RECIPES) t.same([recipe.revision, recipe.deadlineMs], [1, 500])
  t.match(STANDARD, {
    shape: { product: { lengthMm: 170, widthMm: 85, heightMm: 80 } },
    tray: { lengthMm: 300, widthMm: 180, heightMm: 5 },
    actions: { 'A+': 'accept', C: 'accept', REJECT: 'reject', ungraded: 'reject' },
  })
  t.end()
})

test('a recipe survives YAML, and is frozen to the bottom', (t) => {
  const again = parseRecipe(parse(stringify(STANDARD)))
  t.same(again, STANDARD)
  t.ok(Object.isFrozen(again) && Object.isFrozen(again.shape?.defects.foreignBody))
  t.end()
})

test('what is wrong is named by path, value and expectation', (t) => {
  const cases: readonly [unknown, { path: string; value?: unknown; expectation: RegExp }][] = [
    [
      { ...STANDARD, revision: 0 },
      { path: 'revision', value: 0, expectation: />=1/ },
    ],
    [
      { ...STANDARD, colour: 'red' },
      { path: 'colour', value: 'red', expectation: /no such key/ },
    ],
    [
      { ...STANDARD, deadlineMs: 'soon' },
      { path: 'deadlineMs', value: 'soon', expectation: /number/ },
    ],
    [
      { ...STANDARD, id: 'Foie gras' },
      { path: 'id', value: 'Foie gras', expectation: /a-z/ },
    ],
    [
      { ...STANDARD, grading: { ...STANDARD?.grading, thresholds: { 'A+': 0.5, A: 0.7, B: 0.4, C: 0.2 } } },
      { path: 'grading.thresholds', expectation: /A\+ > A > B > C/ },
    ],
    [
      { ...STANDARD, actions: { ungraded: 'accept' } },
      { path: 'actions.ungraded', value: 'accept', expectation: /reject.*hold/ },
    ],
    [
      { ...STANDARD, shape: undefined, material: undefined },
      { path: 'shape', expectation: /shape, material or both/ },
    ],
    ['text', { path: '', value: 'text', expectation: /object/ }],
  ]
  for (const [input, expected] of cases) t.match(problemsOf(input), [expected], expected.path)
  t.throws(() => parseRecipe({ ...STANDARD, revision: 0 }), {
    name: 'RecipeError',
    message: /^revision: 0: /,
  })
  t.end()
})

test('a rejected part is never accepted by recipe', (t) => {
  t.match(problemsOf({ ...STANDARD, actions: { REJECT: 'accept' } }), [{ path: 'actions.REJECT' }])
  t.end()
})
