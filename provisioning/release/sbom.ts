import { join } from 'node:path'
import { z } from 'zod'
import { ReleaseError } from './error.ts'
import { type LockedPackage, lockedIn } from './packages.ts'
import { ranBy } from './run.ts'
import type { Tools } from './tools.ts'

const COMPONENT = z.looseObject({
  type: z.string(),
  name: z.string(),
  version: z.string().optional(),
  'bom-ref': z.string().optional(),
  properties: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).optional(),
})

const DEPENDENCY = z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).optional() })

const BOM = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string(),
  metadata: z.looseObject({ component: z.looseObject({ 'bom-ref': z.string() }) }),
  components: z.array(COMPONENT),
  dependencies: z.array(DEPENDENCY),
})

/** A CycloneDX bill of materials, as far as it is looked into here. */
export type Bom = z.infer<typeof BOM>
export type Component = z.infer<typeof COMPONENT>

/** Reads a bill of materials. @throws ReleaseError where it is none */
export function bomIn(text: string, where: string): Bom {
  const parsed = BOM.safeParse(JSON.parse(text))
  if (!parsed.success) throw new ReleaseError(`${where}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/**
 * What npm knows of the packages in `stage`. npm complains of those that were pruned, and of old packages that name
 * dependencies they do not pin: what is there is told all the same.
 * @param root where cyclonedx-npm is installed
 */
export async function packagesBom(stage: string, root: string, tools: Tools): Promise<Bom> {
  const script = join(root, 'node_modules', '@cyclonedx', 'cyclonedx-npm', 'bin', 'cyclonedx-npm-cli.js')
  const flags = ['--ignore-npm-errors', '--omit', 'dev', '--output-reproducible', '--spec-version', '1.6']
  const env = { ...tools.env, npm_execpath: tools.npm }
  const { status, stdout, stderr } = await ranBy(tools.node, [script, ...flags], { cwd: stage, env })
  if (status !== 0) throw new ReleaseError(`cyclonedx-npm ended with ${status}: ${stderr.slice(-2000)}`)
  const bom = bomIn(Buffer.from(stdout).toString(), 'cyclonedx-npm')
  return withIntegrity(bom, await lockedIn(join(stage, 'package-lock.json')))
}

/** The bill with what the lockfile knows: the digest of each package's archive. */
export function withIntegrity(bom: Bom, locked: Readonly<Record<string, LockedPackage>>): Bom {
  const known = (component: Component): Component => {
    const path = component.properties?.find(({ name }) => name === 'cdx:npm:package:path')?.value
    const integrity = path === undefined ? undefined : locked[path]?.integrity
    const nested = z.array(COMPONENT).safeParse(component.components)
    return {
      ...component,
      ...(integrity?.startsWith('sha512-') ? { hashes: [sha512(integrity)] } : {}),
      ...(nested.success ? { components: nested.data.map(known) } : {}),
    }
  }
  return { ...bom, components: bom.components.map(known) }
}

function sha512(integrity: string): { readonly alg: string; readonly content: string } {
  const content = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
  return { alg: 'SHA-512', content }
}

/** The bill with more that the release depends on, which npm knows nothing of. */
export function withComponents(bom: Bom, more: readonly Component[]): Bom {
  const root = bom.metadata.component['bom-ref']
  const refs = more.flatMap((component) => component['bom-ref'] ?? [])
  const dependencies = bom.dependencies.map((one) =>
    one.ref === root ? { ...one, dependsOn: [...(one.dependsOn ?? []), ...refs].sort() } : one,
  )
  return {
    ...bom,
    components: [...bom.components, ...more],
    dependencies: [...dependencies, ...refs.map((ref) => ({ ref }))],
  }
}

/** The bill with the time of the commit, instead of that of the build. */
export function bomText(bom: Bom, at: string): string {
  return `${JSON.stringify({ ...bom, metadata: { ...bom.metadata, timestamp: at } }, null, 1)}\n`
}
