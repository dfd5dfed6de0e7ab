import { closeSync, openSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Random } from '../../../drivers/simulated/random.ts'
import { type LogEntry, readAt, readBlockLog } from '../../guest/block-log.ts'
import { FILE_SYSTEM_BYTES, noted, shell } from '../../guest/power-disk.ts'
import { storedAfter } from '../stored.ts'
import { type Instant, instantsOf, isWrite, type Piece, survivors } from './block-cuts.ts'
import type { Cut } from './crashed-disk.ts'
import { faultsIn } from './holds.ts'

/** A disk as it was at the beginning, and the log of its writes. */
export interface RecordedDisk {
  readonly base: string
  readonly log: string
  /** Where an image of the disk has room. */
  readonly dir: string
  readonly points: number
  readonly seed: number
}

/** What became of a recorded disk. */
export const findings = z.strictObject({
  writes: z.int(),
  flushes: z.int(),
  bytes: z.int(),
  stored: z.int(),
  cuts: z.int(),
  /** Cuts after an acknowledgement. */
  atStake: z.int(),
  /** Cuts at which something was wrong. */
  wrong: z.int(),
  violations: z.array(z.string()),
})
export type Findings = z.infer<typeof findings>

const CUTS: readonly Cut[] = ['kept', 'partial', 'kept', 'partial', 'kept', 'partial', 'kept', 'dropped']

/** Cuts the power at instants from all along the log, mounts what is left, opens the store and looks. Needs root. */
export async function cutPower({ base, log, dir, points, seed }: RecordedDisk): Promise<Findings> {
  const folder = await mkdtemp(join(dir, 'poincon-cut-'))
  const descriptor = openSync(log, 'r')
  // In memory: ext4 and the store sync at each cut, and this disk has other things to do.
  shell(`mount -t tmpfs -o size=128m tmpfs ${folder}`)
  try {
    const entries = readBlockLog(descriptor)
    const stored = await storedAtEnd(new Replay(base, descriptor, folder), entries)
    const instants = instantsOf(entries, ({ at, length }) => noted(readAt(descriptor, at, length)))
    const random = new Random(seed)
    const chosen = spread(instants, points, random)
    const replay = new Replay(base, descriptor, folder)
    const faults: string[][] = []
    for (const [point, instant] of chosen.entries()) {
      const cut = CUTS[point % CUTS.length] ?? 'kept'
      replay.image(entries, instant, (pending) => survivors(pending, cut, random))
      const { acknowledged, end } = instant
      const found = await replay.mounted((store) => faultsIn(store, { acknowledged, stored }))
      faults.push(found.map((fault) => `entry ${end} of ${entries.length}, ${cut}: ${fault}`))
    }
    return { ...countsOf(entries), stored: stored.length, ...summary(chosen, faults) }
  } finally {
    closeSync(descriptor)
    shell(`umount ${folder}`)
    await rm(folder, { recursive: true })
  }
}

function countsOf(entries: readonly LogEntry[]): Pick<Findings, 'writes' | 'flushes' | 'bytes'> {
  const writes = entries.filter(isWrite)
  return {
    writes: writes.length,
    flushes: entries.filter(({ flush }) => flush).length,
    bytes: writes.reduce((sum, { length }) => sum + length, 0),
  }
}

function summary(
  chosen: readonly Instant[],
  faults: readonly string[][],
): Pick<Findings, 'cuts' | 'atStake' | 'wrong' | 'violations'> {
  return {
    cuts: chosen.length,
    atStake: chosen.filter(({ acknowledged }) => acknowledged > 0).length,
    wrong: faults.filter((found) => found.length > 0).length,
    violations: faults.flat(),
  }
}

/** As far from each other as they can be, no two the same; all of them where there are points enough. */
function spread(instants: readonly Instant[], points: number, random: Random): Instant[] {
  const count = Math.min(points, instants.length)
  const first = random.uniform()
  return Array.from({ length: count }, (_, point) =>
    instants.at(Math.floor(((point + first) * instants.length) / count)),
  ).filter((instant) => instant !== undefined)
}

async function storedAtEnd(replay: Replay, entries: readonly LogEntry[]): Promise<string[]> {
  const stored: string[] = []
  replay.image(entries, { end: entries.length, certain: entries.length, acknowledged: 0 }, () => [])
  const faults = await replay.mounted(async (store) => {
    for await (const page of storedAfter(store, 0)) stored.push(...page.map(({ payload }) => payload))
    return []
  })
  if (faults.length > 0) throw new Error(faults.join('; '))
  return stored
}

/** A disk that is brought forward through a log, and an image of it at each cut. */
export class Replay {
  readonly #log: number
  readonly #disk: Buffer
  readonly #image: string
  readonly #mount: string
  #applied = 0

  /** @param mount where the file system is mounted, for files in which their own paths stand */
  constructor(base: string, log: number, folder: string, mount = join(folder, 'mount')) {
    this.#log = log
    const disk = openSync(base, 'r')
    this.#disk = readAt(disk, 0, FILE_SYSTEM_BYTES)
    closeSync(disk)
    this.#image = join(folder, 'image')
    this.#mount = mount
  }

  /**
   * Writes the image that a cut leaves.
   * @param instant not before that of the last call
   */
  image(
    entries: readonly LogEntry[],
    { certain, end }: Instant,
    surviving: (pending: readonly LogEntry[]) => readonly Piece[],
  ): void {
    this.#write(this.#disk, entries.slice(this.#applied, certain).filter(isWrite))
    this.#applied = certain
    const cut = Buffer.from(this.#disk)
    this.#write(cut, surviving(entries.slice(certain, end)))
    writeFileSync(this.#image, cut)
  }

  /** Mounts the image, which lets ext4 recover, for as long as `look` looks at the store. @returns what is wrong */
  async mounted(look: (store: string) => Promise<string[]>): Promise<string[]> {
    try {
      shell(`mkdir -p ${this.#mount}; mount -t ext4 -o loop ${this.#image} ${this.#mount}`)
    } catch (error) {
      return [`ext4 does not mount: ${String(error)}`]
    }
    try {
      return await look(join(this.#mount, 'store'))
    } finally {
      shell(`umount ${this.#mount}`)
    }
  }

  #write(disk: Buffer, pieces: readonly Piece[]): void {
    for (const { offset, at, length } of pieces) readAt(this.#log, at, length).copy(disk, offset)
  }
}
