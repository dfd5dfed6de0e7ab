import { hash } from 'node:crypto'
import { z } from 'zod'
import { FEATURES, featuresOf } from './analysis/anomaly/features.ts'
import type { AnomalyModel } from './analysis/anomaly/model.ts'
import { scoreAnomaly } from './analysis/anomaly/score.ts'
import type { AnomalyBlock } from './anomaly-block.ts'
import type { Judgement } from './inspection.ts'
import type { Recipe } from './recipe.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex')
const names = FEATURES.map(({ name }) => name)

const fields = {
  schema: z.literal('poincon.anomaly/1'),
  /** Learned for one recipe at one stage, and for what it measures with. */
  recipe: z.object({ id: z.string(), stage: z.string(), measures_sha256: sha256 }),
  trained: z.object({
    epoch: z.string(),
    from_sequence: z.int().min(1),
    to_sequence: z.int().min(1),
    grades: z.array(z.string()),
    /** Good parts that it was learned from, and those of them that belong together. */
    parts: z.int().min(1),
    kept: z.int().min(1),
    seed: z.int(),
  }),
  software: z.string(),
  features: z.array(z.enum(names)).min(1),
  left_out: z.array(z.string()),
  centre: z.array(z.number()),
  scale: z.array(z.number().positive()),
  location: z.array(z.number()),
  scatter: z.array(z.array(z.number())),
  tail: z.object({ scale: z.number().positive(), df: z.number().positive() }),
}

const contents = z.object(fields)
type Contents = z.infer<typeof contents>
const modelFile = z.object({ ...fields, sha256 })

/** `poincon.anomaly/1`: what good parts of one recipe look like on this station. */
export type AnomalyFile = z.infer<typeof modelFile>

/** A file that is no model, or was changed since it was made. */
export class AnomalyFileError extends Error {
  override readonly name = 'AnomalyFileError'
}

/** @param trained of which parts @param model as it was learned of them */
export function anomalyFileOf(
  model: AnomalyModel,
  {
    recipe,
    trained,
    software,
  }: {
    readonly recipe: Recipe
    readonly trained: Omit<AnomalyFile['trained'], 'parts' | 'kept'>
    readonly software: string
  },
): AnomalyFile {
  const size = model.features.length
  const made = contents.parse({
    schema: 'poincon.anomaly/1',
    recipe: { id: recipe.id, stage: recipe.stage, measures_sha256: measuresOf(recipe) },
    trained: { ...trained, parts: model.parts, kept: model.kept },
    software,
    features: model.features,
    left_out: model.leftOut,
    centre: model.centre,
    scale: model.scale,
    location: model.location,
    scatter: model.features.map((_, row) => model.scatter.slice(row * size, (row + 1) * size)),
    tail: model.tail,
  })
  return { ...made, sha256: hashOf(made) }
}

/**
 * @param text of the file
 * @throws AnomalyFileError for what is no model, and for one whose hash does not hold
 */
export function parseAnomalyFile(text: string): AnomalyFile {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new AnomalyFileError('not JSON', { cause: error })
  }
  const parsed = modelFile.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new AnomalyFileError(`${issue?.path.join('.')}: ${issue?.message}`)
  }
  const { sha256: claimed, ...rest } = parsed.data
  const found = hashOf(rest)
  if (found !== claimed) throw new AnomalyFileError(`sha256 is ${found}, expected ${claimed}: it was changed`)
  const size = rest.features.length
  const lists = [rest.centre, rest.scale, rest.location, rest.scatter, ...rest.scatter]
  if (lists.some(({ length }) => length !== size)) {
    throw new AnomalyFileError(`expected ${size} numbers of everything, one for each of its features`)
  }
  return parsed.data
}

/** Over its JSON without the hash, members in the order of the schema: white space may change. */
function hashOf(made: Contents): string {
  return hash('sha256', JSON.stringify(made))
}

/**
 * What decides what a recipe's measures mean: a model that was learned under another shape, material or tray says
 * nothing about its parts. Thresholds, weights and actions are not among it.
 */
export function measuresOf({ stage, tray, shape, material }: Recipe): string {
  return hash('sha256', JSON.stringify([stage, tray ?? null, shape ?? null, material ?? null]))
}

/** Says how strange parts are, by the models of good parts that this station has learned. */
export class AnomalyScorer {
  readonly #models: ReadonlyMap<string, { readonly file: AnomalyFile; readonly model: AnomalyModel }>
  readonly #measures = new WeakMap<Recipe, string>()

  constructor(files: readonly AnomalyFile[]) {
    this.#models = new Map(files.map((file) => [keyOf(file.recipe), { file, model: modelOf(file) }] as const))
  }

  /**
   * Takes a judgement and changes nothing of it.
   * @returns undefined where no model was learned for this recipe as it measures now, or nothing was measured
   */
  score(judgement: Judgement, recipe: Recipe): AnomalyBlock | undefined {
    const known = this.#models.get(keyOf(recipe))
    if (known === undefined || known.file.recipe.measures_sha256 !== this.#measuresOf(recipe))
      return undefined
    const found = scoreAnomaly(known.model, featuresOf(judgement))
    if (found === undefined) return undefined
    return {
      score: significant(found.score),
      features: found.features.map(({ name, value, expected, share }) => ({
        name,
        value: significant(value),
        expected: significant(expected),
        share: significant(share),
      })),
      model: `sha256:${known.file.sha256}`,
    }
  }

  #measuresOf(recipe: Recipe): string {
    const known = this.#measures.get(recipe) ?? measuresOf(recipe)
    this.#measures.set(recipe, known)
    return known
  }
}

function keyOf({ id, stage }: { readonly id: string; readonly stage: string }): string {
  return `${id}.${stage}`
}

function modelOf({ left_out, trained, scatter, ...file }: AnomalyFile): AnomalyModel {
  return {
    features: file.features,
    leftOut: left_out,
    centre: file.centre,
    scale: file.scale,
    location: file.location,
    scatter: scatter.flat(),
    tail: file.tail,
    parts: trained.parts,
    kept: trained.kept,
  }
}

/** To four significant digits. */
function significant(value: number): number {
  return Number(value.toPrecision(4))
}
