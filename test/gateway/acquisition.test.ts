import { test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedGate } from '../../drivers/simulated/gate.ts'
import { Acquisition, type AcquisitionOptions, type DecidedPart } from '../../gateway/acquisition.ts'
import { PartCounters, reconcile } from '../../gateway/health/counters.ts'
import { type Inspected, notInspected } from '../../gateway/inspect.ts'
import type { Action, Verdict } from '../../gateway/inspection.ts'
import { silentLog } from '../../gateway/log.ts'
import type { OutboxEntry } from '../../gateway/outbox.ts'

const GOOD: Verdict = { kind: 'graded', grade: 'A', score: 0.9, action: 'accept', findings: [] }

function seen(verdict: Verdict = GOOD): Inspected {
  return notInspected({ verdict })
}

/** A station whose heads take `measureMs` and whose disk is a list. */
function station(overrides: Partial<AcquisitionOptions> & { measureMs?: number; holdLane?: boolean } = {}) {
  const { measureMs = 150, holdLane = true, ...options } = overrides
  const clock = new VirtualClock()
  const gate = new SimulatedGate(holdLane)
  const counters = new PartCounters()
  const disk: DecidedPart[] = []
  const acquisition = new Acquisition({
    clock,
    log: silentLog,
    gate,
    dryRun: false,
    limits: { waiting: 16, appending: 100 },
    deadlineMs: () => 500,
    inspect: async (_, signal) => {
      await clock.sleep(measureMs, signal).catch(() => {})
      return seen()
    },
    storable: () => true,
    retry: () => true,
    record: (part) => () => {
      disk.push(part)
      return Promise.resolve(entry(disk.length))
    },
    stored: () => {},
    counters,
    seen: () => {},
    decided: () => {},
    source: () => Promise.resolve(),
    sourceName: 'interval',
    ...options,
  })
  return { acquisition, clock, gate, counters, disk }
}

function entry(sequence: number): OutboxEntry {
  return { epoch: 'e', sequence, id: `id-${sequence}`, payload: '{}' }
}

function verdicts(disk: readonly DecidedPart[]): string[] {
  return disk.map(({ judgement: { verdict } }) =>
    verdict.kind === 'graded' ? `${verdict.action} ${verdict.grade}` : `${verdict.action} ${verdict.reasons}`,
  )
}

test('a part is measured, the gate is told, the record is stored', async (t) => {
  const { acquisition, gate, counters, disk } = station()
  const stored = await acquisition.trigger('command', { sampleId: 'sample-1' })
  t.equal(stored.sequence, 1)
  t.strictSame(gate.moves, { accept: 1, reject: 0, hold: 0 })
  t.equal(disk[0]?.trigger.sampleId, 'sample-1')
  t.equal(disk[0]?.latencyMs, 150)
  t.match(counters.sinceStart(), {
    triggers: 1,
    accepted: 1,
    decided: 1,
    stored: 1,
    inFlight: 0,
    appending: 0,
  })
})

test('the gate is told before the disk', async (t) => {
  const order: string[] = []
  const gate = new SimulatedGate(true)
  gate.act = () => {
    order.push('gate')
    return 'in-time'
  }
  const { acquisition } = station({
    gate,
    record: () => () => {
      order.push('disk')
      return Promise.resolve(entry(1))
    },
  })
  await acquisition.trigger('interval')
  t.strictSame(order, ['gate', 'disk'])
})

test('a verdict that comes when the part is in front of the gate already: it was rejected, and that is recorded', async (t) => {
  const gate = new SimulatedGate(true)
  const expected: number[] = []
  gate.expect = (trigger) => {
    expected.push(trigger)
  }
  gate.act = () => 'late'
  const { acquisition, disk, counters } = station({ gate })
  await acquisition.trigger('light-barrier', { at: 0 })
  t.strictSame(expected, [1])
  t.strictSame(verdicts(disk), ['reject late'])
  t.match(counters.sinceStart(), { accepted: 0, rejected: 1, late: 1 })
})

