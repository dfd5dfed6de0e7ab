/**
 * A store that goes on whatever the disk does: what is refused is appended again until it is on disk.
 *   victim.js DIR WIDTH [MAX_BYTES]    says `ack <sequence> <id>`, `refused <fault> <state>`
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { faultOf } from '../../../gateway/store/error.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../../gateway/store/drafts.ts'

/** Between two attempts, ms. */
const PAUSE_MS = 5

const [dir = '', width = '', maxBytes] = process.argv.slice(2)
const store = await openStore({
  dir,
  deviceId: 'poincon-test',
  clock: systemClock,
  log: silentLog,
  ...(maxBytes === undefined ? {} : { maxBytes: Number(maxBytes) }),
})
const random = randomFrom(process.pid)
const raw = rawRecord(random)

async function appendForEver(): Promise<never> {
  for (let draft = inspectionDraft(random); ; ) {
    try {
      const { sequence, id } = await store.append(draft, raw)
      writeSync(1, `ack ${sequence} ${id}\n`)
      draft = inspectionDraft(random)
    } catch (error) {
      writeSync(1, `refused ${faultOf(error)} ${store.status().state}\n`)
      await systemClock.sleep(PAUSE_MS)
    }
  }
}

await Promise.all(Array.from({ length: Number(width) }, appendForEver))
