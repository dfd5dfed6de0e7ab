import { type Test, test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { reconcileSink } from '../../gateway/health/counters.ts'
import { silentLog } from '../../gateway/log.ts'
import { type OutboxEntry, RefusedError, type Sink } from '../../gateway/outbox.ts'
import { Pump } from '../../gateway/pump.ts'
import { Quarantine } from '../../gateway/quarantine.ts'
import { quarantineCommands } from '../../gateway/quarantine-commands.ts'
import { quarantineOptions } from '../../gateway/quarantine-options.ts'
import { type QuarantineRecord, quarantineRecord } from '../../gateway/quarantine-record.ts'
import { entries, entry } from '../fakes/inspections.ts'
import { MemoryOutbox } from '../fakes/memory-outbox.ts'

/** A receiver that keeps what it takes by id, and never takes some. */
class Receiver implements Sink {
  readonly name = 'plant'
  readonly window = 8
  readonly taken: number[] = []
  readonly asked: number[] = []
  readonly #clock: VirtualClock
  /** Sequences that it refuses for good. */
  poison: ReadonlySet<number>
  away = false

  constructor(clock: VirtualClock, poison: readonly number[]) {
    this.#clock = clock
    this.poison = new Set(poison)
  }

  async send(batch: readonly OutboxEntry[]): Promise<number | undefined> {
    await this.#clock.sleep(1)
    if (this.away) throw new Error('connect ECONNREFUSED')
    const first = batch.findIndex(({ sequence }) => this.poison.has(sequence))
    this.asked.push(batch[0]?.sequence ?? 0)
    const good = first === -1 ? batch : batch.slice(0, first)
    this.taken.push(...good.map(({ sequence }) => sequence))
    if (good.length === 0) throw new RefusedError(batch[0]?.sequence ?? 0, 'field type conflict')
    return good.at(-1)?.sequence
  }
}

/** The documents of a store, which outlive a process. */
class Shelf {
  readonly records = new Map<string, QuarantineRecord>()
  full = false

  get(key: string): Promise<unknown> {
    return Promise.resolve(this.records.get(key))
  }

  open(): Promise<readonly unknown[]> {
    const open = [...this.records.values()].filter(({ state }) => state === 'aside' || state === 'wanted')
    return Promise.resolve(open)
  }

  save(key: string, record: QuarantineRecord): Promise<void> {
    if (this.full) return Promise.reject(new Error('database or disk is full'))
    this.records.set(key, quarantineRecord.parse(record))
    return Promise.resolve()
  }
}

interface Stand {
  readonly clock: VirtualClock
  readonly outbox: MemoryOutbox
  readonly receiver: Receiver
  readonly shelf: Shelf
  readonly quarantine: Quarantine
  readonly pump: Pump
  readonly counts: () => { stored: number; delivered: number; backlog: number; quarantined: number }
}

/** One run of a station; the next one begins with what this one left. */
async function run(
  t: Test,
  poison: readonly number[],
  { before, options = {} }: { readonly before?: Stand; readonly options?: object } = {},
): Promise<Stand> {
  const clock = before?.clock ?? new VirtualClock()
  const outbox = before?.outbox ?? new MemoryOutbox()
  const shelf = before?.shelf ?? new Shelf()
  const receiver = before?.receiver ?? new Receiver(clock, poison)
  const quarantine: Quarantine = new Quarantine({
    options: quarantineOptions.parse(options),
    shelf,
    resend: (_, one) => pump.resend(one),
    clock,
    log: silentLog,
    random: () => 1,
  })
  const pump = new Pump({
    ...{ outbox, sink: receiver, clock, log: silentLog, random: () => 1, aside: quarantine.of('plant') },
    backlog: () => outbox.backlog('plant'),
    backoff: { firstMs: 100, longestMs: 1000 },
  })
  await quarantine.start()
  await pump.start()
  t.teardown(() => quarantine.stop())
  t.teardown(() => pump.stop())
  const counts: Stand['counts'] = () => {
    const [delivered, backlog] = [outbox.cursor('plant'), outbox.backlog('plant')]
    const sink = quarantine.counts({ name: 'plant', stored: delivered + backlog, delivered, backlog })
    t.strictSame(reconcileSink(sink), [], 'stored = delivered + backlog + quarantined')
    const { stored, quarantined } = sink
    return { stored, delivered: sink.delivered, backlog, quarantined }
  }
  return { clock, outbox, receiver, shelf, quarantine, pump, counts }
}

test('a poison message is set aside, and its neighbours go on', async (t) => {
  const stand = await run(t, [5, 12])
  const { outbox, clock, receiver, quarantine, pump, counts } = stand
  outbox.append(...entries(1, 20))
  await clock.sleep(5000)
  t.strictSame(
    receiver.taken,
    Array.from({ length: 20 }, (_, place) => place + 1).filter((one) => one !== 5 && one !== 12),
  )
  t.equal(receiver.asked.filter((one) => one === 5).length, 3, 'asked three times, then believed')
  t.strictSame(counts(), { stored: 20, delivered: 18, backlog: 0, quarantined: 2 })
  t.match(quarantine.list(), [
    {
      sink: 'plant',
      sequence: 5,
      id: entry(5).id,
      reason: /field type conflict/,
      attempts: 3,
      state: 'aside',
    },
    { sequence: 12 },
  ])
  t.match(quarantine.status(), {
    state: 'degraded',
    detail: /^2 set aside for plant; last plant: inspection 12 is refused: field type conflict/,
    facts: { quarantined: 2, wanted: 0 },
  })
  t.match(pump.status(), { state: 'ok', facts: { quarantined: 2, delivered: 18, last_sequence: 20 } })

  await t.test('it is sent again once the receiver is mended, and refused again until then', async (t) => {
    t.strictSame(await quarantine.send({ ids: [entry(5).id] }), { sent: 0, refused: 1, waiting: 0 })
    t.match(quarantine.list(), [
      { sequence: 5, attempts: 4, state: 'aside' },
      { sequence: 12, attempts: 3 },
    ])
    receiver.poison = new Set([12])
    t.strictSame(await quarantine.send({ sink: 'plant' }), { sent: 1, refused: 1, waiting: 0 })
    t.equal(receiver.taken.at(-1), 5)
    t.strictSame(counts(), { stored: 20, delivered: 19, backlog: 0, quarantined: 1 })
    t.equal(outbox.cursor('plant'), 20, 'the cursor stays')
    t.strictSame(
      stand.shelf.records.get(`plant/${entry(5).id}`)?.payload,
      undefined,
      'nobody needs it any more',
    )
  })

  await t.test('or dropped', async (t) => {
    t.equal(await quarantine.drop({ ids: [entry(12).id] }, 'Anne'), 1)
    t.match(stand.shelf.records.get(`plant/${entry(12).id}`), { state: 'dropped', closed_by: 'Anne' })
    t.strictSame(counts(), { stored: 20, delivered: 20, backlog: 0, quarantined: 0 })
    t.equal(quarantine.status().state, 'ok')
  })
})

test('a receiver that is away gets what was wanted when it is back, also after a restart', async (t) => {
  const first = await run(t, [2])
  first.outbox.append(...entries(1, 3))
  await first.clock.sleep(1000)
  first.receiver.away = true
  t.strictSame(await first.quarantine.send({}), { sent: 0, refused: 0, waiting: 1 })
  await first.pump.stop()
  await first.quarantine.stop()
  first.receiver.away = false
  first.receiver.poison = new Set()
  const second = await run(t, [], { before: first })
  await second.clock.sleep(10)
  t.strictSame(second.receiver.taken, [1, 3, 2])
  t.strictSame(second.counts(), { stored: 3, delivered: 3, backlog: 0, quarantined: 0 })
})

test('a crash between setting aside and advancing', async (t) => {
  const crashed = async (t: Test): Promise<Stand> => {
    const stand = await run(t, [2])
    stand.outbox.append(...entries(1, 4))
    // The record is on disk, the cursor is not: the disk of the cursor fails from here on.
    stand.outbox.advance = (sink, sequence) =>
      sequence >= 2
        ? Promise.reject(new Error('SIGKILL'))
        : MemoryOutbox.prototype.advance.call(stand.outbox, sink, sequence)
    await stand.clock.sleep(2000)
    t.equal(stand.shelf.records.size, 1)
    t.equal(stand.outbox.cursor('plant'), 1)
    t.equal(stand.counts().quarantined, 0, 'it counts in the backlog until the cursor has passed it')
    await stand.pump.stop()
    await stand.quarantine.stop()
    Reflect.deleteProperty(stand.outbox, 'advance')
    return stand
  }

  await t.test('repeats: one record, one refusal more', async (t) => {
    const stand = await run(t, [2], { before: await crashed(t) })
    await stand.clock.sleep(50)
    t.equal(stand.shelf.records.size, 1)
    t.strictSame(stand.receiver.taken, [1, 3, 4])
    t.strictSame(stand.counts(), { stored: 4, delivered: 3, backlog: 0, quarantined: 1 })
  })

  await t.test('or the receiver takes it after all: then nothing is set aside', async (t) => {
    const before = await crashed(t)
    before.receiver.poison = new Set()
    const stand = await run(t, [], { before })
    await stand.clock.sleep(50)
    t.strictSame(stand.receiver.taken, [1, 2, 3, 4])
    t.strictSame(stand.counts(), { stored: 4, delivered: 4, backlog: 0, quarantined: 0 })
    t.match([...stand.shelf.records.values()], [{ state: 'sent' }])
  })
})

test('a receiver that refuses everything is at fault itself: the sink waits', async (t) => {
  const all = Array.from({ length: 100 }, (_, place) => place + 1)
  const { outbox, clock, receiver, pump, counts } = await run(t, all, {
    options: { attempts: 1, in_a_row: 4 },
  })
  outbox.append(...entries(1, 100))
  await clock.sleep(10_000)
  t.strictSame(counts(), { stored: 100, delivered: 0, backlog: 96, quarantined: 4 })
  t.match(pump.status(), { state: 'degraded', detail: /inspection 5 is refused/ })
  receiver.poison = new Set([50])
  await clock.sleep(2000)
  t.strictSame(counts(), { stored: 100, delivered: 95, backlog: 0, quarantined: 5 }, 'and goes on by itself')
})

test('no room, no record: nothing is passed that is not kept', async (t) => {
  await t.test('as many as may lie there', async (t) => {
    const { outbox, clock, receiver, counts } = await run(t, [2, 4], { options: { attempts: 1, most: 1 } })
    outbox.append(...entries(1, 5))
    await clock.sleep(3000)
    t.strictSame(receiver.taken, [1, 3])
    t.strictSame(counts(), { stored: 5, delivered: 2, backlog: 2, quarantined: 1 })
  })
  await t.test('a disk that is full', async (t) => {
    const stand = await run(t, [2])
    stand.shelf.full = true
    stand.outbox.append(...entries(1, 3))
    await stand.clock.sleep(3000)
    t.strictSame(stand.counts(), { stored: 3, delivered: 1, backlog: 2, quarantined: 0 })
    stand.shelf.full = false
    await stand.clock.sleep(2000)
    t.strictSame(stand.counts(), { stored: 3, delivered: 2, backlog: 0, quarantined: 1 })
  })
})

test('what cannot be read is said, and stops nothing', async (t) => {
  const before = await run(t, [])
  before.shelf.open = () => Promise.resolve([{ schema: 'poincon.quarantine/9' }])
  const { quarantine } = await run(t, [], { before })
  t.strictSame(quarantine.list(), [])
})

test('the commands', async (t) => {
  const { outbox, clock, receiver, quarantine } = await run(t, [1])
  outbox.append(...entries(1, 2))
  await clock.sleep(2000)
  const handlers = quarantineCommands(quarantine, silentLog)
  const missing = entry(9).id
  await t.rejects(handlers['quarantine/send']({ ids: [missing] }), {
    message: `ids: ${missing}: it is not set aside`,
  })
  await t.rejects(handlers['quarantine/drop']({}), /expected ids or sink/)
  receiver.poison = new Set()
  t.strictSame(await handlers['quarantine/send']({ by: 'Anne' }), { sent: 1, refused: 0, waiting: 0 })
  t.strictSame(await handlers['quarantine/drop']({ sink: 'plant' }), { dropped: 0 })
})
