import { z } from 'zod'
import { ACTIONS, GRADES } from '../inspection.ts'
import type { StoredInspection } from './ports.ts'
import { fieldErrors } from './problem.ts'

/** Which inspections a client wants; a criterion that is absent lets everything pass. */
const filters = z.strictObject({
  grade: oneOrMore(z.enum(GRADES)).optional(),
  action: oneOrMore(z.enum(ACTIONS)).optional(),
  device_id: z.string().max(64).optional(),
})
export type Filters = z.output<typeof filters>

/** `watch`: as many as a person can follow, the newest first of all; `all`: everything the connection can carry. */
const rate = z.enum(['watch', 'all'])
export type Rate = z.output<typeof rate>

const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('subscribe'), filters: filters.default({}), rate: rate.default('watch') }),
  z.strictObject({ type: z.literal('unsubscribe') }),
  z.strictObject({ type: z.literal('ping') }),
  z.looseObject({ type: z.literal('heartbeat') }),
])
export type ClientMessage = z.output<typeof clientMessage>

function oneOrMore<T extends z.ZodType>(schema: T) {
  return z.union([schema.transform((one) => [one]), z.array(schema).min(1).max(16)])
}

/** @returns what the client said, or the text of the error message it gets */
export function parseClientMessage(
  text: string,
): { readonly message: ClientMessage } | { readonly error: string } {
  const parsed = clientMessage.safeParse(jsonOf(text))
  if (parsed.success) return { message: parsed.data }
  const errors = fieldErrors(parsed.error.issues)
  return { error: JSON.stringify({ type: 'error', title: 'Bad message', errors }) }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const filtered = z.object({
  device_id: z.string(),
  verdict: z.object({ grade: z.enum(GRADES).optional(), action: z.enum(ACTIONS) }),
})

/** An inspection on its way to the clients. What filters look at is read from the payload once, if one asks. */
export class LiveInspection {
  readonly sequence: number
  readonly #payload: string
  #criteria: z.ZodSafeParseResult<z.output<typeof filtered>> | undefined

  constructor({ sequence, payload }: StoredInspection) {
    this.sequence = sequence
    this.#payload = payload
  }

  /** The event as it goes out; `skipped` says how many before it this client did not get. */
  envelope(skipped: number): string {
    const note = skipped > 0 ? `"skipped":${skipped},` : ''
    return `{"type":"inspection",${note}"data":${this.#payload}}`
  }

  passes({ grade, action, device_id: deviceId }: Filters): boolean {
    if (grade === undefined && action === undefined && deviceId === undefined) return true
    this.#criteria ??= filtered.safeParse(jsonOf(this.#payload))
    if (!this.#criteria.success) return false
    const { device_id: device, verdict } = this.#criteria.data
    if (deviceId !== undefined && deviceId !== device) return false
    if (action !== undefined && !action.includes(verdict.action)) return false
    return grade === undefined || (verdict.grade !== undefined && grade.includes(verdict.grade))
  }
}

/** The last inspections in one event, newest first, their messages verbatim. */
export function latestEvent(inspections: readonly StoredInspection[]): string {
  return `{"type":"latest","data":[${inspections.map(({ payload }) => payload).join(',')}]}`
}
