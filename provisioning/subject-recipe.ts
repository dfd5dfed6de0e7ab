import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Contents } from './content.ts'
import type { RecipeReport } from './link-content.ts'
import { MOST_CHANGES } from './status.ts'
import type { Subject } from './subject.ts'
import { bring } from './subject-content.ts'
import { IntegrityError } from './tuf-errors.ts'
import type { UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

/**
 * A recipe: handed to the station that runs, which validates it, and saves it as a revision while the line is locked.
 * Nothing starts anew. What was there is told by the revision's number; going back saves what that one said once more.
 */
export const recipeSubject: Subject = {
  folders: () => [],
  // Only the station knows: what was cut short is taken back, and waits anew.
  current: ({ from }) => Promise.resolve(from),
  has: (update, tools) => new Contents(tools).has(update, update.to, update.target.hash),
  unpack: (update, file, tools, signal) => bring('recipe', { update, file }, tools, signal),
  unpacked: ({ from_schema: storeSchema }) => Promise.resolve({ type: 'unpacked', storeSchema }),
  test: async (update, tools) => {
    const report = await tools.step('check recipe', () => ask(update, tools, false))
    if (typeof report === 'string') return { type: 'refused', why: report, final: true }
    const { revised_by: by, revision } = report
    return {
      ...{ type: 'tested', differing: [], changes: report.changes.slice(0, MOST_CHANGES) },
      tested: String(revision),
      ...(by === undefined ? {} : { ask: savedBy(revision, by) }),
    }
  },
  before: async (update, tools) => {
    const report = await ask(update, tools, false)
    if (typeof report === 'string') throw new Error(report)
    const { revision, revised_by: by } = report
    // Nobody was shown what becomes of that one.
    if (by !== undefined && update.tested !== undefined && update.tested !== String(revision))
      throw new Error(`${savedBy(revision, by)} since it was tested`)
    return String(revision)
  },
  put: async (update, tools) => {
    const report = await tools.step('take recipe', () => ask(update, tools, true))
    if (typeof report !== 'string') return
    // A line that was lost meanwhile is not the recipe's fault.
    if (typeof (await ask(update, tools, false)) === 'string') throw new IntegrityError('malformed', report)
    throw new Error(report)
  },
  back: async ({ name, before }, { link, step }) => {
    if (before !== undefined) await step('take recipe back', () => link.recipeBack(name, Number(before)))
  },
  restart: () => Promise.resolve(),
  runs: () => true,
  unwell: async (update, tools) => {
    const report = await ask(update, tools, false)
    if (typeof report === 'string') return report
    return report.changes.length === 0 ? undefined : 'the station has another recipe'
  },
  // It is in the station's store.
  tidy: (update, tools) => new Contents(tools).prune(update, []),
}

function savedBy(revision: number, by: string): string {
  return `revision ${revision} was saved at this station by ${by}`
}

/** @returns why the station does not take it */
async function ask(update: UpdateRecord, tools: UpdateTools, take: boolean): Promise<RecipeReport | string> {
  const file = join(new Contents(tools).path(update, update.to), 'recipe.yaml')
  const text = await readFile(file, 'utf8')
  return await tools.link.recipe({ name: update.name, version: update.to, text, take })
}
