/**
 * Appends inspections to the store in DIR and says `ack <sequence>` on standard output for each that is on disk.
 *   append.js DIR sequential COUNT    one after the other
 *   append.js DIR concurrent COUNT    all at once
 *   append.js DIR endless WIDTH       WIDTH at a time, until killed; two sinks take everything meanwhile
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../drivers/clock.ts'
import { silentLog } from '../../gateway/log.ts'
import { openStore } from '../../gateway/store/open.ts'
import type { Store } from '../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../gateway/store/drafts.ts'

const [dir = '', mode = '', amount = ''] = process.argv.slice(2)
const count = Number(amount)
if (dir === '' || !['sequential', 'concurrent', 'endless'].includes(mode) || !(count > 0)) {
  console.error('usage: append.js DIR sequential|concurrent|endless NUMBER')
  process.exit(64)
}

const random = randomFrom(process.pid)
const store = await openStore({ dir, deviceId: 'poincon-test', clock: systemClock, log: silentLog })
let triggers = 0

async function append(): Promise<void> {
  triggers += 1
  const trigger = triggers
  store.noteTrigger(trigger)
  const { sequence } = await store.append(inspectionDraft(random, `S-${trigger}`), rawRecord(random), trigger)
  // Synchronous, so that what was acknowledged is known however this process dies.
  writeSync(1, `ack ${sequence}\n`)
}

async function deliver(from: Store, sink: string): Promise<void> {
  const never = new AbortController().signal
  for (;;) {
    const last = (await from.next(sink, 20, never)).at(-1)
    if (last !== undefined) await from.advance(sink, last.sequence)
  }
}

switch (mode) {
  case 'sequential':
    for (let done = 0; done < count; done += 1) await append()
    break
  case 'concurrent':
    await Promise.all(Array.from({ length: count }, append))
    break
  default:
    for (const sink of ['near', 'far']) {
      await store.registerSink(sink)
      void deliver(store, sink)
    }
    await Promise.all(
      Array.from({ length: count }, async () => {
        for (;;) await append()
      }),
    )
}
await store.close()
