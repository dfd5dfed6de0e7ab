import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ReleaseError } from './error.ts'

/** Statuses and reasons of OpenVEX 0.2.0 (https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md). */
const JUSTIFICATION = z.enum([
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
])

const NAMED = {
  vulnerability: z.string().regex(/^(CVE-\d{4}-\d{4,}|GHSA(-[a-z0-9]{4}){3})$/),
  component: z.string(),
}

/** What we say of one vulnerability in one component; the reasons are those the specification asks for. */
const STATEMENT = z.discriminatedUnion('status', [
  z.strictObject({
    ...NAMED,
    status: z.literal('not_affected'),
    justification: JUSTIFICATION,
    impact_statement: z.string(),
  }),
  z.strictObject({ ...NAMED, status: z.literal('affected'), action_statement: z.string() }),
  z.strictObject({ ...NAMED, status: z.literal('fixed'), status_notes: z.string() }),
  z.strictObject({ ...NAMED, status: z.literal('under_investigation'), status_notes: z.string().optional() }),
])

const STATEMENTS = z.strictObject({ author: z.string(), statements: z.array(STATEMENT) })

export type Statements = z.infer<typeof STATEMENTS>

/** Reads what is known, from `provisioning/release/vex.json`. */
export async function statementsIn(file: string): Promise<Statements> {
  const parsed = STATEMENTS.safeParse(JSON.parse(await readFile(file, 'utf8')))
  if (!parsed.success) throw new ReleaseError(`${file}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/**
 * `vex.json` of one release: each statement for it and for the component in it.
 * @param product package URL of the release
 * @param at RFC 3339: the commit's time, so that the same commit says the same
 */
export function vexText({ author, statements }: Statements, product: string, at: string): string {
  const document = {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `urn:poincon:vex:${product}`,
    author,
    timestamp: at,
    version: 1,
    statements: statements.map(({ vulnerability, component, ...said }) => ({
      vulnerability: { name: vulnerability },
      products: [{ '@id': product, subcomponents: [{ '@id': component }] }],
      ...said,
    })),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}
