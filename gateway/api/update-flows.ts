import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ZodDoor } from './door.ts'
import { type AskPermit, PERMIT_PROBLEMS, permitted } from './permit.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { UPDATER_HEADER, UPDATER_PROBLEMS, type UpdaterSecret, updaterOnly } from './updater.ts'

export interface FlowUpdates extends UpdaterSecret {
  /** Flows that came as an update, as JSON; undefined: there are none. */
  readonly flows: () => Promise<{ readonly version: string; readonly flows: string } | undefined>
  /** Starts the station's own Node-RED anew. @returns false where it has none */
  readonly restartFlows: () => boolean
}

const restarted = z.object({
  embedded: z
    .boolean()
    .describe('Node-RED is the station’s own process; else whoever supervises it restarts it.'),
})

/** `/api/v1/update/flows`: flows that came as an update, for a Node-RED that may not read the updater's folder. */
export function updateFlowsRoutes(plain: FastifyInstance, updates: FlowUpdates): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.get(
    '/api/v1/update/flows',
    {
      schema: {
        summary: 'Flows that came as an update',
        description: 'Only from the station’s own machine.',
        tags: ['update'],
        response: {
          200: { description: 'a list of nodes, as Node-RED has it' },
          404: documentedProblem('there are none: those of the release are in force'),
          ...PERMIT_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      await permitted(request, reply, { permit: neighbours, command: 'update/flows' })
      const found = await updates.flows()
      if (found === undefined) throw new ApiProblem(404, 'no flows came as an update')
      return reply
        .headers({
          'cache-control': 'no-store',
          'content-type': 'application/json',
          etag: `"${found.version}"`,
        })
        .send(found.flows)
    },
  )
  restartRoute(plain, updates)
}

function restartRoute(plain: FastifyInstance, updates: FlowUpdates): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.post(
    '/api/v1/update/flows',
    {
      schema: {
        summary: 'Starts the station’s own Node-RED anew, with the flows that are in force now',
        description: `Only for the updater of the station’s own machine, by \`${UPDATER_HEADER}\`.`,
        tags: ['update'],
        response: { 200: { description: 'whether it has one' }, ...UPDATER_PROBLEMS },
      },
    },
    async (request, reply) => {
      await updaterOnly(request, reply, { secret: updates, command: 'update/flows' })
      const answer: z.infer<typeof restarted> = { embedded: updates.restartFlows() }
      return reply.header('cache-control', 'no-store').send(answer)
    },
  )
}

const neighbours: AskPermit = ({ here }) =>
  Promise.resolve(
    here
      ? { allowed: true }
      : { allowed: false, status: 403, detail: 'expected a request from the station’s own machine' },
  )
