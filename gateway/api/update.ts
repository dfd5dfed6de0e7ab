import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { LONGEST_LEASE_S } from '../update-lock.ts'
import { deviceStatus, updateStatus } from '../update-status.ts'
import type { ZodDoor } from './door.ts'
import { type AskPermit, PERMIT_PROBLEMS, permitted } from './permit.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { UPDATER_HEADER, UPDATER_PROBLEMS, type UpdaterSecret, updaterOnly } from './updater.ts'

const version = z.string().min(1).max(128)

const lineReport = z.object({
  idle: z.boolean().describe('An update can have the line now.'),
  why: z.array(z.string()).describe('Why it cannot, one line each.'),
  parts_in_flight: z.int().min(0).describe('Parts between trigger and gate.'),
  since_last_trigger_s: z.int().min(0).nullable().describe('null: no part has come since the start.'),
})
export type LineReport = Readonly<z.infer<typeof lineReport>>

const consent = z.object({
  version,
  kind: z.string().max(64).exactOptional().describe('What is agreed to; absent: a release.'),
  name: z.string().max(128).exactOptional().describe('Which one of its kind; absent: a release.'),
  by: z.string().describe('Who agreed.'),
  at: z.iso.datetime(),
})
export type Consent = Readonly<z.infer<typeof consent>>

/** Where an update stands, and whether the line is its own: `/api/v1/update`. */
export const updateReport = z.object({
  status: updateStatus.nullable().describe('What the updater says; null: nothing yet.'),
  line: lineReport,
  lock: z
    .object({ version, until: z.iso.datetime().describe('When it ends by itself.') })
    .nullable()
    .describe('An update has the line: every part is rejected as `updating`.'),
  consent: consent.nullable().describe('Who agreed to the update that waits.'),
  trial: z.boolean().describe('This release runs on trial: the line is locked until the updater is content.'),
  content: z
    .record(z.string(), z.string())
    .describe('What it runs with besides its release: versions by `<kind>/<name>`.'),
  device: deviceStatus.nullable().describe('The certificate of the device; null: it has none.'),
})
export type UpdateReport = Readonly<z.infer<typeof updateReport>>

/** What the API asks of updates. */
export interface Updates extends UpdaterSecret {
  report(): UpdateReport
  /** Takes the line, or renews. @param renew it was taken before: never anew @returns why not, where that cannot be */
  lock(
    version: string,
    leaseS: number,
    renew?: boolean,
  ): { readonly until: string } | { readonly refused: readonly string[] }
  unlock(): void
  /** @returns why nobody can agree to that, where it cannot be */
  agree(version: string, by: string): Promise<Consent | { readonly refused: string }>
}

const lockOrder = z.strictObject({
  version: version.describe('What is being installed.'),
  lease_s: z
    .number()
    .min(1)
    .max(LONGEST_LEASE_S)
    .describe('The lock ends by itself after this, s; ask again to renew it.'),
  renew: z
    .boolean()
    .default(false)
    .describe('It was taken before: refused where it is gone meanwhile, as parts may have come.'),
})

/** `cmd/update/consent`, and the body of the same over HTTP. */
export const consentOrder = z.strictObject({
  version: version.describe('The version that is agreed to: the one that comes.'),
  by: z.string().min(1).max(128).default('unnamed').describe('Who agrees, for the log.'),
})

const TAGS = ['update']
const MANNER = `Only for the updater of the station’s own machine, by \`${UPDATER_HEADER}\`.`

/** `/api/v1/update`: where an update stands, its lock on the line, and the consent of whoever is at the line. */
export function updateRoutes(plain: FastifyInstance, updates: Updates, permit: AskPermit): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.get(
    '/api/v1/update',
    {
      schema: {
        summary: 'Where an update stands, whether the line is idle, and who has it',
        tags: TAGS,
        response: { 200: { description: 'as it is now', $ref: 'UpdateReport#' } },
      },
    },
    (_request, reply) => reply.header('cache-control', 'no-store').send(updates.report()),
  )
  lockRoutes(plain, updates)
  app.post(
    '/api/v1/update/consent',
    {
      schema: {
        summary: 'Agrees to the update that waits',
        description: 'Who may call the command `update/consent` by MQTT may do this.',
        tags: TAGS,
        body: consentOrder,
        response: {
          200: { description: 'agreed' },
          400: documentedProblem('the body is wrong'),
          409: documentedProblem('no such update waits'),
          ...PERMIT_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const user = await permitted(request, reply, { permit, command: 'update/consent' })
      const agreed = await updates.agree(request.body.version, user ?? request.body.by)
      if ('refused' in agreed) throw new ApiProblem(409, agreed.refused)
      return reply.header('cache-control', 'no-store').send(agreed)
    },
  )
}

/** Taken by the updater, which is a process of this machine and has no name for the broker. */
function lockRoutes(plain: FastifyInstance, updates: Updates): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.post(
    '/api/v1/update/lock',
    {
      schema: {
        summary: 'Takes the line for an update, or renews its lease',
        description: `${MANNER} While it is taken no part is inspected: each is rejected as \`updating\`, counted and stored.`,
        tags: TAGS,
        body: lockOrder,
        response: {
          200: { description: 'the line is the update’s `until` then' },
          400: documentedProblem('the body is wrong'),
          409: documentedProblem('not now: `detail` says why'),
          ...UPDATER_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      await updaterOnly(request, reply, { secret: updates, command: 'update/lock' })
      const { version, lease_s: leaseS, renew } = request.body
      const taken = updates.lock(version, leaseS, renew)
      if ('refused' in taken) throw new ApiProblem(409, taken.refused.join('; '))
      return reply.header('cache-control', 'no-store').send(taken)
    },
  )
  app.delete(
    '/api/v1/update/lock',
    {
      schema: {
        summary: 'Gives the line back',
        description: MANNER,
        tags: TAGS,
        response: { 204: { description: 'the line is nobody’s' }, ...UPDATER_PROBLEMS },
      },
    },
    async (request, reply) => {
      await updaterOnly(request, reply, { secret: updates, command: 'update/lock' })
      updates.unlock()
      return reply.code(204).header('cache-control', 'no-store').send()
    },
  )
}
