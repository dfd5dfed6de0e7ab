import { test } from 'tap'
import { recipeJson } from '../../gateway/recipe.ts'
import { compareRecipes, differenceTable } from '../../gateway/recipe-compare.ts'
import { parseRecipeText, recipeText } from '../../gateway/recipe-text.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { recipeNamed } from './analysis/station.ts'

const STANDARD = recipeNamed('foiegras_standard_barquette')

test('what is exported says what its fields mean, and is the same recipe when it is imported', (t) => {
  for (const recipe of BUILT_IN_RECIPES) {
    t.same(parseRecipeText(recipeText(recipe), 'own.yaml'), recipe, recipe.id)
  }
  const lines = recipeText(STANDARD).split('\n')
  const above = (key: string): string | undefined => lines[lines.findIndex((line) => line.trim() === key) - 1]
  t.match(above('density_g_per_cm3: 0.947'), /# Mass is volume times this\./)
  t.match(above('legal: true'), /# The law asks for it/)
  t.match(above('ageing: -0.4'), /# Relative change from freshness 1 to 0\./)
  t.end()
})

test('every problem is named with its line', (t) => {
  const lines = recipeText(STANDARD).split('\n')
  const line = (text: string): number => lines.findIndex((one) => one.trim() === text) + 1
  const text = lines
    .join('\n')
    .replace('  a: 3\n', '  a: red\n')
    .replace('  frames: 5', '  frame: 5')
    .replace('name: label_rouge', 'name: Label Rouge')
  const lab = line('a: 3')
  const frames = line('frames: 5')
  const label = line('- name: label_rouge')
  t.throws(() => parseRecipeText(text, 'mine.yaml'), {
    name: 'RecipeError',
    message: new RegExp(
      [
        `^mine.yaml:${frames}: shape.frame: 5: no such key$`,
        `^mine.yaml:${lab}: material.lab_target.a: "red": expected number`,
        `^mine.yaml:${label}: labels.1.name: "Label Rouge": expected 1 to 32`,
      ].join('[^]*'),
      'm',
    ),
  })
  t.end()
})

test('what is no YAML, too long, or grows when it is read, is refused by name', (t) => {
  t.throws(() => parseRecipeText('id: [', 'x.yaml'), { message: /^x\.yaml:1: not YAML: / })
  t.throws(() => parseRecipeText('', 'x.yaml'), { message: /^x\.yaml: recipe: null: expected object/ })
  t.throws(() => parseRecipeText('#'.repeat(200_001), 'x.yaml'), { message: /200001 characters/ })
  const bomb = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]']
  for (const [from, to] of ['ab', 'bc', 'cd', 'de']) {
    bomb.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(', ')}]`)
  }
  t.throws(() => parseRecipeText(bomb.join('\n'), 'x.yaml'), { message: /^x\.yaml: not YAML: .*alias/i })
  t.end()
})

test('two recipes are compared place by place; the number of the revision is no difference', (t) => {
  const other = {
    ...STANDARD,
    revision: 9,
    deadlineMs: 600,
    tray: undefined,
    labels: STANDARD.labels?.slice(0, 1),
  }
  const differences = compareRecipes(STANDARD, other)
  t.same(differences[0], { path: 'deadline_ms', a: 500, b: 600 })
  t.same(
    differences.map(({ path }) => path),
    [
      'deadline_ms',
      'tray.length_mm',
      'tray.width_mm',
      'tray.height_mm',
      'labels[1].name',
      'labels[1].thickness_mm.min',
      'labels[1].delta_e00.max',
      'labels[1].defect_points.max',
    ],
  )
  t.same(compareRecipes(STANDARD, { ...STANDARD, revision: 2 }), [])
  t.same(compareRecipes(other, STANDARD)[1], { path: 'tray.length_mm', b: 300 })
  t.equal(
    differenceTable(differences.slice(0, 2), ['mine', 'yours']),
    'field           mine  yours\ndeadline_ms     500   600\ntray.length_mm  300   -\n',
  )
  t.equal(recipeJson(other).revision, 9)
  t.end()
})
