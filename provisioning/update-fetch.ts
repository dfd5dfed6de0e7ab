import type { Offer, Offers } from './client.ts'
import { hasHash } from './file-hash.ts'
import { isThere } from './slots-pointer.ts'
import { subjectOf } from './subjects.ts'
import { IntegrityError, StorageError } from './tuf-errors.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

// A packed release unpacks to about three times its size; the file itself is there as well. Others need less.
const ROOM_PER_BYTE = 4

/** Brings the file; an update that is not offered any more ends here. @throws as `Offers` */
export async function fetching(
  update: UpdateRecord,
  { tools, offers }: { readonly tools: UpdateTools; readonly offers: Offers | undefined },
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const subject = subjectOf(update)
  const unfit = await subject.unfit?.(update, tools)
  if (unfit !== undefined) return { type: 'refused', why: unfit, final: true }
  if (await subject.has(update, tools)) return { type: 'fetched', file: '' }
  if (offers === undefined) return { type: 'refused', why: 'no repository is configured', final: false }
  const offered = await offers.check(signal)
  const offer = offered.find((one) => isSame(one, update))
  if (offer === undefined)
    return { type: 'refused', why: `${update.target.path} is not offered any more`, final: false }
  await expectRoom(offer, [tools.dir, ...subject.folders(tools)], tools)
  const progress = (received: number, length: number): void => onProgress(received / Math.max(1, length))
  const { path } = await tools.step('fetch', () => offers.fetch(offer, { onProgress: progress, signal }))
  return { type: 'fetched', file: path }
}

/** Brings it to where it belongs, if it still is what was signed. */
export async function unpacking(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const subject = subjectOf(update)
  if (!(await subject.has(update, tools))) {
    const { file = '' } = update
    if (file === '' || !(await isThere(file)) || !(await hasHash(file, update.target.hash)))
      return { type: 'lost' }
    await subject.unpack(update, file, tools, signal)
  }
  return await subject.unpacked(update, tools)
}

export function isSame({ path, hash }: Offer, { target }: UpdateRecord): boolean {
  return path === target.path && hash === target.hash
}

async function expectRoom(
  { length }: Offer,
  folders: readonly string[],
  { freeBytes, policy }: UpdateTools,
): Promise<void> {
  for (const folder of folders) {
    const [free, needed] = [await freeBytes(folder), length * ROOM_PER_BYTE + policy.reserveMb * 1e6]
    if (free >= needed) continue
    const [has, wants] = [free, needed].map((bytes) => `${Math.ceil(bytes / 1e6)} MB`)
    throw new StorageError('space', `${folder}: ${has} free, this update needs ${wants}: free some space`)
  }
}

/** Whether an error says something about what was published, for good. */
export function isFinal(error: unknown): boolean {
  return error instanceof IntegrityError && error.code === 'malformed'
}
