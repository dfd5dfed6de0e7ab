import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { entries, entry } from '../../fakes/inspections.ts'
import { MemoryOutbox } from '../../fakes/memory-outbox.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { Relay } from '../../fakes/relay.ts'
import { installed } from '../../fakes/server-process.ts'
import { type Heard, Host } from './host.ts'
import { BdSeqNotes, edgeNode, TOPIC } from './node.ts'

const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

function isNodeBirth({ type }: Heard): boolean {
  return type === 'NBIRTH'
}

/** Which of 1 to `last` never came. */
function missing(sequences: readonly number[], last: number): number[] {
  const came = new Set(sequences.map(Math.abs))
  return Array.from({ length: last }, (_, place) => place + 1).filter((sequence) => !came.has(sequence))
}

test('a connection that is cut', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const relay = await Relay.open(broker.port)
  t.teardown(() => relay.close())
  const host = await Host.open(broker.url)
  t.teardown(() => host.close())
  const { outbox, sink, pump, start, drained } = edgeNode(t, `mqtt://127.0.0.1:${relay.port}`)
  outbox.append(entry(1))
  await start()
  await drained()
  outbox.append(entry(2))
  await drained()
  await host.next('DDATA', 2)
  t.strictSame(host.sequences, [-1, 2], 'stored before the birth is history, after it is not')

  await t.test('dies by its will, once, and comes back with the next bdSeq', async (t) => {
    relay.cut()
    const death = await host.next('NDEATH')
    t.equal(death.topic, TOPIC('NDEATH'))
    t.strictSame([death.qos, death.retain, death.seq], [1, false, undefined])
    t.strictSame(
      death.metrics.map(({ name, alias, datatype, value }) => ({ name, alias, datatype, value })),
      [{ name: 'bdSeq', alias: undefined, datatype: 4, value: ['long_value', 0] }],
    )
    const born = (): Heard | undefined => host.heard.slice(host.types.indexOf('NDEATH')).find(isNodeBirth)
    await host.until(() => born() !== undefined)
    const birth = born()
    t.equal(birth?.seq, 0)
    t.equal(birth && host.values(birth).bdSeq, 1)
    t.equal(host.of('NDEATH').length, 1)
  })

  await t.test('while it is away: the backlog grows, and comes as history', async (t) => {
    relay.closed = true
    while (sink.status().state === 'ok') await systemClock.sleep(5)
    outbox.append(...entries(3, 150))
    t.match(pump.status().facts, { backlog: 148 })
    t.match(sink.status().detail, /mqtt:\/\/127\.0\.0\.1:\d+: /)
    relay.closed = false
    await drained()
    outbox.append(...entries(151, 152))
    await drained()
    await host.next('DDATA', 152)
    t.strictSame(missing(host.sequences, 152), [])
    t.strictSame(
      host.sequences.slice(2),
      [...entries(3, 150).map(({ sequence }) => -sequence), 151, 152],
      'in order, and live parts are live again',
    )
    const third = host.of('DDATA')[2]
    const history = third === undefined ? {} : host.metrics(third)
    t.ok(Object.values(history).every(({ historical }) => historical === true))
    t.equal(history.sequence?.timestamp, Date.UTC(2026, 4, 1, 8, 0, 0, 3), 'when the part was seen')
  })

  await t.test('cut in the middle of batches: nothing lost, and no seq is wrong', async (t) => {
    const before = host.heard.length
    outbox.append(...entries(153, 600))
    for (const bytes of [50_000, 100_000, 166_667]) {
      await relay.passed(bytes)
      relay.cut()
    }
    await drained()
    await host.until(() => host.sequences.at(-1) === -600)
    t.strictSame(missing(host.sequences, 600), [])
    const wrong = host.heard.slice(before).filter(({ type, seq }, i) => {
      if (type === 'NBIRTH') return seq !== 0
      const previous = host.heard[before + i - 1]
      return type !== 'NDEATH' && previous?.seq !== undefined && seq !== (previous.seq + 1) % 256
    })
    t.strictSame(wrong, [])
    const births = new Set(host.of('NBIRTH').map((birth) => host.values(birth).bdSeq))
    const deaths = host.of('NDEATH').map((death) => host.values(death).bdSeq)
    t.strictSame(
      deaths.filter((bdSeq) => !births.has(bdSeq ?? null)),
      [],
      'every death has its birth',
    )
    t.equal(new Set(deaths).size, deaths.length)
  })
})

test('a broker that hangs with its sockets open: the cursor stands until it answers', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const host = await Host.open(broker.url)
  t.teardown(() => host.close())
  const { outbox, pump, start, drained } = edgeNode(t, broker.url, { deadlineMs: 300 })
  await start()
  await host.next('DBIRTH')
  broker.freeze()
  outbox.append(...entries(1, 10))
  while (pump.status().state === 'ok') await systemClock.sleep(5)
  t.match(pump.status().detail, /no answer within 300 ms/)
  t.equal(outbox.cursor('sparkplug'), 0)
  broker.thaw()
  await drained()
  await host.until(() => Math.abs(host.sequences.at(-1) ?? 0) === 10)
  t.strictSame(missing(host.sequences, 10), [])
})

test('over restarts bdSeq goes on, and each end is a death', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const host = await Host.open(broker.url)
  t.teardown(() => host.close())
  const bdSeq = new BdSeqNotes(254)
  const outbox = new MemoryOutbox()
  for (const [run, protocolVersion] of (['3.1.1', '3.1.1', '5'] as const).entries()) {
    const endpoint = { url: broker.url, protocolVersion, clientId: 'gw-1' }
    const { start, stop, drained } = edgeNode(t, broker.url, { bdSeq, endpoint }, outbox)
    outbox.append(entry(run + 1))
    await start()
    await drained()
    await stop()
    await host.until(() => host.of('NDEATH').length > run)
  }
  t.strictSame(bdSeq.written, [254, 255, 0, 1])
  const births = host.of('NBIRTH').map((birth) => host.values(birth).bdSeq)
  t.strictSame([...new Set(births)], [255, 0, 1])
  // On MQTT 5 the broker publishes the will besides.
  await host.next('NDEATH', 4)
  t.strictSame(
    host.of('NDEATH').map((death) => host.values(death).bdSeq),
    [255, 0, 1, 1],
  )
  t.strictSame(missing(host.sequences, 3), [])
})

test('a broker that is not there costs no bdSeq', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  await broker.kill()
  const { sink, notes, start } = edgeNode(t, broker.url)
  await start()
  while (sink.status().detail === 'no session yet') await systemClock.sleep(5)
  const { detail } = sink.status()
  t.match(detail, /ECONNREFUSED/)
  await broker.restart()
  const host = await Host.open(broker.url)
  t.teardown(() => host.close())
  while (sink.status().state !== 'ok') await systemClock.sleep(5)
  t.strictSame(notes.written, [0])
})

test('without a place for bdSeq there is no connection', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const memory = {
    read: () => Promise.resolve(undefined),
    write: () => Promise.reject(new Error('the disk is full')),
  }
  const { sink, start } = edgeNode(t, broker.url, { bdSeq: memory })
  await start()
  while (sink.status().detail === 'no session yet') await systemClock.sleep(5)
  t.match(sink.status(), { state: 'degraded', detail: /the disk is full/ })
})
