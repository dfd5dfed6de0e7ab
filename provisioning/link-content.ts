import { z } from 'zod'
import { change } from './status.ts'

/** What the station says of a recipe that came as an update. */
export const recipeReport = z.looseObject({
  /** The newest there is; 0: none. */
  revision: z.int().min(0),
  in_force: z.boolean().default(false),
  revised_by: z.string().optional(),
  changes: z.array(change).default([]),
})
export type RecipeReport = z.infer<typeof recipeReport>

/** A recipe for the station to look at, or to take. */
export interface RecipeOrder {
  readonly name: string
  readonly version: string
  readonly text: string
  readonly take: boolean
}

/** Whether Node-RED is a process of the station. */
export const flowsAnswer = z.looseObject({ embedded: z.boolean() })
