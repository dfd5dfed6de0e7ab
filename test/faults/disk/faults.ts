import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome, Scale } from '../outcome.ts'
import { damagedDatabase, damagedLog, deletedFiles } from './damage.ts'
import { dutiesOnSickDisks } from './duty.ts'
import { refusingDisks, smallDisk } from './sick.ts'

type Fault = (scale: Scale, folder: string) => AsyncGenerator<Outcome>

/** Disks that refuse, files that are damaged, files that are gone. */
export async function* diskFaults(scale: Scale): AsyncGenerator<Outcome> {
  yield* dutyFaults(scale)
  yield* storageFaults(scale)
}

/** The store alone on such disks. */
export async function* storageFaults(scale: Scale): AsyncGenerator<Outcome> {
  yield* inFolders(scale, [refusingDisks, smallDisk, damagedDatabase, damagedLog, deletedFiles])
}

/** Reading, retention and backups on disks that refuse. */
export async function* dutyFaults(scale: Scale): AsyncGenerator<Outcome> {
  yield* inFolders(scale, [dutiesOnSickDisks])
}

async function* inFolders(scale: Scale, faults: readonly Fault[]): AsyncGenerator<Outcome> {
  for (const family of faults) {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-disk-'))
    try {
      yield* family(scale, folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
