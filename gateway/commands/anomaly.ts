import { parseArgs } from 'node:util'
import { learn } from '../analysis/anomaly/model.ts'
import { type AnomalyFile, AnomalyFileError, AnomalyScorer, anomalyFileOf, measuresOf } from '../anomaly.ts'
import type { AnomalyBlock } from '../anomaly-block.ts'
import { anomalyPath, readAnomalyFile, writeAnomalyFile } from '../anomaly-files.ts'
import { type JudgedPart, lessonOf, partsOfRecipe } from '../anomaly-lessons.ts'
import { commandConfig } from '../config-file.ts'
import { GRADES } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import { Archive } from '../rejudge/archive.ts'
import { CalibrationFinder } from '../rejudge/calibrations.ts'
import { RequestError, stretchOf } from '../rejudge/range.ts'
import { recipesOf } from '../rejudge/recipes.ts'
import { Rejudge } from '../rejudge/rejudge.ts'
import { type KeptPart, storedParts } from '../rejudge/sources.ts'
import { packageVersion } from '../version.ts'

const USAGE = `poincon anomaly train --recipe ID [--grades A+,A] [--from T|SEQ] [--to T|SEQ] [--epoch ID] [--seed N] [--out FILE]
                              learns from the log what good parts of a recipe look like on this station
poincon anomaly show --recipe ID [--model FILE] [--json]
                              says what was learned, and of which parts
poincon anomaly score --recipe ID [--model FILE] [--limit P] [--from T|SEQ] [--to T|SEQ] [--epoch ID] [--json]
                              lists stored parts that are stranger than all but a share P of the good ones (0.01)

A running station takes up a new model when it is started again. Advice only: no grade follows from it.

Exit codes: 0 done · 1 there is too little to learn from, or no model · 2 wrong usage
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  recipe: { type: 'string' },
  grades: { type: 'string', default: 'A+,A' },
  from: { type: 'string' },
  to: { type: 'string' },
  epoch: { type: 'string' },
  seed: { type: 'string', default: '1' },
  limit: { type: 'string', default: '0.01' },
  model: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

interface Order {
  readonly archive: Archive
  readonly recipe: Recipe
  readonly rejudge: Rejudge
  readonly values: Values
  /** Where the model is, or goes. */
  readonly path: string
}

type Values = ReturnType<typeof valuesOf>['values']

function valuesOf(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
}

/** `poincon anomaly train|show|score`. */
export async function anomalyCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = valuesOf(args)
  const [name = ''] = positionals
  const verb = VERBS[name]
  if (values.help || verb === undefined || values.recipe === undefined || positionals.length > 1) {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE)
    return values.help ? 0 : 2
  }
  const { config } = commandConfig(values.config)
  const archive = await Archive.open(config.data_dir)
  try {
    const find = recipesOf(archive)
    const found = await find(values.recipe)
    if (found === undefined)
      throw new RequestError(`--recipe ${values.recipe}: there is no such recipe in the store`)
    const { recipe } = found
    const rejudge = new Rejudge(
      { recipe: found },
      { calibrations: new CalibrationFinder(archive, new Map()), recipe: find },
    )
    const path = values.out ?? values.model ?? anomalyPath(config.data_dir, recipe)
    return await verb({ archive, recipe, rejudge, values, path })
  } catch (error) {
    const asked = error instanceof RequestError
    if (!asked && !(error instanceof AnomalyFileError)) throw error
    process.stderr.write(`${error.message}\n${asked ? `\n${USAGE}` : ''}`)
    return asked ? 2 : 1
  } finally {
    await archive.close()
  }
}

const VERBS: Readonly<Record<string, (order: Order) => Promise<number>>> = { train, show, score }

async function train(order: Order): Promise<number> {
  const { recipe, values, path } = order
  const grades = gradesOf(values.grades)
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed)) throw new RequestError(`--seed ${values.seed}: expected a whole number`)
  const lesson = await lessonOf(measured(order), grades)
  const model = learn(
    lesson.map(({ features }) => features),
    seed,
  )
  if (!('tail' in model)) {
    process.stderr.write(
      `${recipe.id}: ${model.parts} good parts (${grades.join(', ')}, all measured); ${model.needed} are needed: ` +
        `${model.needed - model.parts} are missing\n`,
    )
    return 1
  }
  const [first, last] = [lesson[0], lesson.at(-1)]
  const trained = {
    epoch: last?.epoch ?? '',
    from_sequence: first?.sequence ?? 1,
    to_sequence: last?.sequence ?? 1,
    grades: [...grades],
    seed,
  }
  const file = anomalyFileOf(model, { recipe, trained, software: packageVersion() })
  await writeAnomalyFile(path, file)
  process.stdout.write(`${path}\n${describe(file)}`)
  return 0
}

function measured({ archive, recipe, rejudge, values }: Order): AsyncGenerator<JudgedPart> {
  return partsOfRecipe(
    storedParts(archive, stretchOf(values), () => {}),
    recipe,
    rejudge,
  )
}

function gradesOf(text: string): readonly string[] {
  const grades = text.split(',')
  const unknown = grades.find((grade) => !GRADES.some((known) => known === grade && known !== 'REJECT'))
  if (unknown === undefined) return grades
  throw new RequestError(`--grades ${text}: ${unknown}: expected some of A+, A, B and C`)
}

async function show({ path, recipe, values }: Order): Promise<number> {
  const file = await readAnomalyFile(path)
  process.stdout.write(values.json ? `${JSON.stringify(file)}\n` : `${path}\n${describe(file)}`)
  if (file.recipe.measures_sha256 !== measuresOf(recipe)) {
    process.stderr.write(`${recipe.id} measures otherwise now: the model is not used; train it anew\n`)
  }
  return 0
}

function describe({ recipe, trained, features, left_out, sha256, software }: AnomalyFile): string {
  const left =
    left_out.length === 0
      ? ''
      : `  not learned (seldom measured, or always the same): ${left_out.join(', ')}\n`
  return `  recipe ${recipe.id}, ${recipe.stage}
  ${trained.parts} parts graded ${trained.grades.join(', ')}, sequences ${trained.from_sequence} to ${trained.to_sequence}; ${trained.kept} of them belong together
  ${features.length} features: ${features.join(', ')}
