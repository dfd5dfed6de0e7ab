import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Clock } from '../../drivers/clock.ts'
import { parseConfig } from '../../gateway/config.ts'
import { undecided } from '../../gateway/inspect.ts'
import { silentLog } from '../../gateway/log.ts'
import { RejectWatch } from '../../gateway/reject-watch.ts'
import { rejectWatchOptions } from '../../gateway/reject-watch-options.ts'
import { keptEngravings, keptLenses } from '../../gateway/update-keeping.ts'
import { updateAtLine } from '../../gateway/update-status.ts'
import { type UpdatingParts, updating } from '../../gateway/updating.ts'
import { Stand } from './alerts/stand.ts'

const NOON = Date.UTC(2026, 10, 22, 12)
const STATUS = {
  schema: 'poincon.update/1',
  state: 'waiting',
  kind: 'release',
  since: '2026-11-22T03:00:00.000Z',
}

/** A clock that a test moves; who sleeps on it looks when the test says so. */
class HandClock implements Clock {
  #now = 0
  #due: { readonly at: number; readonly act: () => void }[] = []
  now = (): number => this.#now
  wall = (): number => NOON + this.#now

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.after(ms, resolve)
    })
  }

  after(ms: number, act: () => void): () => void {
    const entry = { at: this.#now + ms, act }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((one) => one !== entry)
    }
  }

  pass(ms: number): void {
    this.#now += ms
    for (const entry of this.#due.filter(({ at }) => at <= this.#now)) {
      this.#due = this.#due.filter((one) => one !== entry)
      entry.act()
    }
  }
}

type LineParts = ReturnType<UpdatingParts['measure']>
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** A gateway's half of an update, with a line that a test fills. */
async function gateway(t: Test, memory = new Map<string, unknown>()) {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-updating-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const clock = new HandClock()
  const parsed = parseConfig({ update: { dir }, data_dir: join(dir, 'data') })
  if (!('config' in parsed)) throw new Error('the configuration is wrong')
  const acquisition: Mutable<LineParts['acquisition']> = {
    ...{ undecided: 0, busy: false, recording: 0, lastTriggerAt: undefined },
  }
  const line = { acquisition, calibration: { running: false }, gate: { lineStopped: false }, waiting: 0 }
  const said: string[] = []
  let heard: (() => void) | undefined
  const parts: UpdatingParts = {
    ...{ config: parsed.config, deviceId: 'press-4', clock, log: silentLog },
    memory: {
      get: (key) => Promise.resolve(memory.get(key)),
      set: (key, value) => Promise.resolve(void memory.set(key, value)),
    },
    measure: () => ({ ...line, stationGate: { waiting: line.waiting } }),
    board: () => ({ phase: 'running' }),
    said: () => said.push('said'),
    changed: () => {
      said.push('changed')
      heard?.()
    },
    retired: () => said.push('retired'),
    deviceFile: join(dir, 'device.json'),
  }
  const station = updating(parts)
  const ended = new AbortController()
  t.teardown(async () => {
    ended.abort()
    for (const unit of station.units) await unit.stop()
  })
  const write = async (name: string, content: unknown): Promise<void> => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    await writeFile(join(dir, `${name}.new`), text)
    await rename(join(dir, `${name}.new`), join(dir, name))
  }
  const start = async (): Promise<void> => {
    for (const unit of station.units) await unit.start(ended.signal)
  }
  /** The next look has found something else. */
  const looked = async (): Promise<void> => {
    const found = new Promise<void>((resolve) => {
      heard = resolve
    })
    clock.pass(1000)
    await found
  }
  const unit = (name: string) => station.units.find((one) => one.name === name)?.status?.()
  return { ...station, dir, clock, line, memory, said, write, start, looked, unit }
}

test('what the updater says is read anew whenever its file is replaced', async (t) => {
  const { desk, message, write, start, looked, unit, said } = await gateway(t)
  t.equal(message(), undefined, 'nobody has looked yet')
  await start()
  t.equal(message(), null, 'nothing: what an earlier run said is taken back')
  t.match(unit('update'), { state: 'ok', facts: { locked: false } })

  await write('status.json', { ...STATUS, to: '0.2.0', of_tomorrow: true, progress: 'half' })
  await looked()
  t.strictSame(message(), { ...STATUS, to: '0.2.0', device_id: 'press-4', progress: undefined })
  t.ok(said.includes('said'))
  await write('status.json', { ...STATUS, state: 'thinking' })
  await looked()
  t.match(desk.report().status, { state: 'thinking' }, 'a state of a newer updater is told as it is')

  for (const [bad, why] of [
    ['{', /status\.json: the whole: /],
    [{ ...STATUS, schema: 'poincon.update/2' }, /status\.json: schema: /],
    [`"${'x'.repeat(300_000)}"`, /larger than 262144 bytes/],
  ] as const) {
    await write('status.json', bad)
    await looked()
    t.match(unit('update'), { state: 'degraded', detail: why })
    t.equal(message(), null)
  }
  await write('status.json', { ...STATUS, state: 'failed', to: '0.2.0', failure: 'the disk is full' })
  await looked()
  t.match(unit('update'), { state: 'degraded', detail: 'the update to 0.2.0 failed: the disk is full' })
})

