import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import type { Alert } from '../../../gateway/alerts/alert.ts'
import {
  type AlertMemory,
  type AlertStore,
  Alerts,
  type AlertsParts,
} from '../../../gateway/alerts/alerts.ts'
import { AlertEngine, AlertError } from '../../../gateway/alerts/engine.ts'
import { type AlertMessage, acknowledgePayload, alertMessage } from '../../../gateway/alerts/message.ts'
import { alertsOptions } from '../../../gateway/alerts/rules.ts'
import { silentLog } from '../../../gateway/log.ts'
import { idOf, part, scored } from './stand.ts'

/** Keeps what the real one keeps, as JSON; refuses while it is told to. */
class Shelf implements AlertStore, AlertMemory {
  readonly rows = new Map<string, string>()
  memory: string | undefined
  broken = false

  save(alert: Alert): Promise<void> {
    if (this.broken) return Promise.reject(new Error('disk full'))
    this.rows.set(alert.id, JSON.stringify(alert))
    return Promise.resolve()
  }

  open(): Promise<readonly unknown[]> {
    if (this.broken) return Promise.reject(new Error('disk full'))
    return Promise.resolve([...this.rows.values()].map((text) => JSON.parse(text)))
  }

  get(): Promise<unknown> {
    return Promise.resolve(this.memory === undefined ? undefined : JSON.parse(this.memory))
  }

  set(snapshot: unknown): Promise<void> {
    if (this.broken) return Promise.reject(new Error('disk full'))
    this.memory = JSON.stringify(snapshot)
    return Promise.resolve()
  }

  stored(id: string): unknown {
    return JSON.parse(this.rows.get(id) ?? 'null')
  }
}

const origin = { deviceId: 'pi-1', site: 'site', line: 'line', station: 'station' }

function unitOf(clock: VirtualClock, shelf: Shelf, more: Partial<AlertsParts> = {}) {
  const published: AlertMessage[] = []
  let ids = 0
  const newId = (): string => {
    ids += 1
    return idOf(ids)
  }
  const engine = new AlertEngine(
    { ...alertsOptions.parse({}), newId },
    { nowMs: clock.now(), wallMs: clock.wall() },
  )
  const alerts = new Alerts({
    engine,
    store: shelf,
    memory: shelf,
    publish: (message) => {
      published.push(message)
    },
    origin,
    clock,
    log: silentLog,
    random: () => 0,
    ...more,
  })
  return { alerts, published }
}

test('a change is saved and published, in the form of CONTRACTS', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const { alerts, published } = unitOf(clock, shelf)
  await alerts.start()
  alerts.see(part({ id: 'i7', epoch: 'e', sequence: 9, as7341: { oxidation_index: 0.8 } }))
  await clock.sleep(1)
  t.same(published, [
    {
      schema: 'poincon.alert/1',
      id: idOf(1),
      change: 'raised',
      timestamp: '2026-01-01T00:00:00.000Z',
      device_id: 'pi-1',
      site: 'site',
      line: 'line',
      station: 'station',
      rule: 'oxidation_high',
      kind: 'threshold',
      title: 'The product is oxidised',
      subject: 'station',
      severity: 'warning',
      state: 'open',
      value: 0.8,
      limit: 0.7,
      since: '2026-01-01T00:00:00.000Z',
      inspection: { id: 'i7', epoch: 'e', sequence: 9 },
      occurrences: 1,
    },
  ])
  t.match(shelf.stored(idOf(1)), { rule: 'oxidation_high', state: 'open' })
  t.match(alerts.status(), {
    state: 'ok',
    facts: { open: 1, critical: 0, unacknowledged: 1, raised: 1, unsaved: 0 },
  })

  const { by } = acknowledgePayload.parse({ id: idOf(1), by: 'Anne' })
  t.match(alerts.acknowledge(idOf(1), by), { state: 'acknowledged', acknowledgedBy: 'Anne' })
  await clock.sleep(1)
  t.match(published[1], { change: 'acknowledged', acknowledged_by: 'Anne', state: 'acknowledged' })
  t.match(shelf.stored(idOf(1)), { acknowledgedBy: 'Anne' })
  t.throws(() => alerts.acknowledge(idOf(9), 'Anne'), AlertError)
  for (const message of published) t.same(alertMessage.parse(message), message)
  await alerts.stop()
})

test('time alone escalates and clears: it ticks by itself', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const { alerts, published } = unitOf(clock, shelf)
  await alerts.start()
  alerts.see(scored(0.5, 'B'))
  await clock.sleep(15 * 60_000 + 1500)
  t.match(
    published.map(({ change, severity }) => `${change} ${severity}`),
    ['raised warning', 'escalated critical'],
  )
  for (let good = 0; good < 5; good += 1) alerts.see(scored(0.9, 'A'))
  await clock.sleep(1)
  t.match(published[2], { change: 'cleared', state: 'cleared', cleared_at: /^2026-01-01T00:15:01/ })
  await alerts.stop()
})

