import type { FastifyReply, FastifyRequest } from 'fastify'
import { type AskPermit, permitted } from './permit.ts'
import { ApiProblem, documentedProblem } from './problem.ts'

/** Bears what the station left for its updater. */
export const UPDATER_HEADER = 'x-poincon-updater'

/** What it can be answered with besides. */
export const UPDATER_PROBLEMS = {
  403: documentedProblem('who asks is not the updater of this machine, or shows what an earlier run left'),
}

/** What is to be known of who asks. */
export interface UpdaterSecret {
  /** Whether a text is what the station left for its updater. */
  isUpdater(shown: string): boolean
}

/**
 * Lets the updater of this machine pass, and nobody else: it has no name for the broker, and shows what it read of the
 * station's data directory.
 * @throws ApiProblem 403 that names what was expected
 */
export async function updaterOnly(
  request: FastifyRequest,
  reply: FastifyReply,
  { secret, command }: { readonly secret: UpdaterSecret; readonly command: string },
): Promise<void> {
  await permitted(request, reply, { permit: neighbours, command })
  const shown = request.headers[UPDATER_HEADER]
  if (typeof shown === 'string' && secret.isUpdater(shown)) return
  const what = shown === undefined ? 'missing' : 'not that of this run'
  throw new ApiProblem(
    403,
    `${UPDATER_HEADER}: ${what}: expected what stands in update-token of the station’s data directory since its start`,
  )
}

const neighbours: AskPermit = ({ here }) =>
  Promise.resolve(
    here
      ? { allowed: true }
      : {
          allowed: false,
          status: 403,
          detail: 'expected a request from the station’s own machine: its updater',
        },
  )
