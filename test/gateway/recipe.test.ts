import { test } from 'tap'
import { parse, stringify } from 'yaml'
import { parseRecipe, RecipeError, type RecipeJson, recipeJson } from '../../gateway/recipe.ts'
import { camelKeys, isCamelCased, snakeKeys } from '../../gateway/recipe-keys.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { recipeNamed } from './analysis/station.ts'

const STANDARD = recipeNamed('foiegras_standard_barquette')
const JSON_OF = recipeJson(STANDARD)

function problemsOf(input: unknown): RecipeError['problems'] {
  try {
    parseRecipe(input)
    return []
  } catch (error) {
    if (error instanceof RecipeError) return error.problems
    throw error
  }
}

/** The standard recipe with another shape. */
function shaped(change: object): unknown {
  return { ...JSON_OF, shape: { ...JSON_OF.shape, ...change } }
}

test('the eight recipes of the original are there, each its own, and one for lenses', (t) => {
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
      'lens_engraving',
    ],
  )
  t.match(STANDARD, {
    revision: 1,
    deadlineMs: 500,
    stage: 'raw',
    shape: {
      product: { lengthMm: 170, widthMm: 85, heightMm: 80 },
      frames: 5,
      limits: { massG: { min: 300, legal: true } },
    },
    material: { labTarget: { limits: { good: 2, acceptable: 5, critical: 8 } } },
    kpi: { conformityPercent: { least: 97, target: 98, excellent: 99 } },
    tray: { lengthMm: 300, widthMm: 180, heightMm: 5 },
    actions: { 'A+': 'accept', C: 'accept', REJECT: 'reject', ungraded: 'reject' },
  })
  t.match(recipeNamed('foiegras_haute_resolution'), { shape: { scan: { mmPerS: 100 } } })
  t.match(recipeNamed('lens_engraving'), { camera: {}, stage: 'none', actions: { ungraded: 'hold' } })
  t.end()
})

test('a recipe is snake_case in YAML, survives it, and is frozen to the bottom', (t) => {
  for (const recipe of BUILT_IN_RECIPES) {
    const text = stringify(recipeJson(recipe))
    t.notMatch(text, /^ *[a-z]+[A-Z]\w*:/m, recipe.id)
    t.same(parseRecipe(parse(text)), recipe)
  }
  t.ok(Object.isFrozen(STANDARD) && Object.isFrozen(STANDARD.shape?.defects.foreignBody))
  t.end()
})

test('a recipe in camelCase throughout, as stores of old hold it, is understood', (t) => {
  const old = {
    id: 'old',
    revision: 3,
    deadlineMs: 400,
    stage: 'raw',
    shape: {
      product: { lengthMm: 170, widthMm: 85, heightMm: 80 },
      densityGPerCm3: 0.947,
      limits: { volumeMm3: { min: 200_000 } },
      defects: {
        foreignBody: { limitMm: 12, criticalMm: 20, points: 0.08 },
        deformation: { limitMm: 12, criticalMm: 20, points: 0.08 },
        edgeDamage: { limitMm: 16, criticalMm: 32, points: 0.08 },
      },
    },
    grading: STANDARD.grading,
  }
  t.match(parseRecipe(old), { deadlineMs: 400, shape: { densityGPerCm3: 0.947, frames: 5 } })
  t.same(parseRecipe(structuredClone(STANDARD)), STANDARD)
  t.match(problemsOf({ ...JSON_OF, deadlineMs: 400 }), [{ path: 'deadlineMs', expectation: 'no such key' }])
  t.end()
})

test('keys are renamed, names are not', (t) => {
  const json = { lab_target: { 'A+': 1, F1_415nm: 2, delta_e00: [{ volume_mm3: 3 }] }, NIR: null }
  const camel = camelKeys(json)
  t.same(camel, { labTarget: { 'A+': 1, F1_415nm: 2, deltaE00: [{ volumeMm3: 3 }] }, NIR: null })
  t.same(snakeKeys(camel), json)
  t.ok(isCamelCased(camel))
  t.notOk(isCamelCased(json))
  t.notOk(isCamelCased({ id: 'x', channels: { F1_415nm: 1 } }))
  t.end()
})

