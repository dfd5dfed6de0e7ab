import type { FastifyInstance } from 'fastify'
import { EngravingRefusal } from './engraving-port.ts'
import { ApiProblem, documentedProblem } from './problem.ts'

/** As much as is looked at; what follows the headers beyond it is not read. */
export const MAX_PICTURE_BYTES = 5 * 1024 * 1024

const TYPES = ['image/png', 'image/jpeg']
const EXPECTED = 'expected a picture as the body, image/png or image/jpeg'

/** What a picture can be answered with. */
export const PICTURE_PROBLEMS = {
  413: documentedProblem(`more than ${MAX_PICTURE_BYTES} bytes`),
  415: documentedProblem('neither PNG nor JPEG, by its type or by its first bytes'),
  422: documentedProblem('`fault`: `damaged`, `too-large` or `too-small` (in pixels), `blank`'),
  503: documentedProblem(
    'too many ask at once, nobody can look now, or an update has the line (`fault`: `unavailable`)',
  ),
}

/** OpenAPI of the body. */
export const PICTURE_CONSUMES = TYPES

/** Routes of `app` take pictures and nothing else. */
export function takePictures(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    TYPES,
    { parseAs: 'buffer', bodyLimit: MAX_PICTURE_BYTES },
    (_request, body, done) => done(null, body),
  )
  app.addContentTypeParser('*', ({ headers }, _payload, done) => {
    done(new ApiProblem(415, `content-type ${headers['content-type'] ?? 'missing'}: ${EXPECTED}`))
  })
}

/** @throws ApiProblem 415 where none came */
export function pictureOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array && body.length > 0) return body
  throw new ApiProblem(415, `no bytes: ${EXPECTED}`)
}

const STATUS = {
  'not-an-image': 415,
  damaged: 422,
  'too-large': 422,
  'too-small': 422,
  blank: 422,
  unavailable: 503,
} as const

/** What the work throws of pictures becomes a problem that names the fault. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof EngravingRefusal)) throw error
    const { fault, message } = error
    const errors = fault === 'unavailable' ? [] : [{ pointer: '#', in: 'body', detail: message }]
    throw new ApiProblem(STATUS[fault], message, errors, { fault })
  }
}
