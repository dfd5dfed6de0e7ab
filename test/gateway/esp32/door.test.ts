import { test } from 'tap'
import { z } from 'zod'
import { Esp32Door } from '../../../gateway/esp32/door.ts'
import { type Esp32Options, esp32Options } from '../../../gateway/esp32/options.ts'
import type { Session } from '../../../gateway/esp32/session.ts'
import type { DeviceSocket } from '../../../gateway/esp32/socket.ts'
import { silentLog } from '../../../gateway/log.ts'
import { LineTaken } from '../../../gateway/update-lock.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryLog } from './memory-log.ts'
import { randomFrom, sample } from './samples.ts'

const reply = z.looseObject({ type: z.string() })
type Reply = z.output<typeof reply>

/** The far end of a connection, in memory. */
class Wire implements DeviceSocket {
  readonly replies: Reply[] = []
  /** Why it was closed; 0 for cut without a word. */
  closedWith: number | undefined
  /** Whether it answers a ping. */
  answers = true
  bufferedAmount = 0
  readonly #door: Esp32Door
  readonly #session: Session | undefined

  constructor(door: Esp32Door, address = '10.0.0.1', port = 1000) {
    this.#door = door
    this.#session = door.welcome(this, { address, port })
  }

  send(text: string): void {
    this.replies.push(reply.parse(JSON.parse(text)))
  }

  ping(): void {
    if (this.answers) this.#session?.ponged()
  }

  close(code: number): void {
    this.closedWith ??= code
    this.#left()
  }

  terminate(): void {
    this.closedWith ??= 0
    this.#left()
  }

  say(message: unknown): void {
    this.#session?.heard(typeof message === 'string' ? message : JSON.stringify(message))
  }

  hello(device: string, mac?: string): void {
    this.say({ type: 'esp32_hello', device_id: device, mac_address: mac })
  }

  /** The last reply, when everything that was said is dealt with. */
  async last(): Promise<Reply | undefined> {
    await settled()
    return this.replies.at(-1)
  }

  #left(): void {
    if (this.#session !== undefined) this.#door.left(this.#session)
  }
}

