/**
 * Counts, with strace, the syncs of the write-ahead log that appends cost, and looks for an acknowledgement that came
 * before its sync. One JSON line a mode; exit status 1 when the promise is broken, 69 when strace does not work.
 *   fsync-count.js [COUNT]
 */
import { countSyncs, straceFault } from '../gateway/store/syncs.ts'

const fault = straceFault()
if (fault !== undefined) {
  console.error(fault)
  process.exit(69)
}
const count = Number(process.argv[2] ?? 50)
for (const mode of ['sequential', 'concurrent'] as const) {
  const syncs = await countSyncs(mode, count)
  console.log(JSON.stringify({ mode, appends: count, ...syncs }))
  const kept = syncs.acknowledged === count && syncs.unsynced === 0
  if (!kept || (mode === 'sequential' && syncs.walSyncs < count)) process.exitCode = 1
}