test('the updater shows what the station left for it at this start', async (t) => {
  const left = async (dir: string): Promise<string> =>
    (await readFile(join(dir, 'data/update-token'), 'utf8')).trim()
  const { desk, dir, start, unit } = await gateway(t)
  await start()
  const shown = await left(dir)
  t.match(shown, /^[\w-]{43}$/, '256 random bits')
  t.equal(desk.isUpdater(shown), true)
  for (const wrong of ['', shown.slice(1), `${shown} `]) t.equal(desk.isUpdater(wrong), false)
  t.match(unit('update'), { state: 'ok' })

  const other = await gateway(t)
  await other.start()
  t.equal(other.desk.isUpdater(shown), false, 'another start leaves another one')

  const full = await gateway(t)
  await writeFile(join(full.dir, 'data'), 'no folder')
  await full.start()
  t.match(full.unit('update'), { state: 'degraded', detail: /no update can have the line: / })
})

test('the line is given away only when nothing is on it', async (t) => {
  const { desk, line, commands, locked, clock, start } = await gateway(t)
  await start()
  const refusal = (): unknown => {
    const taken = desk.lock('0.2.0', 60)
    return 'refused' in taken ? taken.refused : taken
  }
  line.waiting = 2
  line.acquisition.undecided = 1
  t.same(refusal(), ['parts between trigger and gate: 2'], 'the gate counts those without a decision')
  line.waiting = 0
  line.acquisition.undecided = 0
  line.acquisition.busy = true
  t.same(refusal(), ['the heads are at a part'])
  line.acquisition.busy = false
  line.acquisition.recording = 3
  line.calibration.running = true
  line.gate.lineStopped = true
  t.same(refusal(), [
    'inspections on their way to the disk: 3',
    'a calibration is running',
    'the line is stopped, and waits for somebody',
  ])
  line.acquisition.recording = 0
  line.calibration.running = false
  line.gate.lineStopped = false

  let closed = (): void => {}
  const handlers = commands.guarded({
    'lot/close': () => new Promise<void>((resolve) => (closed = resolve)),
    inspect: () => Promise.resolve('inspected'),
  })
  const call = (name: string): Promise<unknown> => {
    const handler = handlers[name]
    return typeof handler === 'function' ? handler({}) : Promise.reject(new Error('no command'))
  }
  const closing = call('lot/close')
  t.same(refusal(), ['a command is at work: lot/close'])
  closed()
  await closing

  line.acquisition.lastTriggerAt = clock.now() - 4700
  t.match(desk.report().line, { idle: true, since_last_trigger_s: 4 })
  t.same(refusal(), { until: new Date(NOON + 60_000).toISOString() })
  t.equal(locked(), true)
  await t.rejects(call('lot/close'), /an update to 0\.2\.0 has the line until .*: try again then/)
  t.equal(await call('inspect'), 'inspected', 'it is rejected as every part is, and stored')
  line.acquisition.undecided = 1
  t.match(refusal(), { until: /Z$/ }, 'who has it needs not ask again whether it is free')
})

