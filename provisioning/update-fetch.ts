import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Offer, Offers } from './client.ts'
import { isThere } from './slots-pointer.ts'
import { IntegrityError, StorageError } from './tuf-errors.ts'
import { unpack } from './unpack.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

// A packed release unpacks to about three times its size; the file itself is there as well.
const ROOM_PER_BYTE = 4

/** Brings the file; an update that is not offered any more ends here. @throws as `Offers` */
export async function fetching(
  update: UpdateRecord,
  { tools, offers }: { readonly tools: UpdateTools; readonly offers: Offers | undefined },
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  if ((await tools.slots.facts(update.to)) !== undefined) return { type: 'fetched', file: '' }
  if (offers === undefined) return { type: 'refused', why: 'no repository is configured', final: false }
  const offered = await offers.check(signal)
  const offer = offered.find((one) => isSame(one, update))
  if (offer === undefined)
    return { type: 'refused', why: `${update.target.path} is not offered any more`, final: false }
  await expectRoom(offer, tools)
  const progress = (received: number, length: number): void => onProgress(received / Math.max(1, length))
  const { path } = await tools.step('fetch', () => offers.fetch(offer, { onProgress: progress, signal }))
  return { type: 'fetched', file: path }
}

/** Unpacks it into its slot, if it still is what was signed. */
export async function unpacking(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { slots, step } = tools
  if ((await slots.facts(update.to)) === undefined) {
    const { file = '' } = update
    if (file === '' || !(await isThere(file)) || !(await hasHash(file, update.target.hash)))
      return { type: 'lost' }
    await slots.sweep()
    const incoming = await slots.clearIncoming(update.to)
    await step('unpack', () => unpack(file, incoming, { signal }))
    await slots.admit(update.to)
  }
  const facts = await slots.facts(update.to)
  if (facts === undefined) throw new Error(`${slots.path(update.to)}: no release after it was unpacked`)
  const { platform, variant } = tools
  if (facts.platform !== platform || (facts.variant !== undefined && facts.variant !== variant)) {
    const built = [facts.platform, facts.variant].filter((word) => word !== undefined).join(' ')
    return { type: 'refused', why: `it is built for ${built}: expected ${platform}`, final: true }
  }
  return { type: 'unpacked', storeSchema: facts.store_schema }
}

export function isSame({ path, hash }: Offer, { target }: UpdateRecord): boolean {
  return path === target.path && hash === target.hash
}

async function expectRoom({ length }: Offer, { freeBytes, slots, dir, policy }: UpdateTools): Promise<void> {
  for (const folder of [dir, slots.folder]) {
    const [free, needed] = [await freeBytes(folder), length * ROOM_PER_BYTE + policy.reserveMb * 1e6]
    if (free >= needed) continue
    const [has, wants] = [free, needed].map((bytes) => `${Math.ceil(bytes / 1e6)} MB`)
    throw new StorageError('space', `${folder}: ${has} free, this update needs ${wants}: free some space`)
  }
}

/** @param expected SHA-256 or SHA-512, hex */
async function hasHash(file: string, expected: string): Promise<boolean> {
  const hash = createHash(expected.length === 128 ? 'sha512' : 'sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex') === expected
}

/** Whether an error says something about what was published, for good. */
export function isFinal(error: unknown): boolean {
  return error instanceof IntegrityError && error.code === 'malformed'
}
