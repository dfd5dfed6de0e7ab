/**
 * The far end of the delivery benchmark, in a process of its own: a subscriber that stores what it gets in an SQLite of
 * its own, as durably as the station does, as many rows a commit as have come. Says of each commit which it held, and when.
 * Arguments: broker, version of the protocol (4 or 5), topic filter, directory.
 */
import { join } from 'node:path'
import mqtt from 'mqtt'
import { openWriter } from '../gateway/store/connections.ts'
import { monotonicMs } from './figures.ts'

const [url = '', version = '', filter = '', dir = ''] = process.argv.slice(2)
const database = await openWriter(join(dir, 'subscriber.db'))
await database.exec('CREATE TABLE IF NOT EXISTS inspections (id TEXT NOT NULL, payload TEXT NOT NULL) STRICT')
const insert = await database.prepare('INSERT INTO inspections (id, payload) VALUES (?, ?)')
let waiting: string[] = []
let storing: Promise<void> | undefined

async function store(): Promise<void> {
  while (waiting.length > 0) {
    const payloads = waiting
    waiting = []
    // The message's own id comes before any other in canonical JSON.
    const ids = payloads.map((payload) => /"id":"([0-9a-f-]{36})"/.exec(payload)?.[1] ?? '')
    await database.exec('BEGIN IMMEDIATE')
    await Promise.all(payloads.map((payload, place) => insert.run([ids[place] ?? '', payload])))
    await database.exec('COMMIT')
    process.send?.({ atMs: monotonicMs(), ids })
  }
  storing = undefined
}

const client = await mqtt.connectAsync(url, { protocolVersion: version === '5' ? 5 : 4 })
client.on('message', (_topic, payload) => {
  waiting.push(payload.toString())
  storing ??= store()
})
await client.subscribeAsync(filter, { qos: 1 })
process.send?.('ready')
process.once('disconnect', async () => {
  await client.endAsync(true)
  await storing
  await database.close()
})
