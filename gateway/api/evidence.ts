import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ZodDoor } from './door.ts'
import { sameVersion } from './etag.ts'
import { ApiProblem, documentedProblem } from './problem.ts'

/** The picture that a verdict was given on, by its SHA-256; undefined: not kept, or not any more. */
export type AskEvidence = (sha256: string) => Promise<Uint8Array | undefined>

const byHash = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected the 64 hexadecimal digits of `camera.evidence`'),
})

/** `GET /api/v1/evidence/:sha256`: what the camera saw. */
export function evidenceRoutes(plain: FastifyInstance, evidence: AskEvidence): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.get(
    '/api/v1/evidence/:sha256',
    {
      schema: {
        summary: 'The picture that a lens was judged by',
        tags: ['inspections'],
        params: byHash,
        response: {
          200: {
            description: 'JPEG',
            content: { 'image/jpeg': { schema: { type: 'string', format: 'binary' } } },
          },
          304: { description: 'the client has it already' },
          400: documentedProblem('not a hash'),
          404: documentedProblem('not kept, or not any more'),
        },
      },
    },
    async (request, reply) => {
      const { sha256 } = request.params
      const found = await evidence(sha256)
      if (found === undefined) throw new ApiProblem(404, `no picture ${sha256} is kept`)
      const etag = `"${sha256}"`
      reply.header('etag', etag).header('cache-control', 'private, max-age=31536000, immutable')
      if (sameVersion(request, etag)) return reply.code(304).send()
      return reply.type('image/jpeg').send(Buffer.from(found))
    },
  )
}