test('the deadline is at the latest when the part reaches the gate, reckoned from when it was seen', async (t) => {
  const gate = Object.assign(new SimulatedGate(true), { decideWithinMs: 200 })
  const { acquisition, clock, disk } = station({ gate, measureMs: 10_000 })
  await clock.sleep(1000)
  await acquisition.trigger('light-barrier', { at: 950 })
  t.strictSame(verdicts(disk), ['reject late'])
  t.equal(disk[0]?.latencyMs, 200)
  t.equal(clock.now(), 1150)
})

test('heads that take too long: late, rejected at the deadline and not after it', async (t) => {
  const { acquisition, gate, disk, counters } = station({ measureMs: 10_000 })
  await acquisition.trigger('interval')
  t.strictSame(verdicts(disk), ['reject late'])
  t.equal(disk[0]?.latencyMs, 500)
  t.strictSame(gate.moves, { accept: 0, reject: 1, hold: 0 })
  t.match(counters.sinceStart(), { late: 1, rejected: 1 })
})

test('heads that ignore their signal delay the record, never the gate', async (t) => {
  const clock = new VirtualClock()
  const { acquisition, disk } = station({
    clock,
    inspect: async () => {
      await clock.sleep(900)
      return seen()
    },
  })
  await acquisition.trigger('interval')
  t.strictSame(verdicts(disk), ['reject late'], 'what came too late does not change what was done')
  t.equal(disk[0]?.latencyMs, 500)
})

test('overlapping parts: measured next while their deadline allows, else busy', async (t) => {
  const { acquisition, disk, gate, counters } = station({ measureMs: 200 })
  await Promise.all([1, 2, 3, 4].map(() => acquisition.trigger('interval')))
  t.strictSame(verdicts(disk).sort(), ['accept A', 'accept A', 'reject busy', 'reject busy'])
  t.strictSame(gate.moves, { accept: 2, reject: 2, hold: 0 })
  t.match(counters.sinceStart(), { triggers: 4, accepted: 2, rejected: 2, late: 0, busy: 2, stored: 4 })
})

test('a line that is too fast for the heads loses the surplus, not everything', async (t) => {
  const { acquisition, clock, counters } = station({ measureMs: 200 })
  const records: Promise<unknown>[] = []
  for (let part = 0; part < 200; part += 1) {
    records.push(acquisition.trigger('interval'))
    await clock.sleep(150)
  }
  await Promise.all(records)
  const { accepted, late } = counters.sinceStart()
  t.ok(accepted >= 140, `${accepted} of at most 150 were measured`)
  t.equal(late, 0)
})

test('more parts than may wait are turned away at once', async (t) => {
  const { acquisition, disk } = station({ limits: { waiting: 1, appending: 100 } })
  await Promise.all([1, 2, 3].map(() => acquisition.trigger('interval')))
  t.strictSame(verdicts(disk), ['reject busy', 'accept A', 'accept A'])
})

test('hold: to the lane where there is one, else the line stops until a person decides', async (t) => {
  const hold: Verdict = { kind: 'ungraded', action: 'hold', reasons: ['saturated:spectral'] }
  const inspect = () => Promise.resolve(seen(hold))
  const lane = station({ inspect })
  await lane.acquisition.trigger('interval')
  t.equal(lane.gate.lineStopped, false)
  t.equal(lane.gate.position, 'hold')

  const noLane = station({ inspect, holdLane: false })
  await noLane.acquisition.trigger('interval')
  t.equal(noLane.gate.lineStopped, true)
  t.match(noLane.acquisition.status(), { state: 'degraded', facts: { line_stopped: true } })
  noLane.acquisition.resumeLine()
  t.equal(noLane.gate.lineStopped, false)
  t.equal(noLane.acquisition.status().state, 'ok')
})

