import type { FastifyInstance, FastifySchema, FastifyTypeProvider } from 'fastify'
import { z } from 'zod'
import { MOMENT_FORMS, momentOf } from '../aggregates/moment-text.ts'
import { ApiProblem, fieldErrors } from './problem.ts'

/** Gives handlers the type that their Zod schema yields; answers are typed where they are made. */
export interface ZodDoor extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown
  serializer: unknown
}

const notUsed = (): never => {
  throw new Error('the Zod door is not in use')
}

/** An option of Fastify: stands in the place of Ajv and fast-json-stringify, which are loaded at every start otherwise. */
export const noSchemaCompilers = {
  compilersFactory: { buildValidator: notUsed, buildSerializer: notUsed },
}

/** Makes Fastify parse parameters, query and body with the Zod schemas of the routes. */
export function useZodDoor(app: FastifyInstance): void {
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (input: unknown) => {
    const parsed = schema.safeParse(input)
    if (parsed.success) return { value: parsed.data }
    const place = httpPart === 'querystring' ? 'query' : httpPart
    const errors = fieldErrors(parsed.error.issues, place)
    return {
      error: new ApiProblem(
        400,
        errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; '),
        errors,
      ),
    }
  })
  app.setSerializerCompiler(() => (payload) => JSON.stringify(payload))
}

/** A whole number in a query string; `Number` alone would also take `1e3`, `0x10` and blanks. */
export function wholeNumber(min: number, max: number) {
  return z
    .string(`expected one whole number from ${min} to ${max}`)
    .refine((text) => /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `expected a whole number from ${min} to ${max}`,
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: min, maximum: max })
}

/** A day or a time in a query string; a handler gets it in UTC with milliseconds. */
export function moment() {
  return z
    .string(MOMENT_FORMS)
    .refine((text) => momentOf(text) !== undefined, { error: ({ input }) => `${input}: ${MOMENT_FORMS}` })
    .transform((text) => momentOf(text) ?? text)
}

/** A route's schema as JSON Schema, for the OpenAPI document. */
export function documented(schema: FastifySchema): FastifySchema {
  const parts = Object.entries(schema).map(([part, value]) => [
    part,
    value instanceof z.ZodType ? jsonSchema(value) : value,
  ])
  return Object.fromEntries(parts)
}

/** What a client may send, or what it will get: JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}
