import { readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { commandConfig } from '../config-file.ts'
import { parseRecipe, type Recipe, recipeJson } from '../recipe.ts'
import { compareRecipes, differenceTable } from '../recipe-compare.ts'
import { BUILT_IN_BY, revise, storedRecipe } from '../recipe-revisions.ts'
import { type RecipeShelf, readRecipes, writeRecipes } from '../recipe-shelf.ts'
import { parseRecipeText, recipeText } from '../recipe-text.ts'

const USAGE = `poincon recipe list [--json]               every recipe, its newest revision
poincon recipe show ID[@N] [--json]        one recipe, the newest revision or N
poincon recipe revisions ID [--json]       who saved which revision, newest first
poincon recipe export ID[@N] [--out FILE]  as YAML that explains itself
poincon recipe validate FILE…              says what is wrong with it, by line
poincon recipe import FILE [--by NAME]     saves it as the next revision
poincon recipe copy ID[@N] NEW [--title T] [--by NAME]
                                           another recipe that begins as this one
poincon recipe compare A B [--json]        where two differ; each is ID, ID@N or a file

--config FILE says whose recipes. The station must stand still for import and copy.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  by: { type: 'string' },
  title: { type: 'string' },
  out: { type: 'string', short: 'o' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** One call of a verb. */
interface Call {
  readonly names: readonly string[]
  /** The data directory. */
  readonly dir: string
  readonly json: boolean
  readonly by: string | undefined
  readonly title: string | undefined
  readonly out: string | undefined
}

interface Verb {
  readonly least: number
  readonly most: number
  readonly run: (call: Call) => Promise<string>
}

const VERBS: Readonly<Record<string, Verb>> = {
  list: { least: 0, most: 0, run: list },
  show: { least: 1, most: 1, run: show },
  revisions: { least: 1, most: 1, run: revisions },
  export: { least: 1, most: 1, run: exported },
  validate: { least: 1, most: 100, run: validate },
  import: { least: 1, most: 1, run: imported },
  copy: { least: 2, most: 2, run: copied },
  compare: { least: 2, most: 2, run: compared },
}

/**
 * `poincon recipe …`.
 * @param say where its answer goes
 * @returns the exit code; 2 for wrong usage
 * @throws Error with what is wrong with a recipe; nothing is saved then
 */
export async function recipeCommand(
  args: readonly string[],
  say: (text: string) => void = (text) => process.stdout.write(text),
): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  const [name = '', ...names] = positionals
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (values.help || verb === undefined || names.length < verb.least || names.length > verb.most) {
    if (values.help) say(USAGE)
    else process.stderr.write(USAGE)
    return values.help ? 0 : 2
  }
  const { config } = commandConfig(values.config)
  const { json, title, out, by } = values
  say(await verb.run({ names, dir: config.data_dir, json, title, out, by }))
  return 0
}

/** Who changes a recipe: as they say, else whom the machine knows. */
function personOf({ by = process.env.SUDO_USER ?? userInfo().username }: Call): string {
  const name = by.trim()
  if (name === BUILT_IN_BY) {
    throw new Error(`--by: ${name} saves what comes with a release: expected the name of a person`)
  }
  if (name === '' || name.length > 128) {
    throw new Error(`--by: ${JSON.stringify(by)}: expected a name of 1 to 128 characters`)
  }
  return name
}

async function list({ dir, json }: Call): Promise<string> {
  const stored = await readRecipes(dir, (shelf) => shelf.newest())
  const rows = stored.map(({ id, revision, savedAt, savedBy, recipe }) => {
    const { title = '' } = parseRecipe(recipe)
    return { id, revision, title, saved_at: savedAt, saved_by: savedBy }
  })
  return json
    ? jsonText(rows)
    : table(rows.map((row) => [row.id, `@${row.revision}`, row.saved_by, row.title]))
}

async function revisions({ dir, json, names: [id = ''] }: Call): Promise<string> {
  const stored = await readRecipes(dir, (shelf) => shelf.revisions(id))
  if (stored.length === 0) throw none(id)
  const rows = stored.map(({ revision, savedAt, savedBy, sha256 }) => ({
    revision,
    saved_at: savedAt,
    saved_by: savedBy,
    sha256,
  }))
  return json
    ? jsonText(rows)
    : table(rows.map((row) => [`@${row.revision}`, row.saved_at, row.saved_by, row.sha256.slice(0, 12)]))
}

async function show({ dir, json, names: [name = ''] }: Call): Promise<string> {
  const recipe = recipeJson(await readRecipes(dir, (shelf) => found(shelf, name)))
  return json ? jsonText(recipe) : stringify(recipe, { lineWidth: 0 })
}

async function exported({ dir, out, names: [name = ''] }: Call): Promise<string> {
  const text = recipeText(await readRecipes(dir, (shelf) => found(shelf, name)))
  if (out === undefined) return text
  // What somebody has edited is not written over.
  await writeFile(out, text, { flag: 'wx' })
  return `${out}: ${name}\n`
}

async function validate({ names }: Call): Promise<string> {
  const recipes = await readFiles(names)
  return recipes
    .map(({ id, revision }, at) => `${names[at]}: ${id}, from revision ${revision}: valid\n`)
    .join('')
}

async function imported(call: Call): Promise<string> {
  const [recipe] = await readFiles(call.names)
  if (recipe === undefined) throw new Error('a file expected')
  const by = personOf(call)
  const { stored, changed } = await writeRecipes(call.dir, (recipes) => revise(recipes, recipe, by))
  const what = changed ? `saved by ${stored.savedBy}` : 'nothing changed'
  return `${stored.id}@${stored.revision}: ${what}\n`
}

async function copied(call: Call): Promise<string> {
  const {
    dir,
    title,
    names: [from = '', to = ''],
  } = call
  const by = personOf(call)
  return await writeRecipes(dir, async (shelf) => {
    const recipe = recipeJson(await found(shelf, from))
    if ((await shelf.get(to)) !== undefined)
      throw new Error(`recipe ${JSON.stringify(to)}: it is there already`)
    const copy = parseRecipe({ ...recipe, id: to, revision: 1, ...(title === undefined ? {} : { title }) })
    const { stored } = await revise(shelf, copy, by)
    return `${stored.id}@${stored.revision}: begins as ${from}\n`
  })
}

async function compared({ dir, json, names: [a = '', b = ''] }: Call): Promise<string> {
  const [one, other] = await readRecipes(dir, async (shelf) => [await given(shelf, a), await given(shelf, b)])
  if (one === undefined || other === undefined) throw new Error('two recipes expected')
  const differences = compareRecipes(one, other)
  if (json) return jsonText(differences)
  return differences.length === 0 ? 'no difference\n' : differenceTable(differences, [a, b])
}

/** A recipe of the store, or of a file. */
async function given(shelf: RecipeShelf, name: string): Promise<Recipe> {
  return /[./\\]/.test(name) ? parseRecipeText(await readFile(name, 'utf8'), name) : await found(shelf, name)
}

async function readFiles(files: readonly string[]): Promise<readonly Recipe[]> {
  return await Promise.all(files.map(async (file) => parseRecipeText(await readFile(file, 'utf8'), file)))
}

/** @param name `id` or `id@revision` */
async function found(shelf: RecipeShelf, name: string): Promise<Recipe> {
  const [, id = '', revision] = /^([^@]+)(?:@([1-9]\d{0,8}))?$/.exec(name) ?? []
  const stored = await (revision === undefined ? shelf.get(id) : shelf.get(id, Number(revision)))
  if (stored === undefined) throw none(name)
  return storedRecipe(stored)
}

function none(name: string): Error {
  return new Error(`recipe ${JSON.stringify(name)}: there is none; \`poincon recipe list\` names them`)
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function table(rows: readonly (readonly string[])[]): string {
  const width = (column: number): number => Math.max(...rows.map((row) => (row[column] ?? '').length))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(width(at)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
