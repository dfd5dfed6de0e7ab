/**
 * A store that takes inspections as fast as it is asked, and delivers them to a broker, until it is killed.
 *   victim.js DIR URL WIDTH    WIDTH appends under way at a time; says `ack <sequence> <id>` for each that is on disk
 *   victim.js DIR URL 0        appends nothing, says `settled <sequence>` when everything is delivered, and ends
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { Pump } from '../../../gateway/pump.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../../gateway/store/drafts.ts'

const STATION = { site: 'site', line: 'line', station: 'station' }
const SINK = 'upstream'

const [dir = '', url = '', width = ''] = process.argv.slice(2)
const common = { clock: systemClock, log: silentLog }
const store = await openStore({ dir, deviceId: 'poincon-test', ...common })
await store.registerSink(SINK)
const sink = new MqttSink({
  name: SINK,
  endpoint: { url, protocolVersion: '5', clientId: 'poincon-victim' },
  topics: stationTopics(STATION),
  facts: () => ({ device_id: 'poincon-test', ...STATION, software: '0.1.0' }),
  backoff: { firstMs: 10, longestMs: 100 },
  ...common,
})
const pump = new Pump({ outbox: store, sink, backlog: () => store.backlog(SINK), ...common })
await sink.start(new AbortController().signal)
await pump.start()

const random = randomFrom(process.pid)
// Made once: the disk is to be the slow one here. An id each makes it another inspection.
const raw = rawRecord(random)
let trigger = 0

async function appendForEver(): Promise<never> {
  for (;;) {
    trigger += 1
    const noted = trigger
    store.noteTrigger(noted)
    const { sequence, id } = await store.append(inspectionDraft(random, `S-${noted}`), raw, noted)
    // Synchronous, so that what was acknowledged is known however this process dies.
    writeSync(1, `ack ${sequence} ${id}\n`)
  }
}

if (Number(width) > 0) {
  await Promise.all(Array.from({ length: Number(width) }, appendForEver))
} else {
  while (store.backlog(SINK) > 0) await systemClock.sleep(5)
  writeSync(1, `settled ${store.sinks()[0]?.stored}\n`)
  await pump.stop()
  await sink.stop()
  await store.close()
}
