import * as z from 'zod/mini'

const report = z.object({
  status: z.nullable(
    z.object({
      state: z.string(),
      kind: z.string(),
      from: z.optional(z.string()),
      to: z.optional(z.string()),
      waiting_for: z.optional(z.array(z.string())),
      progress: z.optional(z.number()),
      since: z.string(),
      channel: z.optional(z.string()),
      failure: z.optional(z.string()),
      differing: z.optional(
        z.array(z.object({ sequence: z.number(), before: z.string(), after: z.string() })),
      ),
      changes: z.optional(
        z.array(
          z.object({
            key: z.string(),
            before: z.optional(z.string()),
            after: z.optional(z.string()),
            kept: z.optional(z.boolean()),
          }),
        ),
      ),
    }),
  ),
  line: z.object({ why: z.array(z.string()) }),
  lock: z.nullable(z.object({ version: z.string(), until: z.string() })),
  consent: z.nullable(z.object({ version: z.string(), by: z.string(), at: z.string() })),
  trial: z.boolean(),
  device: z.nullable(
    z.object({ state: z.string(), not_after: z.optional(z.string()), failure: z.optional(z.string()) }),
  ),
})
/** What the page reads of `/api/v1/update`. */
export type UpdateView = z.infer<typeof report>
export type UpdateStatus = NonNullable<UpdateView['status']>

/** @throws ZodError naming what the page does not understand */
export function parseUpdate(body: unknown): UpdateView {
  return report.parse(body)
}