test('dry run: everything but the gate', async (t) => {
  const { acquisition, gate, disk } = station({ dryRun: true })
  await acquisition.trigger('interval')
  t.strictSame(verdicts(disk), ['accept A'])
  t.strictSame(gate.moves, { accept: 0, reject: 0, hold: 0 })
})

test('while the store takes nothing no part passes, and nothing decided is lost', async (t) => {
  let full = true
  const kept: DecidedPart[] = []
  const { acquisition, gate, counters } = station({
    storable: () => !full,
    record: (part) => () => {
      if (full) {
        full = false
        return Promise.reject(new Error('ENOSPC'))
      }
      kept.push(part)
      return Promise.resolve(entry(kept.length))
    },
  })
  await acquisition.trigger('interval')
  t.strictSame(verdicts(kept), ['hold storage-full'])
  t.strictSame(gate.moves, { accept: 0, reject: 0, hold: 1 })
  t.match(counters.sinceStart(), { held: 1, stored: 1, appending: 0, unrecorded: 0 })
})

test('a part of which no record can be made is decided all the same, counted as lost, and the next goes on', async (t) => {
  let broken = true
  const { acquisition, gate, counters } = station({
    record: () => {
      if (broken) throw new TypeError('NaN is not JSON')
      return () => Promise.resolve(entry(1))
    },
  })
  await t.rejects(acquisition.trigger('interval'), { name: 'TypeError' })
  t.match(counters.sinceStart(), { accepted: 1, appending: 0, stored: 0, unrecorded: 1 })
  broken = false
  await acquisition.trigger('interval')
  t.strictSame(gate.moves, { accept: 2, reject: 0, hold: 0 })
  t.match(counters.sinceStart(), { accepted: 2, appending: 0, stored: 1, unrecorded: 1 })
})

test('while the heads cannot look, parts are turned away for that', async (t) => {
  let obstacle: 'not-calibrated' | undefined = 'not-calibrated'
  const { acquisition, disk } = station({ obstacle: () => obstacle })
  await acquisition.trigger('interval')
  obstacle = undefined
  const measured = acquisition.trigger('interval')
  await acquisition.idle()
  t.strictSame(verdicts(disk), ['reject not-calibrated', 'accept A'], 'idle: nothing is under the heads')
  await measured
})

test('stop ends what is under way, leaves the gate safe and waits for the disk', async (t) => {
  const { acquisition, gate, disk, counters } = station()
  const first = acquisition.trigger('interval')
  const second = acquisition.trigger('interval')
  await acquisition.stop()
  await Promise.all([first, second])
  t.strictSame(verdicts(disk).sort(), ['accept A', 'reject busy'])
  t.equal(gate.position, 'reject')
  t.strictSame(reconcile(counters.sinceStart()), [])
})

test('every trigger ends in exactly one action, whatever the heads do (1,000 seeded parts)', async (t) => {
  const actions: readonly Action[] = ['accept', 'reject', 'hold']
  let state = 7
  const random = (): number => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
  const clock = new VirtualClock()
  const { acquisition, counters, gate } = station({
    clock,
    inspect: async (_, signal) => {
      await clock.sleep(random() * 700, signal).catch(() => {})
      if (random() < 0.05) throw new Error('a bug in the analysis')
      const action = actions[Math.floor(random() * 3)] ?? 'reject'
      return seen(action === 'accept' ? GOOD : { kind: 'ungraded', action, reasons: ['no-product'] })
    },
  })
  const records: Promise<unknown>[] = []
  for (let part = 0; part < 1000; part += 1) {
    records.push(acquisition.trigger('interval'))
    await clock.sleep(random() * 400)
    t.strictSame(reconcile(counters.sinceStart()), [])
  }
  await Promise.all(records)
  const { accepted, rejected, held, stored } = counters.sinceStart()
  t.equal(accepted + rejected + held, 1000)
  t.equal(stored, 1000)
  t.strictSame(gate.moves, { accept: accepted, reject: rejected, hold: held })
})
