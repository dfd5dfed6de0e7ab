import type { FastifyReply } from 'fastify'
import { ApiProblem } from './problem.ts'

/** What takes long is done one at a time: parts come first. So many may wait. */
const MOST_WAITING = 8
const RETRY_AFTER_S = 2

/** Runs work in the order it came. What it gives rejects with a problem (503) where too much waits. */
export function oneAtATime(): <T>(work: () => Promise<T>, reply: FastifyReply) => Promise<T> {
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()
  return async (work, reply) => {
    if (waiting >= MOST_WAITING) {
      reply.header('retry-after', String(RETRY_AFTER_S))
      throw new ApiProblem(503, 'too many ask at once: try again in a moment')
    }
    waiting += 1
    const done = turn.then(work)
    turn = done.catch(() => {})
    try {
      return await done
    } finally {
      waiting -= 1
    }
  }
}
