/**
 * A store that goes on whatever the disk does: what is refused is appended again until it is on disk.
 *   victim.js DIR WIDTH [DUTY]
 * It says `ack <sequence> <id> <hash>` and `refused <fault> <state>`; and of its duty besides, `did <what>` or
 * `refused <fault> <duty>`.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { faultOf } from '../../../gateway/store/error.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../../gateway/store/drafts.ts'
import { DUTIES, type Say } from './duties.ts'

/** Between two attempts, ms. */
const PAUSE_MS = 5
/** Between two appends where there is more to do than to append: the log stays small enough to be copied often, ms. */
const REST_MS = 20

const [dir = '', width = '', duty] = process.argv.slice(2)
const store = await openStore({ dir, deviceId: 'poincon-test', clock: systemClock, log: silentLog })
const random = randomFrom(process.pid)
const raw = rawRecord(random)

async function appendForEver(): Promise<never> {
  for (let draft = inspectionDraft(random); ; ) {
    try {
      const { sequence, id, payload } = await store.append(draft, raw)
      writeSync(1, `ack ${sequence} ${id} ${/"hash":"([0-9a-f]{64})"/.exec(payload)?.[1]}\n`)
      draft = inspectionDraft(random)
      if (duty !== undefined) await systemClock.sleep(REST_MS)
    } catch (error) {
      writeSync(1, `refused ${faultOf(error)} ${store.status().state}\n`)
      await systemClock.sleep(PAUSE_MS)
    }
  }
}

const say: Say = (line) => {
  writeSync(1, `${line}\n`)
}
const others = duty === undefined ? [] : [DUTIES[duty]?.(store, dir, say)]
await Promise.all([...others, ...Array.from({ length: Number(width) }, appendForEver)])
