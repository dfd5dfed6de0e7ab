/**
 * The station of the drain benchmark, in a process of its own whose memory nobody else uses.
 * Arguments: directory of the log, the broker, inspections in a slice. Delivers one for every message, and tells of it.
 */
import { openLog } from './backlog.ts'
import { HeldStation } from './turnstile.ts'

const MEMORY_EVERY_MS = 2000

const [dir = '', url = '', slice = ''] = process.argv.slice(2)
const store = await openLog(dir)
const station = await HeldStation.start(store, url)
let rssMb: number[] = []
const watch = setInterval(() => rssMb.push(process.memoryUsage.rss() / 1e6), MEMORY_EVERY_MS)

async function deliver(): Promise<void> {
  const count = Math.min(Number(slice), store.backlog('upstream'))
  rssMb = []
  const taken = await station.deliver(count)
  rssMb.push(process.memoryUsage.rss() / 1e6)
  process.send?.({ ...taken, count, rssMb })
}

process.on('message', () => void deliver())
process.once('disconnect', async () => {
  clearInterval(watch)
  await station.stop()
  await store.close()
})
