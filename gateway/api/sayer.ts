import { ApiProblem } from './problem.ts'
import { textOf } from './query.ts'

const LONGEST_NAME = 64

/** Who says something, where the station does not ask who they are. */
export const sayer = textOf('name', LONGEST_NAME)
  .refine((name) => name.trim() !== '', 'expected a name')
  .optional()
  .describe('Who says so; absent: the user who is logged in.')

/** What nobody says is not written down. */
export function whoAsks(): ApiProblem {
  const detail = 'missing: expected the name of whoever says so'
  return new ApiProblem(400, `#/by: ${detail}`, [{ pointer: '#/by', in: 'query', detail }])
}
