import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { systemClock } from '../../../drivers/clock.ts'
import { longestRead, sensorRoutes } from '../../../gateway/api/sensors.ts'
import { Esp32Door } from '../../../gateway/esp32/door.ts'
import { type Esp32Options, esp32Options } from '../../../gateway/esp32/options.ts'
import { silentLog } from '../../../gateway/log.ts'
import { MemoryLog } from '../esp32/memory-log.ts'
import { OldDevice } from '../esp32/old-device.ts'
import { randomFrom, sample } from '../esp32/samples.ts'

const HASTE = { flushMs: 1, reconnectMs: 20 }

/** The route and the room of the old heads on a port; what they store is in memory. */
async function listening(samples: MemoryLog, config: Partial<Esp32Options> = {}) {
  const door = new Esp32Door({
    config: { ...esp32Options.parse({ enabled: true, messages_per_second: 1000, burst: 1000 }), ...config },
    version: '0.1.0',
    samples,
    clock: systemClock,
    log: silentLog,
  })
  const app = Fastify({ forceCloseConnections: true })
  app.register(websocket, { options: { maxPayload: longestRead(door), perMessageDeflate: false } })
  sensorRoutes(app, door)
  await door.start()
  const http = await app.listen({ host: '127.0.0.1', port: 0 })
  const close = async (): Promise<void> => {
    await door.stop()
    await app.close()
  }
  const url = `${http.replace('http', 'ws')}/ws/sensors/`
  return { door, url, close, http }
}

function device(t: Test, id: string, mac = '24:0A:C4:00:00:01'): OldDevice {
  const made = new OldDevice(id, mac, HASTE)
  t.teardown(() => made.off())
  return made
}

test('an old device greets, sends, and forgets what is acknowledged', async (t) => {
  const samples = new MemoryLog()
  const { url, close } = await listening(samples)
  t.teardown(close)
  const one = device(t, 'ESP32_1')
  const random = randomFrom(1)
  for (const id of ['S-1', 'S-2', 'S-3']) one.measure(id, sample(id, 'ESP32_1', random))
  one.on(url)
  await one.until(() => one.waiting.length === 0)
  t.strictSame(
    one.replies.map(({ type }) => type),
    ['connection_established', 'hello_ack', 'ack', 'ack', 'ack'],
  )
  t.strictSame(one.acknowledged, ['S-1', 'S-2', 'S-3'])
  t.strictSame(samples.keys(), ['ESP32_1 S-1', 'ESP32_1 S-2', 'ESP32_1 S-3'])
  for (const message of [{ type: 'ping' }, { type: 'heartbeat', status: 'online', buffer_size: 0 }])
    one.say(message)
  await one.until(() => one.replies.length === 7)
  t.match(one.replies.slice(-2), [{ type: 'pong' }, { type: 'pong' }])
})

test('a ring buffer over an outage: the newest hundred come, each once, with the gateway gone in between', async (t) => {
  const samples = new MemoryLog()
  const first = await listening(samples)
  const one = device(t, 'ESP32_1')
  const random = randomFrom(1)
  for (let number = 1; number <= 130; number += 1) {
    one.measure(`S-${number}`, sample(`S-${number}`, 'ESP32_1', random))
  }
  t.equal(one.dropped, 30)
  one.on(first.url)
  await one.until(() => one.acknowledged.length >= 40)
  await first.close()
  const stored = samples.keys().length
  t.ok(stored >= one.acknowledged.length && stored < 100, 'nothing is acknowledged that is not stored')
  one.off()
  const second = await listening(samples)
  t.teardown(second.close)
  one.on(second.url)
  await one.until(() => one.waiting.length === 0)
  const expected = Array.from({ length: 100 }, (_, place) => `ESP32_1 S-${place + 31}`)
  t.strictSame(samples.keys(), expected)
})

test('an acknowledgement that never arrived: the sample comes again and is not stored twice', async (t) => {
  const samples = new MemoryLog()
  const { url, close, door } = await listening(samples)
  t.teardown(close)
  const release = samples.hold()
  const one = device(t, 'ESP32_1')
  one.measure('S-1', sample('S-1', 'ESP32_1', randomFrom(1)))
  one.on(url)
  await one.until(() => one.replies.some(({ type }) => type === 'hello_ack'))
  one.say({ type: 'ping' })
  await one.until(() => one.replies.some(({ type }) => type === 'pong'))
  // The sample is on its way to the disk when the power goes.
  one.off()
  one.on(url)
  release()
  await one.until(() => one.waiting.length === 0)
  t.strictSame(samples.keys(), ['ESP32_1 S-1'])
  const { stored, repeated } = door.status().facts ?? {}
  t.equal(stored, 1)
  t.ok(repeated === 1 || repeated === 0, 'before it was sent, or after')
})

