import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome, Scale } from '../outcome.ts'
import { damagedDatabase, damagedLog, deletedFiles } from './damage.ts'
import { refusingDisks, smallDisk } from './sick.ts'

/** Disks that refuse, files that are damaged, files that are gone. */
export async function* diskFaults(scale: Scale): AsyncGenerator<Outcome> {
  for (const family of [refusingDisks, smallDisk, damagedDatabase, damagedLog, deletedFiles]) {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-disk-'))
    try {
      yield* family(scale, folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