/** What waits only for promises is done after this. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}

function doorWith(config: Partial<Esp32Options> = {}) {
  const clock = new ManualClock()
  const samples = new MemoryLog()
  const door = new Esp32Door({
    config: { ...esp32Options.parse({ enabled: true }), ...config },
    version: '0.1.0',
    samples,
    clock,
    log: silentLog,
  })
  return { door, clock, samples }
}

test('greeting, hello, sample, heartbeat, ping', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  t.match(wire.replies, [{ type: 'connection_established', version: '0.1.0' }])
  wire.hello('D1', '24:0A:C4:00:00:01')
  t.match(await wire.last(), { type: 'hello_ack', device_id: 'D1' })
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  t.match(await wire.last(), { type: 'ack', sample_id: 'S-1', status: 'saved' })
  for (const type of ['ping', 'heartbeat']) {
    wire.say({ type })
    t.match(await wire.last(), { type: 'pong' })
  }
  t.strictSame(samples.keys(), ['D1 S-1'])
  t.match(door.status(), {
    state: 'ok',
    facts: { connections: 1, devices: 1, stored: 1, repeated: 0, refused: 0 },
  })
  wire.say({ type: 'nonsense' })
  await settled()
  const [device] = door.devices()
  t.match(device, {
    ...{ deviceId: 'D1', connected: true, mac: '24:0A:C4:00:00:01', stored: 1, refused: 1 },
    refusal: { code: 'unknown-type' },
  })
  t.equal(door.status().facts?.last_sample_at, device?.lastAt)
})

test('a repeated sample is acknowledged with the same words, and stored once', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  const one = sample('S-1', 'D1', randomFrom(1))
  for (let times = 0; times < 3; times += 1) wire.say(one)
  await settled()
  const [, first, ...others] = wire.replies
  t.match(first, { type: 'ack' })
  t.strictSame(others, [first, first])
  t.equal(samples.keys().length, 1)
  const other = new Wire(door, '10.0.0.2')
  other.say(sample('S-1', 'D2', randomFrom(2)))
  t.match(await other.last(), { type: 'ack' }, 'another device may use the same name')
  t.equal(samples.keys().length, 2)
})

test('another part under a name that is taken is no repetition: it is refused, not swallowed', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  wire.say(sample('S-1', 'D1', randomFrom(2)))
  t.match(await wire.last(), {
    type: 'error',
    code: 'sample-id-taken',
    sample_id: 'S-1',
    error: /^sample_id: S-1/,
  })
  t.equal(samples.keys().length, 1)
})

test('what the log refuses is not acknowledged, and can be sent again', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  samples.refusal = new Error('the disk is full')
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  t.match(await wire.last(), {
    type: 'error',
    code: 'not-stored',
    error: /the disk is full/,
    sample_id: 'S-1',
  })
  samples.refusal = undefined
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  t.match(await wire.last(), { type: 'ack', sample_id: 'S-1' })
})

test('a sample that comes while an update has the line is sent again when it is over', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  samples.refusal = new LineTaken({ version: '0.2.0', until: '2026-11-22T04:00:00.000Z' })
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  t.match(await wire.last(), {
    type: 'error',
    code: 'updating',
    error:
      'not stored: an update to 0.2.0 has the line until 2026-11-22T04:00:00.000Z at most: try again then',
    sample_id: 'S-1',
  })
  samples.refusal = undefined
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  t.match(await wire.last(), { type: 'ack', sample_id: 'S-1' })
})

test('more messages than the rate: the limit is named, and what was acknowledged is there', async (t) => {
  const { door, samples, clock } = doorWith({ burst: 10, messages_per_second: 5 })
  const wire = new Wire(door)
  wire.hello('D1')
  const random = randomFrom(1)
  for (let number = 1; number <= 30; number += 1) wire.say(sample(`S-${number}`, 'D1', random))
  await settled()
  const refused = wire.replies.filter(({ type }) => type === 'error')
  // Until the hello was dealt with, the connection had a rate of its own: nine of its ten were samples.
  t.match(refused[0], {
    code: 'rate-limit',
    sample_id: 'S-10',
    error: /^messages_per_second: more than 5 a second/,
  })
  const acknowledged = wire.replies
    .filter(({ type }) => type === 'ack')
    .map(({ sample_id: id }) => `D1 ${String(id)}`)
  t.strictSame(acknowledged, samples.keys())
  t.equal(acknowledged.length + refused.length, 30)
  clock.spend(10_000)
  wire.say(sample('S-30', 'D1', random))
  t.match(await wire.last(), { type: 'ack', sample_id: 'S-30' }, 'later it is taken')
})

test('a device does not get a new rate by connecting anew', async (t) => {
  const { door } = doorWith({ burst: 4, messages_per_second: 1 })
  const first = new Wire(door)
  first.hello('D1')
  await settled()
  for (let times = 0; times < 4; times += 1) first.say({ type: 'ping' })
  first.terminate()
  const second = new Wire(door, '10.0.0.1', 1001)
  second.hello('D1')
  t.match(await second.last(), { type: 'hello_ack' })
  second.say({ type: 'ping' })
  t.match(await second.last(), { code: 'rate-limit' })
})

test('nor by sending before anybody knows who it is', async (t) => {
  const { door, samples } = doorWith({ burst: 4, messages_per_second: 1 })
  const random = randomFrom(1)
  let number = 0
  for (let port = 1; port <= 3; port += 1) {
    const wire = new Wire(door, '10.0.0.1', port)
    for (let times = 0; times < 4; times += 1) {
      number += 1
      wire.say(sample(`S-${number}`, 'D1', random))
    }
    await settled()
    if (port > 1) t.match(wire.replies.at(-1), { code: 'rate-limit', sample_id: `S-${number}` })
    wire.terminate()
  }
  t.equal(samples.keys().length, 4)
})

test('a queue that is full names its limit; what waits in it is dealt with in order', async (t) => {
  const { door, samples } = doorWith({ queue: 3 })
  const wire = new Wire(door)
  const release = samples.hold()
  const random = randomFrom(1)
  for (let number = 1; number <= 6; number += 1) wire.say(sample(`S-${number}`, 'D1', random))
  const refused = wire.replies.filter(({ type }) => type === 'error')
  t.match(refused, [
    { code: 'queue-full', sample_id: 'S-5', error: /^queue: 3 messages wait/ },
    { code: 'queue-full', sample_id: 'S-6' },
  ])
  release()
  await settled()
  t.strictSame(samples.keys(), ['D1 S-1', 'D1 S-2', 'D1 S-3', 'D1 S-4'])
})

test('too long a message names the limit', async (t) => {
  const { door } = doorWith({ max_message_bytes: 4096 })
  const wire = new Wire(door)
  wire.say(`{"type":"ping","more":"${'é'.repeat(2100)}"}`)
  t.match(await wire.last(), {
    code: 'too-large',
    error: /^max_message_bytes: 42\d\d: expected at most 4096$/,
  })
})

test('connections: in all, and of one address', (t) => {
  const { door } = doorWith({ max_connections: 3, max_connections_per_address: 2 })
  const [one, two, three] = [1, 2, 3].map((port) => new Wire(door, '10.0.0.1', port))
  t.equal(three?.closedWith, 1013)
  t.match(three?.replies, [
    { code: 'connections', error: /^max_connections_per_address: 2 are open from 10\.0\.0\.1/ },
  ])
  const four = new Wire(door, '10.0.0.2')
  const five = new Wire(door, '10.0.0.3')
  t.equal(four.closedWith, undefined)
  t.match(five.replies, [{ code: 'connections', error: /^max_connections: 3 are open/ }])
  t.same([one?.closedWith, two?.closedWith], [undefined, undefined])
  one?.terminate()
  t.equal(new Wire(door, '10.0.0.3').closedWith, undefined, 'who leaves makes room')
  t.match(door.status(), { facts: { turned_away: 2, connections: 3 } })
  t.end()
})

test('two devices of one id: both are told both addresses, and only one is heard', async (t) => {
  const { door, samples, clock } = doorWith()
  const first = new Wire(door, '10.0.0.1', 1111)
  first.hello('D1')
  await settled()
  const second = new Wire(door, '10.0.0.2', 2222)
  second.say(sample('S-2', 'D1', randomFrom(2)))
  const error =
    /D1: two devices have this id, 10\.0\.0\.1:1111 \(connected\) and 10\.0\.0\.2:2222 \(refused\)/
  t.match(await second.last(), { type: 'error', code: 'device-taken', sample_id: 'S-2', error })
  t.match(first.replies.at(-1), { type: 'error', code: 'device-taken', error })
  t.match(door.status(), { state: 'degraded', detail: error })
  t.strictSame(samples.keys(), [])
  first.say(sample('S-1', 'D1', randomFrom(1)))
  t.match(await first.last(), { type: 'ack', sample_id: 'S-1' })
  clock.spend(61_000)
  t.match(door.status(), { state: 'ok' }, 'forgotten a minute after its last attempt')
  t.match(door.devices(), [
    {
      ...{ deviceId: 'D1', connected: true, address: '10.0.0.1', stored: 1, repeated: 0, refused: 1 },
      refusal: { code: 'device-taken', error },
    },
  ])
})

test('a connection whose device is gone makes way for the one that comes back', async (t) => {
  const { door, samples, clock } = doorWith()
  const half = new Wire(door, '10.0.0.1', 1111)
  half.hello('D1')
  await settled()
  half.answers = false
  const back = new Wire(door, '10.0.0.1', 1112)
  back.say(sample('S-1', 'D1', randomFrom(1)))
  await settled()
  t.equal(back.replies.length, 1, 'as long as the first one may still answer')
  clock.spend(2000)
  await settled()
  t.match(back.replies.at(-1), { type: 'ack' })
  t.equal(half.closedWith, 0)
  half.say(sample('S-2', 'D1', randomFrom(2)))
  await settled()
  t.strictSame(samples.keys(), ['D1 S-1'])
})

test('an id that comes back from another chip is let in, and said', async (t) => {
  const { door } = doorWith()
  const first = new Wire(door, '10.0.0.1', 1111)
  first.hello('D1', '24:0A:C4:00:00:01')
  await settled()
  first.terminate()
  const second = new Wire(door, '10.0.0.9', 2222)
  second.hello('D1', '24:0A:C4:00:00:02')
  t.match(await second.last(), { type: 'hello_ack' })
  t.match(door.status(), {
    state: 'degraded',
    detail: /was 24:0A:C4:00:00:01 at 10\.0\.0\.1:1111, is 24:0A:C4:00:00:02 at 10\.0\.0\.9:2222/,
  })
})

test('a connection is one device’s', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  wire.hello('D1')
  wire.say(sample('S-1', 'D2', randomFrom(1)))
  t.match(await wire.last(), {
    code: 'other-device',
    sample_id: 'S-1',
    error: /^device_id: D2: this connection is D1/,
  })
  t.strictSame(samples.keys(), [])
})

test('who says nothing of itself, or nothing at all, is sent away', async (t) => {
  const { door, clock } = doorWith()
  await door.start()
  const mute = new Wire(door)
  const still = new Wire(door, '10.0.0.2')
  still.hello('D1')
  await settled()
  still.answers = false
  clock.spend(15_000)
  t.equal(mute.closedWith, 1008)
  t.match(mute.replies.at(-1), { code: 'no-hello', error: 'no esp32_hello within 15 s' })
  t.equal(still.closedWith, undefined)
  for (let times = 0; times < 2; times += 1) {
    clock.spend(30_000)
    await settled()
  }
  t.equal(still.closedWith, 0, 'cut')
  await door.stop()
})

test('a flood of garbage ends the connection; a device that does not read is cut off', async (t) => {
  const { door } = doorWith({ burst: 10_000 })
  const wire = new Wire(door)
  for (let times = 0; times < 500; times += 1) wire.say('garbage')
  t.equal(wire.closedWith, 1008)
  const deaf = new Wire(door, '10.0.0.2')
  deaf.bufferedAmount = 1 << 20
  deaf.say({ type: 'ping' })
  t.equal(deaf.closedWith, 0)
  t.match(door.status(), { facts: { connections: 0 } })
  await settled()
})

test('the stop waits for what is on its way to the disk, and acknowledges nothing after', async (t) => {
  const { door, samples } = doorWith()
  const wire = new Wire(door)
  const release = samples.hold()
  wire.say(sample('S-1', 'D1', randomFrom(1)))
  wire.say(sample('S-2', 'D1', randomFrom(2)))
  await settled()
  let stopped = false
  const stop = door.stop().then(() => {
    stopped = true
  })
  await settled()
  t.equal(wire.closedWith, 1001)
  t.notOk(stopped)
  release()
  await stop
  t.strictSame(samples.keys(), ['D1 S-1'])
  t.match(wire.replies.at(-1), { type: 'connection_established' })
  t.match(new Wire(door).closedWith, 1013)
})