${left}  sha256 ${sha256}, by ${software}
`
}

async function score(order: Order): Promise<number> {
  const { recipe, values, path } = order
  const limit = Number(values.limit)
  if (!(limit > 0 && limit <= 1))
    throw new RequestError(`--limit ${values.limit}: expected more than 0, at most 1`)
  const file = await readAnomalyFile(path)
  if (file.recipe.measures_sha256 !== measuresOf(recipe)) {
    throw new AnomalyFileError(`${path}: ${recipe.id} measures otherwise now: train it anew`)
  }
  const scorer = new AnomalyScorer([file])
  let [parts, strange] = [0, 0]
  for await (const { judgement, kept } of measured(order)) {
    const found = scorer.score(judgement, recipe)
    if (found === undefined) continue
    parts += 1
    if (found.score < limit) strange += 1
    if (values.json || found.score < limit) process.stdout.write(`${scoreLine(kept, found, values.json)}\n`)
  }
  const summary = { summary: 'anomaly', parts, strange, limit, model: `sha256:${file.sha256}` }
  process.stdout.write(
    values.json
      ? `${JSON.stringify(summary)}\n`
      : `${strange} of ${parts} parts are stranger than ${limit}\n`,
  )
  return parts === 0 ? 1 : 0
}

function scoreLine({ sequence, message }: KeptPart, found: AnomalyBlock, json: boolean): string {
  const sample = message?.sample_id
  if (json) return JSON.stringify({ sequence, id: message?.id, sample_id: sample, ...found })
  const why = found.features.map(({ name, value, expected }) => `${name} ${value} (expected ${expected})`)
  return `#${sequence}  ${sample ?? ''}  ${found.score}  ${why.join(', ')}`
}
