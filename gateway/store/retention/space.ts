import { readFile, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Database } from '../database.ts'

/** How much room the database takes, and how much there is. Bytes. */
export interface Space {
  /** Of the file, pages that are free again included. */
  readonly fileBytes: number
  /** Pages that are free again: the next rows go there. */
  readonly freeBytes: number
  readonly pageBytes: number
  /** What the file system has left for this user. */
  readonly diskFreeBytes: number
}

/** @throws StoreError, or what the file system throws */
export async function readSpace(database: Database): Promise<Space> {
  const pages = await database.get<{ page_count: number }>('PRAGMA page_count')
  const free = await database.get<{ freelist_count: number }>('PRAGMA freelist_count')
  const size = await database.get<{ page_size: number }>('PRAGMA page_size')
  const { bavail, bsize } = await statfs(dirname(database.file))
  const pageBytes = size?.page_size ?? 4096
  return {
    fileBytes: (pages?.page_count ?? 0) * pageBytes,
    freeBytes: (free?.freelist_count ?? 0) * pageBytes,
    pageBytes,
    diskFreeBytes: bavail * bsize,
  }
}

export interface RoomLimits {
  /** Size that the file may reach, bytes; absent: the disk's. */
  readonly maxBytes?: number | undefined
  /** Share of `maxBytes` in use from which on delivered rows go, 0 to 1. */
  readonly beginShare: number
  /** What the disk shall have left, bytes. */
  readonly leastFreeBytes: number
}

/** What can still be stored before the station refuses, bytes. */
export function roomOf({ fileBytes, freeBytes, diskFreeBytes }: Space, { maxBytes }: RoomLimits): number {
  const onDisk = diskFreeBytes + freeBytes
  return maxBytes === undefined ? onDisk : Math.max(0, Math.min(maxBytes - fileBytes + freeBytes, onDisk))
}

/** Whether delivered rows have to make room now. */
export function wantsRoom(space: Space, { maxBytes, beginShare, leastFreeBytes }: RoomLimits): boolean {
  const used = space.fileBytes - space.freeBytes
  if (maxBytes !== undefined && used > maxBytes * beginShare) return true
  return space.diskFreeBytes + space.freeBytes < leastFreeBytes
}

// Pages that stay free for the next rows: to give them back and take them again would write each of them twice.
const CUSHION_BYTES = 4 * 1024 * 1024
const MUCH_FREE_SHARE = 0.25

/** Free pages to give back to the disk now: when others need the room, or when far more was freed than comes. */
export function pagesToGiveBack(space: Space, { leastFreeBytes }: RoomLimits): number {
  const { freeBytes, fileBytes, pageBytes, diskFreeBytes } = space
  const short = diskFreeBytes < leastFreeBytes
  if (!short && freeBytes <= fileBytes * MUCH_FREE_SHARE) return 0
  return Math.max(0, Math.floor((freeBytes - CUSHION_BYTES) / pageBytes))
}

/**
 * Bytes that this process has sent to block devices since it began (proc(5), io: counted when a page is dirtied; what
 * goes to memory counts nothing). Undefined where the kernel does not say.
 */
export async function writtenBytes(): Promise<number | undefined> {
  try {
    const [, digits] = /^write_bytes: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8')) ?? []
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  }
}
