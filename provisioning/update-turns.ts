import type { Offer, Offers } from './client.ts'
import type { UpdateKind } from './status.ts'
import { compareVersions } from './targets.ts'
import { isSame } from './update-fetch.ts'
import { isBeforeSwitch, type UpdateRecord } from './update-machine.ts'

/** What comes first: all else is tested by the release that will run it; a new system last, since it takes the line longest. */
const TURNS: readonly UpdateKind[] = [
  'release',
  'configuration',
  'model',
  'firmware',
  'flow',
  'recipe',
  'os-image',
]

/** Order of offers; of the same kind the newest first. */
export function byTurn({ facts: a }: Offer, { facts: b }: Offer): number {
  return TURNS.indexOf(a.kind) - TURNS.indexOf(b.kind) || compareVersions(b.version, a.version)
}

/** Whether what was committed is to look for the next offer itself. */
export function endsThePass({ kind }: UpdateRecord): boolean {
  return kind === 'release' || kind === 'os-image'
}

/**
 * Why an update that waits is given up: it was revoked or halted meanwhile, a newer one of the same came, or a release,
 * which nobody's missing consent to something else may keep back. What a person began is that person's.
 * @param refused hashes that are not taken again
 * @returns undefined: it goes on, also where nobody can be asked
 */
export async function staleness(
  update: UpdateRecord | undefined,
  offers: Offers,
  refused: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (update === undefined || update.by !== 'schedule' || !isBeforeSwitch(update.phase)) return undefined
  let offered: readonly Offer[]
  try {
    offered = (await offers.check(signal)).filter(({ hash }) => !refused.has(hash))
  } catch {
    signal.throwIfAborted()
    return undefined
  }
  const { kind, name } = update
  const release = offered.find(({ facts }) => facts.kind === 'release')
  if (kind !== 'release' && release !== undefined) return `release ${release.facts.version} comes first`
  if (offered.some((one) => isSame(one, update))) return undefined
  const other = offered.find(({ facts }) => facts.kind === kind && facts.name === name)
  return other === undefined ? 'it is not offered any more' : `${other.facts.version} came meanwhile`
}