test('a store that fails stops nothing: alerts are published, and saved when it works again', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const { alerts, published } = unitOf(clock, shelf)
  await alerts.start()
  shelf.broken = true
  alerts.see(scored(0.3, 'C'))
  alerts.see(scored(0.9, 'REJECT'))
  await clock.sleep(70_000)
  t.equal(published.length, 2)
  t.match(alerts.status(), {
    state: 'degraded',
    detail: 'memory: disk full; not saved: disk full',
    facts: { unsaved: 2, unpublished: 0, lost: 0 },
  })
  shelf.broken = false
  await clock.sleep(70_000)
  t.match(alerts.status(), { state: 'ok', facts: { unsaved: 0 } })
  t.equal(shelf.rows.size, 2)
  await alerts.stop()
})

test('a publisher that fails, or throws, stops nothing: messages wait, in order', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  let away = true
  const got: string[] = []
  const { alerts } = unitOf(clock, shelf, {
    publish: ({ rule }) => {
      if (away) throw new Error('no broker')
      got.push(rule)
    },
  })
  await alerts.start()
  alerts.see(scored(0.3, 'C'))
  alerts.see(scored(0.9, 'REJECT'))
  await clock.sleep(5000)
  t.equal(shelf.rows.size, 2)
  t.match(alerts.status(), {
    state: 'degraded',
    detail: 'not published: no broker',
    facts: { unpublished: 2 },
  })
  away = false
  await clock.sleep(40_000)
  t.same(got, ['quality_critical', 'grade_reject'])
  t.equal(alerts.status().state, 'ok')
  await alerts.stop()
})

test('a restart takes up what was open, with its windows', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const first = unitOf(clock, shelf)
  await first.alerts.start()
  first.alerts.see(scored(0.3, 'C'))
  for (let good = 0; good < 3; good += 1) first.alerts.see(scored(0.9, 'A'))
  await clock.sleep(61_000)
  await first.alerts.stop()

  const second = unitOf(clock, shelf)
  await second.alerts.start()
  t.match(second.alerts.open(), [{ rule: 'quality_critical', id: idOf(1) }])
  second.alerts.see(scored(0.9, 'A'))
  second.alerts.see(scored(0.9, 'A'))
  await clock.sleep(1)
  t.match(second.published, [{ change: 'cleared', id: idOf(1) }], 'the fifth good part, three were before')
  await second.alerts.stop()
})

test('a store that cannot even tell what was open is a fault that is shown, not one at start', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  shelf.broken = true
  const { alerts } = unitOf(clock, shelf)
  await alerts.start()
  t.match(alerts.status(), { state: 'degraded', detail: 'open alerts cannot be read: disk full' })
  await alerts.stop()
})

test('a rule that fails costs no part', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const { alerts } = unitOf(clock, shelf)
  await alerts.start()
  const message = {
    get verdict(): never {
      throw new Error('torn')
    },
  }
  t.doesNotThrow(() => alerts.see({ kind: 'inspection', message }))
  t.match(alerts.status(), { state: 'degraded', detail: 'rules: torn', facts: { faults: 1 } })
  alerts.see(scored(0.3, 'C'))
  t.equal(alerts.open().length, 1, 'the next part is looked at again')
  t.match(alerts.status(), { state: 'ok', facts: { faults: 1 } })
  await alerts.stop()
})

test('stop saves what was said last', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const { alerts, published } = unitOf(clock, shelf)
  await alerts.start()
  alerts.see(scored(0.3, 'C'))
  await alerts.stop()
  t.equal(shelf.rows.size, 1)
  t.equal(published.length, 1)
  t.not(shelf.memory, undefined)
})

test('stop does not wait for what never answers', async (t) => {
  const clock = new VirtualClock()
  const shelf = new Shelf()
  const never = (): Promise<void> => new Promise(() => {})
  const memory = { get: () => Promise.resolve(undefined), set: never }
  const { alerts } = unitOf(clock, shelf, { publish: never, memory })
  await alerts.start()
  alerts.see(scored(0.3, 'C'))
  await clock.sleep(1)
  const before = clock.now()
  await alerts.stop()
  t.equal(clock.now() - before, 2000, 'its grace time')
  t.equal(shelf.rows.size, 1)
})

test('more changes than may wait: the oldest go, and are counted', async (t) => {
  const [clock, shelf] = [new VirtualClock(), new Shelf()]
  const { alerts } = unitOf(clock, shelf, { publish: () => Promise.reject(new Error('no broker')) })
  await alerts.start()
  alerts.see(scored(0.3, 'C'))
  for (let again = 0; again < 1200; again += 1) alerts.acknowledge(idOf(1), 'Anne')
  t.match(alerts.status().facts, { unpublished: 1000, unsaved: 1000, lost: 402 })
  await alerts.stop()
})

test('the alerts of the flows have the same form', (t) => {
  // As docs/topics.md shows it.
  const flows = {
    schema: 'poincon.alert/1',
    rule: 'rejects-in-a-row',
    severity: 'warning',
    value: 3,
    limit: 3,
    since: '2026-11-21T08:14:10.000Z',
    timestamp: '2026-11-21T08:14:12.000Z',
    device_id: 'press-4',
    site: 'site',
    line: 'line',
    station: 'station',
    inspection: { id: '01909b5e-0000-7000-8001-0000000004d2', epoch: '01909b5e', sequence: 1234 },
  }
  t.same(alertMessage.parse(flows), flows)
  t.equal(alertMessage.safeParse({ ...flows, since: undefined }).success, false)
  t.end()
})
