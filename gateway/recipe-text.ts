import { Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { checkRecipe, describeProblem, type Recipe, RecipeError, recipeJson, recipeSchema } from './recipe.ts'
import { lineOf } from './yaml-lines.ts'

/** Longer files are no recipes: the largest built-in one has 7 kB. */
const MOST_CHARACTERS = 200_000

/**
 * Reads a recipe that a person wrote: YAML, and so JSON too.
 * @param source names the text in errors, e.g. its file
 * @throws RecipeError with one line per problem: source, line, path, value, expectation
 */
export function parseRecipeText(text: string, source: string): Recipe {
  if (text.length > MOST_CHARACTERS) {
    throw broken(source, undefined, `${text.length} characters, at most ${MOST_CHARACTERS} expected`)
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [fault] = document.errors
  if (fault !== undefined) throw broken(source, fault.linePos?.[0].line, `not YAML: ${fault.message}`)
  const checked = checkRecipe(contentsOf(document, source))
  if ('recipe' in checked) return checked.recipe
  const places = checked.problems.map((problem) => lineOf(document, lines, problem.path))
  const problems = checked.problems.map((problem) => ({ ...problem, path: problem.path.join('.') }))
  throw new RecipeError(problems, (problem) => {
    const line = places[problems.indexOf(problem)]
    return `${source}${line === undefined ? '' : `:${line}`}: ${describeProblem(problem)}`
  })
}

/** @throws RecipeError for aliases that grow beyond all measure */
function contentsOf(document: ReturnType<typeof parseDocument>, source: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw broken(source, undefined, `not YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function broken(source: string, line: number | undefined, expectation: string): RecipeError {
  const place = line === undefined ? source : `${source}:${line}`
  return new RecipeError([{ path: '', value: undefined, expectation }], () => `${place}: ${expectation}`)
}

/** The recipe as YAML, all defaults written out, each field with what the schema says of it above. */
export function recipeText(recipe: Recipe): string {
  const document = new Document(recipeJson(recipe))
  document.commentBefore = [
    ' A recipe: what is made, and when it is good. `poincon recipe import FILE` makes it the next revision.',
    ' Every field: docs/recipes.md',
  ].join('\n')
  comment(document.contents, recipeSchema)
  return document.toString({ lineWidth: 0, commentString: (text) => text.replace(/^(?!$)/gm, '#') })
}

/** Puts each field's description above it, as far down as the schema names fields. */
function comment(node: unknown, schema: unknown): void {
  const bare = unwrapped(schema)
  if (isSeq(node) && bare instanceof z.ZodArray) {
    // The first entry says what the fields mean; the others would repeat it.
    comment(node.items[0], bare.element)
    return
  }
  if (isMap(node) && bare instanceof z.ZodRecord) {
    comment(node.items[0]?.value, bare.valueType)
    return
  }
  if (!isMap(node) || !(bare instanceof z.ZodObject)) return
  for (const pair of node.items) {
    if (!isScalar(pair.key) || typeof pair.key.value !== 'string') continue
    const field: unknown = bare.shape[pair.key.value]
    const description = descriptionOf(field)
    if (description !== undefined && description !== REPEATED) pair.key.commentBefore = ` ${description}`
    comment(pair.value, field)
  }
}

/** Says nothing that the field's name and the one above do not. */
const REPEATED = 'The same.'

function unwrapped(schema: unknown): unknown {
  return isWrapper(schema) ? unwrapped(schema.unwrap()) : schema
}

/** A default or an optional says nothing: what it wraps does. */
function descriptionOf(schema: unknown): string | undefined {
  if (!(schema instanceof z.ZodType)) return undefined
  return schema.description ?? (isWrapper(schema) ? descriptionOf(schema.unwrap()) : undefined)
}

function isWrapper(schema: unknown): schema is z.ZodOptional | z.ZodDefault | z.ZodPrefault {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
}
