import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { byNumbers } from './elf.ts'
import { ReleaseError } from './error.ts'
import type { Component } from './sbom.ts'

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
  /** Its name in the bill of materials. */
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
  z.strictObject({
    ...NAMED,
    status: z.literal('fixed'),
    /** The first version without it: the release must have this one, or a later. */
    fixed_in: z.string().regex(/^\d+(\.\d+)*$/),
    status_notes: z.string(),
  }),
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
 * `vex.json` of one release: each statement for it and for the component in it, by the version that it has.
 * @param product package URL of the release
 * @param components what it is made of
 * @param at RFC 3339: the commit's time, so that the same commit says the same
 * @throws ReleaseError for a statement of what is not in it, or that its version gives the lie
 */
export function vexText(
  { author, statements }: Statements,
  product: string,
  components: readonly Component[],
  at: string,
): string {
  const document = {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `urn:poincon:vex:${product}`,
    author,
    timestamp: at,
    version: 1,
    statements: statements.map((statement) => {
      const purl = purlOf(statement, components)
      const { vulnerability, component: _, ...said } = statement
      const products = [{ '@id': product, subcomponents: [{ '@id': purl }] }]
      return { vulnerability: { name: vulnerability }, products, ...withoutProof(said) }
    }),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** What we hold ourselves to is no word of OpenVEX. */
function withoutProof(said: object): object {
  return Object.fromEntries(Object.entries(said).filter(([key]) => key !== 'fixed_in'))
}

function purlOf(statement: Statements['statements'][number], components: readonly Component[]): string {
  const { vulnerability, component: name } = statement
  const found = components.find((one) => one.name === name && typeof one.purl === 'string')
  const purl = found?.purl
  if (typeof purl !== 'string')
    throw new ReleaseError(`vex.json: ${vulnerability}: ${name}: expected the name of a part of this release`)
  if (statement.status !== 'fixed') return purl
  // What has no number is not known to be past one.
  const past = byNumbers(found?.version ?? '', statement.fixed_in) >= 0
  if (past) return purl
  const but = `${name} is ${found?.version}`
  throw new ReleaseError(`vex.json: ${vulnerability}: fixed in ${statement.fixed_in}, but ${but}: say so`)
}
