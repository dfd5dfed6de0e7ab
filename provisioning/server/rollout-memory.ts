import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../../gateway/replace-file.ts'
import type { Rollout } from '../targets.ts'
import { isMissing } from './repo-error.ts'
import type { RepoFolder } from './repo-folder.ts'
import { readJson } from './repo-keys.ts'
import { type Outcomes, outcomesSchema } from './rollout-tally.ts'

const memorySchema = z.strictObject({ schema: z.literal('poincon.watch/1'), outcomes: outcomesSchema })

/** Where the watch keeps what it has heard, beside what is published. */
function memoryFile({ dir }: RepoFolder): string {
  return join(dir, 'watch.json')
}

/** @throws RepoError when the file is not the watch's */
export async function readOutcomes(folder: RepoFolder): Promise<Outcomes> {
  const file = memoryFile(folder)
  try {
    return (await readJson(file, memorySchema, 'what poincon repo watch wrote')).outcomes
  } catch (error) {
    if (error instanceof Error && isMissing(error.cause)) return {}
    throw error
  }
}

export async function writeOutcomes(folder: RepoFolder, outcomes: Outcomes): Promise<void> {
  await replaceFile(memoryFile(folder), `${JSON.stringify({ schema: 'poincon.watch/1', outcomes })}\n`, 0o600)
}

/** What is no longer rolled out is forgotten. */
export function kept(outcomes: Outcomes, rollouts: ReadonlyMap<string, Rollout>): Outcomes {
  const left: Outcomes = {}
  for (const [channel, { releases }] of rollouts) {
    const known = Object.entries(outcomes[channel] ?? {}).filter(([key]) => Object.hasOwn(releases, key))
    if (known.length > 0) left[channel] = Object.fromEntries(known)
  }
  return left
}