test('what changes gallery or catalogue is waited for, and refused while an update has the line', async (t) => {
  const { desk, commands, start } = await gateway(t)
  await start()
  let enrolled = (): void => {}
  const engravings = keptEngravings(
    {
      match: () => Promise.resolve({ kind: 'unknown', candidates: [], gallery: { symbols: 0 } }),
      enrol: () => new Promise((resolve) => (enrolled = () => resolve([]))),
      forget: () => Promise.resolve(true),
      symbols: () => Promise.resolve({ symbols: [] }),
      picture: () => Promise.resolve(undefined),
    },
    commands,
  )
  const picture = { symbol: 'crown', picture: new Uint8Array(), by: 'Marie', tags: [], sure: [] }
  const enrolling = engravings.enrol(picture)
  t.match(desk.lock('0.2.0', 60), { refused: ['a command is at work: engraving/enrol'] })
  enrolled()
  await enrolling
  t.match(desk.lock('0.2.0', 60), { until: /Z$/ })
  const refused = {
    status: 503,
    message: /an update to 0\.2\.0 has the line until/,
    more: { fault: 'unavailable' },
  }
  const lenses = keptLenses(
    {
      find: () => Promise.resolve(undefined),
      get: () => Promise.resolve(undefined),
      link: () => Promise.resolve('no-lens'),
      unlink: () => Promise.resolve('no-lens'),
    },
    commands,
  )
  const which = { id: 1, symbol: 'crown' }
  await t.rejects(lenses.link(which, {}), refused)
  await t.rejects(lenses.unlink(which), refused)
  t.equal(await lenses.get(1), undefined)
  await t.rejects(engravings.enrol(picture), refused)
  await t.rejects(engravings.forget('crown'), refused)
  t.match(await engravings.match(new Uint8Array(), 1), { kind: 'unknown' }, 'looking changes nothing')
  desk.unlock()
  t.equal(await engravings.forget('crown'), true)
  t.equal(await lenses.unlink(which), 'no-lens')
})

test('a command that asks no gateway knows by the updater’s file who has the line', async (t) => {
  const { dir, write } = await gateway(t)
  t.equal(await updateAtLine(dir, NOON), undefined, 'no updater was ever at work')
  const since = new Date(NOON - 1000).toISOString()
  for (const [state, version] of [
    ['waiting', undefined],
    ['switching', '0.2.0'],
    ['trial', '0.2.0'],
    ['committed', undefined],
  ] as const) {
    await write('status.json', { ...STATUS, state, to: '0.2.0', since })
    t.equal(await updateAtLine(dir, NOON), version, state)
  }
  await write('status.json', { ...STATUS, state: 'trial', since })
  t.equal(await updateAtLine(dir, NOON + 3_600_000), undefined, 'it was killed an hour ago')
})

test('a lease ends by itself, and never lasts longer than ten minutes', async (t) => {
  const { desk, locked, clock, start, write } = await gateway(t)
  await write('trial.json', { version: '0.2.0', until: new Date(NOON + 86_400_000).toISOString() })
  await start()
  t.match(desk.report(), {
    trial: true,
    lock: { version: '0.2.0', until: new Date(NOON + 600_000).toISOString() },
  })
  clock.pass(300_000)
  desk.lock('0.2.0', 60)
  t.equal(desk.report().trial, true, 'renewed by the updater, it is a trial still')
  clock.pass(59_999)
  t.equal(locked(), true)
  clock.pass(1)
  t.equal(locked(), false)
  t.match(desk.report(), { trial: false, lock: null })
  desk.lock('0.3.0', 60)
  desk.unlock()
  desk.unlock()
  t.equal(locked(), false)
})

test('a lock that a start of the station ended is not renewed: parts may have come', async (t) => {
  const first = await gateway(t)
  await first.start()
  first.desk.lock('0.2.0', 60)
  t.match(first.desk.lock('0.2.0', 60, true), { until: /Z$/ })

  const { desk, locked, start, clock } = await gateway(t)
  await start()
  const gone = { refused: [/^the lock is gone: the station has started anew/] }
  t.match(desk.lock('0.2.0', 60, true), gone)
  t.equal(locked(), false)
  desk.lock('0.2.0', 60)
  clock.pass(60_000)
  t.match(desk.lock('0.2.0', 60, true), gone, 'nor one that ran out')
})

test('a trial that is over, or that nobody understands, locks nothing', async (t) => {
  const over = await gateway(t)
  await over.write('trial.json', { version: '0.2.0', until: new Date(NOON - 1).toISOString() })
  await over.start()
  t.match(over.desk.report(), { trial: false, lock: null })
  const broken = await gateway(t)
  await broken.write('trial.json', 'until soon')
  await broken.start()
  t.match(broken.desk.report(), { trial: false, lock: null })
})