test('what is wrong is named by path, value and expectation', (t) => {
  const thresholds = { 'A+': 0.5, A: 0.7, B: 0.4, C: 0.2 }
  const cases: readonly [unknown, { path: string; value?: unknown; expectation: RegExp }][] = [
    [
      { ...JSON_OF, revision: 0 },
      { path: 'revision', value: 0, expectation: />=1/ },
    ],
    [
      { ...JSON_OF, colour: 'red' },
      { path: 'colour', value: 'red', expectation: /no such key/ },
    ],
    [
      { ...JSON_OF, deadline_ms: 'soon' },
      { path: 'deadline_ms', value: 'soon', expectation: /number/ },
    ],
    [
      { ...JSON_OF, id: 'Foie gras' },
      { path: 'id', value: 'Foie gras', expectation: /a-z/ },
    ],
    [
      { ...JSON_OF, grading: { ...JSON_OF.grading, thresholds } },
      { path: 'grading.thresholds', expectation: /A\+ > A > B > C/ },
    ],
    [
      { ...JSON_OF, actions: { ungraded: 'accept' } },
      { path: 'actions.ungraded', value: 'accept', expectation: /reject.*hold/ },
    ],
    [
      { ...JSON_OF, shape: undefined, material: undefined },
      { path: 'shape', expectation: /shape, material or camera/ },
    ],
    ['text', { path: '', value: 'text', expectation: /object/ }],
    [shaped({ frames: 16 }), { path: 'shape.frames', value: 16, expectation: /<=15/ }],
    [shaped({ frames: 8 }), { path: 'deadline_ms', value: 500, expectation: /at least 534: 8 looks/ }],
    [
      shaped({ scan: { mm_per_s: 100, travel_mm: 200 } }),
      { path: 'deadline_ms', expectation: /at least 2067: 200 mm of travel/ },
    ],
    [
      shaped({ limits: { mass_g: { min: 300, conformity: 1 } } }),
      { path: 'shape.limits.mass_g.conformity', value: 1, expectation: /0\.9999/ },
    ],
    [shaped({ fill: { height_mm: 50, volume_mm3: 1 } }), { path: 'shape.fill', expectation: /not both/ }],
    [
      { ...JSON_OF, tray: undefined, shape: { ...JSON_OF.shape, fill: {} } },
      { path: 'shape.fill', expectation: /no tray to fill/ },
    ],
  ]
  for (const [input, expected] of cases) {
    t.match(problemsOf(input), [expected], `${expected.path}: ${expected.expectation}`)
  }
  t.throws(() => parseRecipe({ ...JSON_OF, revision: 0 }), {
    name: 'RecipeError',
    message: /^revision: 0: /,
  })
  t.end()
})

test('classes of thickness that overlap, or go from thin to thick, are refused', (t) => {
  type Classes = NonNullable<NonNullable<RecipeJson['shape']>['thickness']>['classes']
  const thick = { name: 'thick', min_mm: 45, max_mm: 60, points: 0 }
  const thin = { name: 'thin', min_mm: 25, max_mm: 45, points: 0.1 }
  const refused = (classes: Classes): boolean => problemsOf(shaped({ thickness: { classes } })).length > 0
  t.notOk(refused([thick, thin]))
  t.ok(refused([thin, thick]))
  t.ok(refused([thick, { ...thin, max_mm: 46 }]))
  t.end()
})

test('a rejected part is never accepted by recipe', (t) => {
  t.match(problemsOf({ ...JSON_OF, actions: { REJECT: 'accept' } }), [{ path: 'actions.REJECT' }])
  t.end()
})
