import type { FastifyRequest } from 'fastify'

/** Whether the client has this version already: `If-None-Match` compares weakly (RFC 9110 §13.1.2). */
export function sameVersion({ headers }: Pick<FastifyRequest, 'headers'>, etag: string): boolean {
  const given = headers['if-none-match']?.split(',') ?? []
  return given.some((entry) => ['*', etag].includes(entry.trim().replace(/^W\//, '')))
}
