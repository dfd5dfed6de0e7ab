import { on } from 'node:events'
import type { FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { type ClientSocket, RealtimeClient } from '../../../gateway/api/realtime-client.ts'
import { LiveInspection } from '../../../gateway/api/realtime-messages.ts'
import { type ApiSources, buildServer } from '../../../gateway/api/server.ts'
import { FakeStation } from '../../fakes/api.ts'
import { graded, idOf, message, ungraded } from '../../fakes/messages.ts'

const event = z.looseObject({
  type: z.string(),
  skipped: z.int().min(1).optional(),
  data: z.unknown().optional(),
})
type Event = z.output<typeof event>
const sequenceOf = (data: unknown): number => z.looseObject({ sequence: z.int() }).parse(data).sequence

/** Reads a socket's events one by one, in order. */
class Watcher {
  readonly socket: WebSocket
  readonly #messages: AsyncIterator<unknown[]>

  constructor(url: string, origin?: string) {
    this.socket = new WebSocket(url, origin === undefined ? {} : { origin })
    this.#messages = on(this.socket, 'message', { close: ['close'] })
  }

  async text(): Promise<string> {
    const { value } = await this.#messages.next()
    return String(value[0])
  }

  async next(): Promise<Event> {
    return event.parse(JSON.parse(await this.text()))
  }

  /** The next event of this type; others before it are passed over. */
  async nextOf(type: string): Promise<Event> {
    let found = await this.next()
    while (found.type !== type) found = await this.next()
    return found
  }
}

async function listening(t: Test, station: FakeStation, overrides: Partial<ApiSources> = {}) {
  const app: FastifyInstance = buildServer(station.sources(overrides))
  const http = await app.listen({ host: '127.0.0.1', port: 0 })
  const sockets: WebSocket[] = []
  t.teardown(async () => {
    for (const socket of sockets) socket.terminate()
    await app.close()
  })
  const watch = (origin?: string): Watcher => {
    const watcher = new Watcher(`${http.replace('http', 'ws')}/ws/realtime`, origin)
    sockets.push(watcher.socket)
    return watcher
  }
  return { app, http, watch }
}

test('a client is greeted, sees the last fifty, the station, then what happens', async (t) => {
  const station = new FakeStation()
  for (let sequence = 1; sequence <= 60; sequence += 1) station.store(message(sequence))
  const { watch } = await listening(t, station)
  const watcher = watch()
  t.match(await watcher.next(), { type: 'connection_established', version: '0.1.0', device_id: 'station-7' })
  const latest = await watcher.next()
  t.equal(latest.type, 'latest')
  const sequences = z.array(z.unknown()).parse(latest.data).map(sequenceOf)
  t.same(
    sequences,
    Array.from({ length: 50 }, (_, place) => 60 - place),
  )
  t.match(await watcher.next(), { type: 'station', data: { phase: 'running' } })
  station.store(message(61))
  t.match(await watcher.next(), { type: 'inspection', data: { sequence: 61 } })
  station.change({ line_stopped: true })
  t.match(await watcher.next(), { type: 'station', data: { line_stopped: true } })
})

test('messages go out byte for byte as they were stored', async (t) => {
  const station = new FakeStation()
  const { watch } = await listening(t, station)
  const watcher = watch()
  await watcher.nextOf('station')
  const payload = '{"z":1.50,"a":[1e3, "\\u00e9é"]}'
  station.tell({ type: 'inspection', inspection: { sequence: 1, id: idOf(1), payload } })
  t.equal(await watcher.text(), `{"type":"inspection","data":${payload}}`)
})

test('what is stored while the history loads follows it, without gap or repeat', async (t) => {
  const station = new FakeStation()
  station.store(message(1))
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const sources = station.sources()
  const history = {
    ...sources.history,
    latest: async (limit: number) => {
      station.store(message(2))
      const found = await sources.history.latest(limit)
      station.store(message(3))
      await released
      return found
    },
  }
  const { watch } = await listening(t, station, { history })
  const watcher = watch()
  await watcher.nextOf('connection_established')
  station.store(message(4))
  release()
  const latest = await watcher.next()
  t.same(z.array(z.unknown()).parse(latest.data).map(sequenceOf), [2, 1])
  for (const sequence of [3, 4]) t.equal(sequenceOf((await watcher.nextOf('inspection')).data), sequence)
})

test('a client chooses by grade, action and device', async (t) => {
  const station = new FakeStation()
  const { watch } = await listening(t, station)
  const watcher = watch()
  await watcher.nextOf('station')
  const say = (words: unknown): void => watcher.socket.send(JSON.stringify(words))

  say({ type: 'subscribe', filters: { grade: ['C', 'REJECT'], device_id: 'station-7' }, rate: 'all' })
  t.match(await watcher.nextOf('subscribe_ack'), { filters: { grade: ['C', 'REJECT'] }, rate: 'all' })
  station.store(graded(1, 'A', 0.8))
  station.store(graded(2, 'C', 0.4))
  station.store(graded(3, 'C', 0.4, { device_id: 'station-8' }))
  station.store(ungraded(4, 'reject', ['late']))
  station.store(graded(5, 'REJECT', 0.1))
  t.equal(sequenceOf((await watcher.nextOf('inspection')).data), 2)
  t.equal(sequenceOf((await watcher.nextOf('inspection')).data), 5)

  say({ type: 'subscribe', filters: { action: 'hold' } })
  t.match(await watcher.nextOf('subscribe_ack'), { filters: { action: ['hold'] }, rate: 'watch' })
  station.store(graded(6, 'A', 0.8))
  station.store(ungraded(7, 'hold', ['storage-full']))
  t.equal(sequenceOf((await watcher.nextOf('inspection')).data), 7)

  say({ type: 'unsubscribe' })
  await watcher.nextOf('unsubscribe_ack')
  station.store(graded(8, 'A', 0.8))
  t.equal(sequenceOf((await watcher.nextOf('inspection')).data), 8)
})

test('nonsense is answered with an error that points at the field, and the connection stays', async (t) => {
  const { watch } = await listening(t, new FakeStation())
  const watcher = watch()
  await watcher.nextOf('station')
  const cases = [
    ['{', '#'],
    ['{"type":"dance"}', '#/type'],
    ['{"type":"subscribe","filters":{"grade":["Z"]}}', '#/filters/grade'],
    ['{"type":"subscribe","filters":{"colour":1}}', '#/filters/colour'],
    ['{"type":"subscribe","rate":"some"}', '#/rate'],
  ] as const
  for (const [text, pointer] of cases) {
    watcher.socket.send(text)
    t.match(await watcher.nextOf('error'), { errors: [{ pointer }] }, text)
  }
  watcher.socket.send('{"type":"ping"}')
  t.match(await watcher.nextOf('pong'), { timestamp: /Z$/ })
})

test('a history that cannot be read is said, and live events go on', async (t) => {
  const station = new FakeStation()
  const history = { ...station.sources().history, latest: () => Promise.reject(new Error('disk I/O error')) }
  const { watch } = await listening(t, station, { history })
  const watcher = watch()
  t.match(await watcher.nextOf('error'), { title: 'The last inspections cannot be read' })
  await watcher.nextOf('station')
  station.store(message(1))
  t.equal(sequenceOf((await watcher.nextOf('inspection')).data), 1)
})

test('a client that does not read stops nobody, and learns how many it missed', async (t) => {
  const station = new FakeStation()
  const { watch } = await listening(t, station, { realtime: { bufferedBytes: 65_536, pending: 16 } })
  const [slow, quick] = [watch(), watch()]
  for (const watcher of [slow, quick]) {
    await watcher.nextOf('station')
    watcher.socket.send('{"type":"subscribe","rate":"all"}')
    await watcher.nextOf('subscribe_ack')
  }
  slow.socket.pause()
  const total = 3000
  for (let sequence = 1; sequence <= total; sequence += 1) {
    station.store(message(sequence))
    const { data } = await quick.nextOf('inspection')
    if (sequenceOf(data) !== sequence) t.fail(`the quick client got ${sequenceOf(data)} for ${sequence}`)
  }
  slow.socket.resume()
  let [got, skipped, last] = [0, 0, 0]
  while (last < total) {
    const { data, skipped: missed = 0 } = await slow.nextOf('inspection')
    if (sequenceOf(data) !== last + missed + 1)
      t.fail(`${missed} skipped between ${last} and ${sequenceOf(data)}`)
    last = sequenceOf(data)
    got += 1
    skipped += missed
  }
  t.ok(skipped > 0, `${skipped} skipped`)
  t.equal(got + skipped, total)
})

test('state goes out every so often even when nothing happens', async (t) => {
  const { watch } = await listening(t, new FakeStation(), { realtime: { stationEveryMs: 20 } })
  const watcher = watch()
  for (let count = 0; count < 3; count += 1)
    t.match(await watcher.nextOf('station'), { data: { phase: 'running' } })
})

test('a client that answers no ping is cut off, one that does stays', async (t) => {
  const { watch, app } = await listening(t, new FakeStation(), { realtime: { pingEveryMs: 40 } })
  const [dead, living] = [watch(), watch()]
  await Promise.all([dead.nextOf('station'), living.nextOf('station')])
  dead.socket.pause()
  while (app.websocketServer.clients.size > 1) await new Promise((turn) => setTimeout(turn, 5))
  living.socket.send('{"type":"ping"}')
  t.equal((await living.nextOf('pong')).type, 'pong')
})

test('pages of other servers, and more clients than allowed, are turned away', async (t) => {
  const { watch, http } = await listening(t, new FakeStation(), { realtime: { clients: 1 } })
  const foreign = watch('http://evil.example')
  t.match(await new Promise((resolve) => foreign.socket.once('error', resolve)), { message: /403/ })
  const own = watch(http)
  await own.nextOf('station')
  const second = watch()
  t.equal(await new Promise((resolve) => second.socket.once('close', resolve)), 1013)
})

test('stopping says goodbye and leaves no listener behind', async (t) => {
  const station = new FakeStation()
  const { app, watch } = await listening(t, station)
  const watcher = watch()
  await watcher.nextOf('station')
  const closed = new Promise((resolve) => watcher.socket.once('close', resolve))
  await app.close()
  t.equal(await closed, 1001)
  t.equal(station.listeners, 0)
})

/** A socket whose operating system takes nothing until told. */
class StuckSocket implements ClientSocket {
  readonly sent: Event[] = []
  bufferedAmount = 0
  stuck = false
  #done: (() => void)[] = []

  send(text: string, done: () => void): void {
    this.sent.push(event.parse(JSON.parse(text)))
    if (!this.stuck) {
      setImmediate(done)
      return
    }
    this.bufferedAmount += text.length
    this.#done.push(done)
  }

  release(): void {
    this.stuck = false
    this.bufferedAmount = 0
    for (const done of this.#done.splice(0)) done()
  }
}

const limits = { bufferedBytes: 10, pending: 3, watchPerSecond: 20 }
const live = (sequence: number): LiveInspection =>
  new LiveInspection({ sequence, id: idOf(sequence), payload: `{"sequence":${sequence}}` })

test('a person who watches gets about twenty a second of a faster line, always the newest', async (t) => {
  const clock = new VirtualClock()
  const socket = new StuckSocket()
  const client = new RealtimeClient(socket, clock, limits)
  client.catchUp(undefined, 0)
  const total = 1000
  for (let sequence = 1; sequence <= total; sequence += 1) {
    client.offer(live(sequence))
    await clock.sleep(10)
  }
  await clock.sleep(100)
  const sequences = socket.sent.map(({ data }) => sequenceOf(data))
  t.ok(sequences.length >= 190 && sequences.length <= 210, `${sequences.length} in ten seconds`)
  t.equal(sequences.at(-1), total)
  t.equal(sequences.length + client.dropped, total)
  t.equal(
    socket.sent.reduce((sum, { skipped = 0 }) => sum + skipped, 0),
    client.dropped,
  )
  client.end()
})

test('a slower line arrives whole', async (t) => {
  const clock = new VirtualClock()
  const socket = new StuckSocket()
  const client = new RealtimeClient(socket, clock, limits)
  client.catchUp(undefined, 0)
  for (let sequence = 1; sequence <= 100; sequence += 1) {
    client.offer(live(sequence))
    await clock.sleep(60)
  }
  t.equal(socket.sent.length, 100)
  t.equal(client.dropped, 0)
})

test('the oldest go first when the socket takes nothing', (t) => {
  const socket = new StuckSocket()
  const client = new RealtimeClient(socket, new VirtualClock(), limits)
  client.catchUp(undefined, 0)
  client.subscribe({}, 'all')
  socket.stuck = true
  for (let sequence = 1; sequence <= 10; sequence += 1) client.offer(live(sequence))
  client.tell('{"type":"station"}')
  t.equal(socket.sent.length, 1, 'one was on its way')
  socket.release()
  t.same(
    socket.sent.map(({ data, skipped }) => [sequenceOf(data), skipped]),
    [
      [1, undefined],
      [8, 6],
      [9, undefined],
      [10, undefined],
    ],
  )
  t.end()
})