test('more than the rate: every refusal names the limit, and in the end all is there', async (t) => {
  const samples = new MemoryLog()
  const { url, close } = await listening(samples, { burst: 20, messages_per_second: 200 })
  t.teardown(close)
  const one = device(t, 'ESP32_1')
  const random = randomFrom(1)
  for (let number = 1; number <= 60; number += 1)
    one.measure(`S-${number}`, sample(`S-${number}`, 'ESP32_1', random))
  const texts = one.waiting
  one.on(url)
  await one.until(() => one.replies.some(({ type }) => type === 'hello_ack'))
  for (let times = 0; times < 60; times += 1) one.say({ type: 'ping' })
  await one.until(() => one.replies.some(({ code }) => code === 'rate-limit'))
  t.match(
    one.replies.find(({ code }) => code === 'rate-limit'),
    { error: /^messages_per_second: more than 200 a second, 20 at once/ },
  )
  // What was refused is still in its buffer, and comes with the next connection, behind greeting and hello.
  while (one.waiting.length > 0) {
    const answered = one.replies.length + one.waiting.length + 2
    one.off()
    one.on(url)
    await one.until(() => one.replies.length >= answered)
  }
  t.same(new Set(samples.keys()), new Set(texts.map((id) => `ESP32_1 ${id}`)))
  t.equal(samples.keys().length, 60)
})

test('two devices with the same id: an error that names both addresses', async (t) => {
  const samples = new MemoryLog()
  const { url, close } = await listening(samples)
  t.teardown(close)
  const one = device(t, 'ESP32_1', '24:0A:C4:00:00:01')
  const other = device(t, 'ESP32_1', '24:0A:C4:00:00:02')
  one.on(url)
  await one.until(() => one.replies.some(({ type }) => type === 'hello_ack'))
  other.measure('S-2', sample('S-2', 'ESP32_1', randomFrom(2)))
  other.on(url)
  const both = /two devices have this id, 127\.0\.0\.1:\d+ \(connected\) and 127\.0\.0\.1:\d+ \(refused\)/
  await other.until(() => other.replies.some(({ code }) => code === 'device-taken'))
  t.match(other.replies.at(-1), { error: both })
  await one.until(() => one.replies.some(({ code }) => code === 'device-taken'))
  t.match(one.replies.at(-1), { error: both })
  t.strictSame(samples.keys(), [])
})

test('garbage, binary and far too much', async (t) => {
  const samples = new MemoryLog()
  const { url, close } = await listening(samples, { max_message_bytes: 4096 })
  t.teardown(close)
  const one = device(t, 'ESP32_1')
  one.on(url)
  await one.until(() => one.replies.some(({ type }) => type === 'hello_ack'))
  for (const message of [
    '',
    '{',
    '[]',
    '"x"',
    '{"type":"sensor_data"}',
    Uint8Array.of(1, 2),
    'x'.repeat(5000),
  ]) {
    one.say(message)
  }
  await one.until(() => one.replies.length === 9)
  t.strictSame(
    one.replies.slice(2).map(({ code }) => code),
    ['not-json', 'not-json', 'invalid', 'invalid', 'invalid', 'not-json', 'too-large'],
  )
  const closed = new Promise<number>((resolve) => {
    const flood = new WebSocket(url)
    flood.on('open', () => flood.send('x'.repeat(10_000)))
    flood.on('close', resolve)
  })
  t.equal(await closed, 1009, 'twice the limit is not even read')
  one.say({ type: 'ping' })
  await one.until(() => one.replies.at(-1)?.type === 'pong')
})

test('no page of a browser is a measuring head', async (t) => {
  const { http, url, close } = await listening(new MemoryLog())
  t.teardown(close)
  const statusFor = (origin: string, path = url): Promise<number | undefined> =>
    new Promise((resolve) => {
      const socket = new WebSocket(path, { origin })
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
      socket.on('open', () => {
        socket.terminate()
        resolve(101)
      })
    })
  t.not(await statusFor('https://elsewhere.example'), 101)
  t.not(await statusFor(http), 101)
  t.equal(await statusFor('file://'), 101, 'what the Arduino library says')
  t.equal(await statusFor('file://', url.replace(/\/$/, '')), 101, 'with or without the last slash')
})
