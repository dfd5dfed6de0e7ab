import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What the one set of flows of a station is called as an update. */
export const STATION_FLOWS = 'station'

/** One thing that this device was given besides its release, and that is in force: `content/<kind>/<name>/current`. */
export interface Content {
  /** `configuration`, `model`, `firmware` or `flow`. */
  readonly kind: string
  readonly name: string
  readonly version: string
  /** Its own, of this version: what the link leads to may change while the station runs. */
  readonly folder: string
}

/**
 * What the updater has put in force, in the order of kind and name. What this user may not read is not there for him.
 * @param updateDir `update.dir`
 */
export function contentIn(updateDir: string): readonly Content[] {
  const root = join(updateDir, 'content')
  return namesIn(root).flatMap((kind) =>
    namesIn(join(root, kind)).flatMap((name) => {
      const place = join(root, kind, name)
      const version = linkIn(place)
      if (version === undefined || !existsSync(join(place, version, 'content.json'))) return []
      return [{ kind, name, version, folder: join(place, version) }]
    }),
  )
}

/** The same with one thing in place of what is in force of its name: as it would be. */
export function withCandidate(content: readonly Content[], candidate: Content): readonly Content[] {
  const others = content.filter(({ kind, name }) => kind !== candidate.kind || name !== candidate.name)
  return [...others, candidate].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** Versions by `<kind>/<name>`. */
export function contentVersions(content: readonly Content[]): Readonly<Record<string, string>> {
  return Object.fromEntries(content.map((one) => [keyOf(one), one.version]))
}

/** Where something of a kind lies; undefined: the device was given none. */
export function contentFolder(
  content: readonly Content[],
  kind: Content['kind'],
  name: string,
): string | undefined {
  return content.find((one) => one.kind === kind && one.name === name)?.folder
}

function keyOf({ kind, name }: Content): string {
  return `${kind}/${name}`
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/** A version, and nothing that leads elsewhere. */
function linkIn(place: string): string | undefined {
  try {
    const target = readlinkSync(join(place, 'current'))
    return /^[0-9][0-9A-Za-z.-]*$/.test(target) ? target : undefined
  } catch {
    return undefined
  }
}
