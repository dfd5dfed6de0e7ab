import { z } from 'zod'
import { GRADES, type Verdict } from './inspection.ts'

/** A reason that says nothing is none. */
const LEAST_REASON = 10

const person = z
  .string()
  .trim()
  .min(2, 'expected the name of a person')
  .max(128)
  .describe('Who they are, as the station knows them.')

const reason = z
  .string()
  .trim()
  .min(LEAST_REASON, `expected at least ${LEAST_REASON} characters that say why`)
  .max(1000)

/** The place of an inspection in the log: for ever the same. */
const inspectionPlace = z.object({
  epoch: z.uuid(),
  sequence: z.int().min(1),
  id: z.uuid(),
})

/** A person grades: a sensor's score is none of theirs. A REJECT is never accepted (CONTRACTS). */
const overriddenVerdict = z
  .object({
    grade: z.enum(GRADES),
    action: z.enum(['accept', 'reject', 'hold']),
  })
  .refine(({ grade, action }) => grade !== 'REJECT' || action !== 'accept', {
    error: 'expected reject or hold: a REJECT is never accepted',
    path: ['action'],
  })

/** What a person decided instead of the station. The inspection itself stays as it is. */
export const overrideSchema = z
  .object({
    schema: z.literal('poincon.override/1'),
    id: z.uuid().describe('UUIDv7 of this decision.'),
    inspection: inspectionPlace.describe('What was decided anew.'),
    by: person,
    confirmed_by: person.describe('A second person, who looked too.'),
    reason,
    verdict: overriddenVerdict,
    at: z.iso.datetime(),
  })
  .refine(({ by, confirmed_by: other }) => !samePerson(by, other), {
    error: 'expected another person than `by`: four eyes',
    path: ['confirmed_by'],
  })
  .meta({ title: 'poincon.override/1' })

export type Override = z.infer<typeof overrideSchema>

/** What `cmd/verdict/override` and the API take: the rest is known to the station. */
export const overrideRequest = z.strictObject({
  inspection_id: z.uuid().describe('Of the inspection.'),
  by: person,
  confirmed_by: person,
  reason: reason.describe('Why, in a sentence.'),
  grade: z.enum(GRADES).describe('What it is graded instead.'),
  action: z.enum(['accept', 'reject', 'hold']).describe('What is done with it; a REJECT is never accepted.'),
})
export type OverrideRequest = z.infer<typeof overrideRequest>

/** The inspection that is overridden, as the log has it. */
export interface OverriddenInspection {
  readonly epoch: string
  readonly sequence: number
  readonly id: string
  readonly verdict: Pick<Verdict, 'action'> & { readonly grade?: string }
}

/** An override that may not be: what it says is for the person who asked. */
export class OverrideError extends Error {
  override readonly name = 'OverrideError'
}

/**
 * The record of a person's decision. Only with a reason, by two different people, and when it changes something.
 * @param request as it came from outside
 * @param inspection the one that `request.inspection_id` names, as it is stored
 * @param record UUIDv7 and RFC 3339 of the new record
 * @throws OverrideError naming the field, its value and what is expected
 */
export function overrideOf(
  request: unknown,
  inspection: OverriddenInspection,
  record: { readonly id: string; readonly at: string },
): Override {
  const {
    inspection_id: wanted,
    by,
    confirmed_by,
    reason: why,
    grade,
    action,
  } = parsed(overrideRequest, request)
  const { epoch, sequence, id, verdict } = inspection
  if (wanted !== id) throw new OverrideError(`inspection_id: ${wanted}: expected ${id}, which was looked up`)
  if (verdict.grade === grade && verdict.action === action) {
    throw new OverrideError(`grade, action: ${grade}, ${action}: the verdict says so already`)
  }
  return parsed(overrideSchema, {
    schema: 'poincon.override/1',
    ...record,
    inspection: { epoch, sequence, id },
    by,
    confirmed_by,
    reason: why,
    verdict: { grade, action },
  })
}

function parsed<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input, { reportInput: true })
  if (result.success) return result.data
  const problems = result.error.issues.map(
    ({ path, message, input: value }) =>
      `${path.join('.')}: ${JSON.stringify(value) ?? 'missing'}: ${message}`,
  )
  throw new OverrideError(problems.join('; '))
}

/** "Anna B." and "anna  b" are one person. */
function samePerson(one: string, other: string): boolean {
  return plain(one) === plain(other)
}

function plain(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[^\p{Letter}\p{Number}]+/gu, '')
    .toLowerCase()
}
