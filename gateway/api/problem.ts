import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Log } from '../log.ts'
import { conflict } from './engraving-port.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** One wrong field: where it stands and what was expected. */
export interface FieldError {
  /** JSON pointer in a URI fragment (RFC 6901 §6), as RFC 9457 shows it: `#/limit`. */
  readonly pointer: string
  /** The part of the request the pointer points into. */
  readonly in?: string
  readonly detail: string
}

/** What a client gets instead of an answer (RFC 9457). */
export const problemDetails = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().optional(),
  instance: z.string(),
  errors: z
    .array(z.object({ pointer: z.string(), in: z.string().optional(), detail: z.string() }))
    .optional(),
  fault: z.string().optional().describe('What is wrong with a picture, in one word.'),
  conflicts: z.array(conflict).optional().describe('What somebody has to be sure of.'),
})

type ProblemMembers = Readonly<Pick<z.infer<typeof problemDetails>, 'fault' | 'conflicts'>>

/** A response of a route's documentation. */
export function documentedProblem(description: string) {
  return { description, content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } } }
}

/** The request cannot be answered, and the client should know why. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly errors: readonly FieldError[]
  /** Members of this problem alone (RFC 9457 §3.2). */
  readonly more: ProblemMembers

  constructor(status: number, detail: string, errors: readonly FieldError[] = [], more: ProblemMembers = {}) {
    super(detail)
    this.status = status
    this.errors = errors
    this.more = more
  }
}

/** @returns every issue by its place; an unknown key is blamed on the key itself */
export function fieldErrors(issues: readonly z.core.$ZodIssue[], place?: string): readonly FieldError[] {
  return issues.flatMap((issue) => {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    const detail = issue.code === 'unrecognized_keys' ? 'no such field' : issue.message
    return paths.map((path) => ({
      pointer: pointerOf(path),
      ...(place === undefined ? {} : { in: place }),
      detail,
    }))
  })
}

/** `['a/b', 0]` → `#/a~1b/0` (RFC 6901 §3 and §6). */
function pointerOf(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'))
  return `#${steps.map((step) => `/${encodeURIComponent(step)}`).join('')}`
}

/** Answers with a problem document. Nothing of an inner error gets out; that goes to the log. */
export function problemHandler(log: Log) {
  return (error: FastifyError | ApiProblem, request: FastifyRequest, reply: FastifyReply): void => {
    const status = error instanceof ApiProblem ? error.status : (error.statusCode ?? 500)
    if (status >= 500 && !(error instanceof ApiProblem)) {
      log.error({ err: error, method: request.method, url: request.url }, 'request failed')
      sendProblem(request, reply, new ApiProblem(500, 'the gateway could not answer; its log says why'))
      return
    }
    sendProblem(request, reply, error instanceof ApiProblem ? error : new ApiProblem(status, error.message))
  }
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: ApiProblem): void {
  const { status, message, errors, more } = problem
  reply
    .code(status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: STATUS_CODES[status] ?? 'Error',
        status,
        detail: message,
        instance: request.url.split('?', 1)[0],
        ...(errors.length > 0 ? { errors } : {}),
        ...more,
      }),
    )
}
