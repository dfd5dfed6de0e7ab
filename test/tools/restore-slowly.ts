/**
 * Restores BACKUP into DATA by force, and says `moving` on standard output when the old log is about to be moved: to be
 * killed from then on.
 *   restore-slowly.js BACKUP DATA
 */
import { writeSync } from 'node:fs'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { restoreBackup } from '../../gateway/backup/restore.ts'

const [backup = '', dataDir = ''] = process.argv.slice(2)
if (dataDir === '') {
  console.error('usage: restore-slowly.js BACKUP DATA')
  process.exit(64)
}

const clock: Clock = {
  ...systemClock,
  // Asked for the name of the folder that the old log goes to.
  wall: () => {
    writeSync(1, 'moving\n')
    return systemClock.wall()
  },
}
await restoreBackup({ backup, dataDir, force: true, clock })
