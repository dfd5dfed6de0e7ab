import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ReleaseError } from './error.ts'

/** A package as a lockfile of version 3 tells it. */
export type LockedPackage = z.infer<typeof LOCKED>

const NAMES = z.record(z.string(), z.string()).default({})

const LOCKED = z.looseObject({
  version: z.string().optional(),
  integrity: z.string().optional(),
  resolved: z.string().optional(),
  dev: z.boolean().optional(),
  dependencies: NAMES,
  optionalDependencies: NAMES,
  peerDependencies: NAMES,
})

const LOCKFILE = z.looseObject({ lockfileVersion: z.literal(3), packages: z.record(z.string(), LOCKED) })

/** The lockfile, or `node_modules/.package-lock.json`: path of each package → what it is. */
export async function lockedIn(file: string): Promise<Readonly<Record<string, LockedPackage>>> {
  const parsed = LOCKFILE.safeParse(JSON.parse(await readFile(file, 'utf8')))
  if (!parsed.success) throw new ReleaseError(`${file}: ${z.prettifyError(parsed.error)}`)
  return parsed.data.packages
}

/**
 * The lockfile without what only development needs, for a package.json without it: `npm ci` then wants nothing that
 * the release does not ship, and checks the integrity of all that it does.
 */
export function withoutDev(lockfile: unknown): unknown {
  const { packages, ...rest } = z.looseObject({ packages: z.record(z.string(), z.unknown()) }).parse(lockfile)
  const kept = Object.entries(packages).flatMap(([path, entry]) => {
    const { dev, devDependencies, ...told } = z.looseObject({ dev: z.boolean().optional() }).parse(entry)
    return dev === true ? [] : [[path, path === '' ? told : entry] as const]
  })
  return { ...rest, packages: Object.fromEntries(kept) }
}

/** A dependency that a package names and does not need at run time. `by` `*`: whoever names it. */
export interface Unneeded {
  readonly by: string
  readonly name: string
}

/**
 * The packages that are reached from the root when some dependencies do not count.
 * @param packages as installed: what is not there cannot be reached
 */
export function reachable(
  packages: Readonly<Record<string, LockedPackage>>,
  roots: readonly string[],
  unneeded: readonly Unneeded[],
): ReadonlySet<string> {
  const reached = new Set<string>()
  const waiting = roots.map((name) => `node_modules/${name}`).filter((path) => path in packages)
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = packages[path] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const skipped = unneeded.some((one) => one.name === name && (one.by === '*' || one.by === nameOf(path)))
      const found = skipped ? undefined : resolved(packages, path, name)
      if (found !== undefined) waiting.push(found)
    }
  }
  return reached
}

/** Where Node finds `name` from the package at `path`: its own node_modules, then those above it. */
function resolved(
  packages: Readonly<Record<string, LockedPackage>>,
  path: string,
  name: string,
): string | undefined {
  for (let from = path; ; from = from.slice(0, from.lastIndexOf('/node_modules/'))) {
    const candidate = `${from}/node_modules/${name}`
    if (candidate in packages) return candidate
    if (!from.includes('/node_modules/')) break
  }
  const top = `node_modules/${name}`
  return top in packages ? top : undefined
}

/** The name of the package at a path of the lockfile. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
