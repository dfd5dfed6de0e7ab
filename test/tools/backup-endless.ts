/**
 * Takes a backup of the log in DATA into DIR, says `copied` on standard output after so many steps, and then rests for
 * ever: to be killed in the middle of it.
 *   backup-endless.js DATA DIR STEPS
 */
import { writeSync } from 'node:fs'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { takeBackup } from '../../gateway/backup/take.ts'

const [dataDir = '', dir = '', steps = ''] = process.argv.slice(2)
if (!(Number(steps) > 0)) {
  console.error('usage: backup-endless.js DATA DIR STEPS')
  process.exit(64)
}

let rests = 0
const clock: Clock = {
  ...systemClock,
  sleep: async () => {
    rests += 1
    if (rests < Number(steps)) return
    writeSync(1, 'copied\n')
    await systemClock.sleep(3_600_000)
  },
}
await takeBackup({ dataDir, dir, software: '0.1.0', clock })
