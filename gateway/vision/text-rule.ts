import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ModelError, reason } from './model.ts'
import type { Candidate } from './text-decode.ts'

/** How what a recogniser's network gives becomes text: the block `text` of its `manifest.json`. */
const textRule = z.object({
  /** Its classes in order; before them comes the one for "nothing new here". */
  alphabet: z
    .string()
    .min(1)
    .transform((characters) => [...characters])
    .refine((characters) => new Set(characters).size === characters.length, 'a character twice'),
  /** Texts that are so many times as likely as the network knows, which sees few characters at once; with spaces between. */
  usual: z.object({
    times: z.number().min(1),
    texts: z
      .string()
      .transform((texts): ReadonlySet<string> => new Set(texts.split(' ').filter((text) => text !== ''))),
  }),
  /** A straight line from the log odds of a text by the network's word to those that it is right. */
  confidence: z.object({ slope: z.number().positive(), offset: z.number() }),
})
export type TextRule = Readonly<z.infer<typeof textRule>>

/** @throws ModelError `missing`, `manifest` */
export async function readTextRule(folder: string): Promise<TextRule> {
  const path = join(folder, 'manifest.json')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ModelError('missing', `${path}: ${reason(error)}`, { cause: error })
  })
  let manifest: unknown
  try {
    manifest = JSON.parse(text)
  } catch (error) {
    throw new ModelError('manifest', `${path}: expected JSON`, { cause: error })
  }
  const parsed = z.object({ text: textRule }).safeParse(manifest)
  if (parsed.success) return parsed.data.text
  const [issue] = parsed.error.issues
  throw new ModelError('manifest', `${path}: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** The same candidates with the usual texts as much more probable as the rule says (Bayes), best first. */
export function weighed(candidates: readonly Candidate[], { usual }: TextRule): readonly Candidate[] {
  const times = ({ text }: Candidate): number => (usual.texts.has(text) ? usual.times : 1)
  const more = candidates.reduce((sum, candidate) => sum + candidate.probability * (times(candidate) - 1), 0)
  return candidates
    .map((candidate) => ({
      ...candidate,
      probability: (candidate.probability * times(candidate)) / (1 + more),
    }))
    .sort((a, b) => b.probability - a.probability)
}

/** Nobody is surer than this: the odds stay finite. */
const CERTAIN = 1 - 1e-6

/** How sure it is that a text is right, 0 to 1, by what the network gives it. */
export function confidenceOf(probability: number, { confidence: { slope, offset } }: TextRule): number {
  const p = Math.min(CERTAIN, Math.max(1 - CERTAIN, probability))
  return 1 / (1 + Math.exp(-(slope * Math.log(p / (1 - p)) + offset)))
}
