import { type Recipe, type RecipeJson, recipeJson } from './recipe.ts'

/** One place where two recipes say different things. */
export interface RecipeDifference {
  /** Keys from the root, e.g. `grading.thresholds.A+`, `labels[0].name`. */
  readonly path: string
  /** Absent where the recipe has none. */
  readonly a?: boolean | number | string
  readonly b?: boolean | number | string
}

/** Where two recipes differ, in the order of the first; the revision's own number is no difference. */
export function compareRecipes(a: Recipe, b: Recipe): readonly RecipeDifference[] {
  const ofA = leaves(withoutRevision(recipeJson(a)))
  const ofB = leaves(withoutRevision(recipeJson(b)))
  const paths = [...ofA.keys(), ...[...ofB.keys()].filter((path) => !ofA.has(path))]
  return paths.flatMap((path) => {
    const [one, other] = [ofA.get(path), ofB.get(path)]
    if (one === other) return []
    return [{ path, ...(one === undefined ? {} : { a: one }), ...(other === undefined ? {} : { b: other }) }]
  })
}

/** The differences as a table for a person: path, first, second. */
export function differenceTable(
  differences: readonly RecipeDifference[],
  names: readonly [a: string, b: string],
): string {
  const text = (value: RecipeDifference['a']): string => (value === undefined ? '-' : String(value))
  const rows = [['field', ...names], ...differences.map(({ path, a, b }) => [path, text(a), text(b)])]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

function withoutRevision({ revision: _, ...recipe }: RecipeJson): Omit<RecipeJson, 'revision'> {
  return recipe
}

type Leaf = boolean | number | string

/** Every value that is neither list nor mapping, by its path. */
function leaves(value: unknown, path = '', found = new Map<string, Leaf>()): Map<string, Leaf> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) leaves(item, `${path}[${index}]`, found)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      leaves(inner, path === '' ? key : `${path}.${key}`, found)
    }
    if (Object.keys(value).length === 0) found.set(path, '{}')
  } else if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') {
    found.set(path, value)
  }
  return found
}
