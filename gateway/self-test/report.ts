import { z } from 'zod'

/** What is looked at, in this order; each needs what stands before it. */
export const CHECKS = ['configuration', 'store', 'models', 'verdicts', 'updater', 'content'] as const
export type CheckName = (typeof CHECKS)[number]

const check = z.object({
  name: z.enum(CHECKS).describe('What was looked at; a check that does not apply is absent.'),
  passed: z.boolean(),
  detail: z.string().describe('What was found, one line for a person.'),
  ms: z.int().min(0).describe('What it took.'),
})

const differingVerdict = z.object({
  id: z.string().describe('Of the inspection.'),
  sequence: z.int().min(1).describe('Its place in its epoch of the log.'),
  before: z.string().describe('The verdict that it was given: action, grade, score or reasons.'),
  after: z.string().describe('The verdict that this release gives it.'),
})
export type DifferingVerdict = Readonly<z.infer<typeof differingVerdict>>

const change = z.object({
  key: z.string().max(200).describe('Of the configuration, from the root.'),
  before: z
    .string()
    .max(500)
    .optional()
    .describe('As it is; absent: it is not there. Secrets are named, not shown.'),
  after: z.string().max(500).optional().describe('As it would be.'),
  kept: z.literal(true).optional().describe('The device’s own file says it, and it stays so.'),
})
export type Change = Readonly<z.infer<typeof change>>

/** What a release says of itself on a device on which another one is at work: `poincon.self-test/1`. */
export const selfTestReport = z.object({
  schema: z.literal('poincon.self-test/1'),
  version: z.string().describe('Of the release that was tested: the one that says this.'),
  passed: z.boolean().describe('It can take the place of the one that runs.'),
  checks: z.array(check),
  store: z
    .object({
      from: z.int().min(0).describe('Schema of the store as it lies there; 0: there is none.'),
      to: z.int().min(1).describe('Schema of this release; another one means a migration.'),
    })
    .optional()
    .describe('Absent where the store was not looked at.'),
  differing: z
    .array(differingVerdict)
    .describe('Parts that this release judges otherwise: no failure, but somebody should agree.'),
  changes: z
    .array(change)
    .max(100)
    .optional()
    .describe('Of `--with` a configuration: what would be another, and what the device keeps.'),
})
export type SelfTestReport = Readonly<z.infer<typeof selfTestReport>>
export type Check = SelfTestReport['checks'][number]