test('consent to a configuration is to that one alone, and only when it is known what it changes', async (t) => {
  const { desk, start, write, looked } = await gateway(t, new Map())
  await start()
  const fleet = { ...STATUS, kind: 'configuration', name: 'fleet', to: '1.2.0' }
  await write('status.json', { ...fleet, state: 'testing' })
  await looked()
  t.match(await desk.agree('1.2.0', 'Marie'), {
    refused: /configuration 1\.2\.0: testing: expected one that waits/,
  })
  await write('status.json', fleet)
  await looked()
  t.match(await desk.agree('1.2.0', 'Marie'), { kind: 'configuration', name: 'fleet', by: 'Marie' })
  t.match(desk.report().consent, { by: 'Marie' })
  await write('status.json', { ...fleet, name: 'site-gers' })
  await looked()
  t.equal(desk.report().consent, null, 'another one of the same version')
  await write('status.json', { ...fleet, state: 'failed' })
  await looked()
  await write('status.json', fleet)
  await looked()
  t.equal(desk.report().consent, null, 'what failed has to be agreed to anew')
})

test('consent belongs to one version, and outlives a restart', async (t) => {
  const memory = new Map<string, unknown>()
  const before = await gateway(t, memory)
  await before.start()
  t.match(await before.desk.agree('0.2.0', 'Marie'), { refused: /there is none/ })
  await before.write('status.json', { ...STATUS, to: '0.2.0' })
  await before.looked()
  t.match(await before.desk.agree('0.3.0', 'Marie'), {
    refused: 'version: 0.3.0: expected the one that waits: 0.2.0',
  })
  t.match(await before.desk.agree('0.2.0', 'Marie'), { version: '0.2.0', by: 'Marie' })

  const after = await gateway(t, memory)
  await after.write('status.json', { ...STATUS, to: '0.2.0' })
  await after.start()
  t.match(after.desk.report().consent, { version: '0.2.0', by: 'Marie' })
  await after.write('status.json', { ...STATUS, to: '0.2.1' })
  await after.looked()
  t.equal(after.desk.report().consent, null, 'nobody agreed to that one')
  await after.write('status.json', { ...STATUS, to: '0.2.0' })
  await after.looked()
  t.match(after.desk.report().consent, { by: 'Marie' })
  await after.write('status.json', { ...STATUS, state: 'rolled_back', to: '0.2.0' })
  await after.looked()
  t.equal(after.desk.report().consent, null, 'what was taken back has to be agreed to anew')
  t.equal([...memory.values()].some(Boolean), false)
})

test('how the certificate of the device stands', async (t) => {
  const { write, start, looked, unit, desk, clock, said } = await gateway(t)
  await start()
  t.same(unit('device'), { state: 'ok' }, 'a device that was never enrolled has none')
  const certificate = {
    schema: 'poincon.device/1',
    not_after: new Date(NOON + 3_600_000).toISOString(),
    failures: 0,
  }
  for (const [state, expected] of [
    ['valid', 'ok'],
    ['renewal-failing', 'degraded'],
    ['revoked', 'failed'],
    ['clock-wrong', 'degraded'],
    ['of-tomorrow', 'degraded'],
    ['valid', 'ok'],
  ] as const) {
    await write('device.json', { ...certificate, state, failure: 'no answer' })
    await looked()
    t.match(unit('device'), { state: expected, facts: { certificate: state } })
    t.match(desk.report().device, { state })
  }
  await write('device.json', { ...certificate, state: 'decommissioned', failure: 'ordered by the fleet' })
  t.notOk(said.includes('retired'))
  await looked()
  t.ok(said.includes('retired'), 'the station ends, and what it stored can be wiped')
  t.match(unit('device'), { state: 'failed' })
  await write('device.json', { ...certificate, state: 'valid', failure: 'no answer' })
  await looked()
  clock.pass(3_600_000)
  t.match(
    unit('device'),
    { state: 'failed', detail: /expired, valid until .*: no answer/ },
    'nobody had to say so',
  )
})

test('an update that failed raises an alert of its own, and no other', (t) => {
  const parsed = parseConfig({})
  if (!('config' in parsed)) throw new Error('the defaults are wrong')
  const stand = new Stand([...parsed.config.alerts.rules])
  const unit = (name: string, state: 'ok' | 'degraded' | 'failed') =>
    stand.told({ kind: 'unit', name, state })
  t.same(unit('update', 'degraded'), ['raised update_failed'])
  t.same(unit('device', 'degraded'), ['raised certificate_failing'])
  t.match(unit('device', 'failed'), ['raised certificate_lost'])
  t.end()
})

test('parts that an update turned away stop no line', (t) => {
  const watch = new RejectWatch(rejectWatchOptions.parse({ in_a_row: 2 }))
  for (let part = 0; part < 5; part += 1) t.equal(watch.see(undecided('updating').verdict), undefined)
  t.equal(watch.see(undecided('busy').verdict), undefined)
  t.match(watch.see(undecided('busy').verdict), { reason: 'rejects_in_a_row', value: 2 })
  t.end()
})
