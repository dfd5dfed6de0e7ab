/**
 * Runs in the guest: lives of a store on ext4 on a disk whose every write is logged, by the kernel's `dm-log-writes`.
 *   power-record.js DISK LOG INSPECTIONS [unsynced]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onlyInGuest } from './cases.ts'
import { DISK_BYTES, shell } from './power-disk.ts'

const VICTIM = fileURLToPath(new URL('power-victim.js', import.meta.url))
const MOUNTED = '/run/power'
const LOGGED = '/dev/mapper/logged'

onlyInGuest()
const [disk, log, inspections = '', ...how] = process.argv.slice(2)
mkdirSync(MOUNTED, { recursive: true })
shell(`dmsetup create logged --table '0 ${DISK_BYTES / 512} log-writes ${disk} ${log}'
  mount -t ext4 ${LOGGED} ${MOUNTED}`)
// Its first life; one under load that is killed; one that takes one inspection after the other.
const alone = Math.ceil(Number(inspections) / 3)
live('1', '5', 'close')
live('16', String(Number(inspections) - alone), 'kill')
live('1', String(alone), 'close')
shell(`umount ${MOUNTED}; dmsetup remove logged`)

function live(...args: string[]): void {
  const { status, signal } = spawnSync(
    process.execPath,
    [VICTIM, LOGGED, `${MOUNTED}/store`, ...args, ...how],
    { stdio: 'inherit' },
  )
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(`the store ended with ${status ?? signal}`)
}
