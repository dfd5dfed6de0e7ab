import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import { buildServer } from '../../gateway/api/server.ts'
import { Esp32Door } from '../../gateway/esp32/door.ts'
import { type Esp32Options, esp32Options } from '../../gateway/esp32/options.ts'
import { readMessage } from '../../gateway/esp32/protocol.ts'
import type { OldSample } from '../../gateway/esp32/sample.ts'
import { silentLog } from '../../gateway/log.ts'
import { type InspectionMessage, inspectionMessage } from '../../gateway/message.ts'
import { OldHeads } from '../../gateway/old-heads.ts'
import { decodeRaw } from '../../gateway/raw.ts'
import { architectureOf } from '../../gateway/rejudge/architecture.ts'
import { Archive } from '../../gateway/rejudge/archive.ts'
import { CalibrationFinder } from '../../gateway/rejudge/calibrations.ts'
import { Rejudge } from '../../gateway/rejudge/rejudge.ts'
import { storedParts } from '../../gateway/rejudge/sources.ts'
import { Verifier } from '../../gateway/rejudge/verify.ts'
import { Setup } from '../../gateway/setup.ts'
import { StoreError } from '../../gateway/store/error.ts'
import { verifyChain } from '../../gateway/store/log/chain.ts'
import { openStore } from '../../gateway/store/open.ts'
import { CommandWatch } from '../../gateway/update-commands.ts'
import { LineTaken } from '../../gateway/update-lock.ts'
import { FakeStation } from '../fakes/api.ts'
import { OldDevice } from './esp32/old-device.ts'
import { flatSample, type Json, randomFrom, ranges, sample } from './esp32/samples.ts'

const VERSION = '0.1.0'
const IDENTITY = { deviceId: 'poincon-test', site: 'site', line: 'line', station: 'station' }
const EXPOSURE = { gain: 4, integration_ms: 100 }

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-old-heads-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A station that has nothing but old heads. */
async function station(dir: string, config: Partial<Esp32Options> = EXPOSURE) {
  const options = {
    ...esp32Options.parse({ enabled: true, messages_per_second: 1000, burst: 1000 }),
    ...config,
  }
  const store = await openStore({ dir, deviceId: IDENTITY.deviceId, clock: systemClock, log: silentLog })
  const setup = await Setup.load(store, {
    recipeId: 'foiegras_standard_barquette',
    wallMs: Date.UTC(2026, 2, 1),
  })
  const fake = new FakeStation()
  const told: string[] = []
  const heads = new OldHeads({
    ...{ identity: IDENTITY, version: VERSION, config: options, setup, store, clock: systemClock },
    discipline: { state: 'synchronised' },
    keep: (_name, work) => work(),
    feed: { emit: (event) => told.push(event.type) },
  })
  const door = new Esp32Door({
    config: options,
    version: VERSION,
    samples: heads,
    clock: systemClock,
    log: silentLog,
  })
  const app = buildServer(fake.sources({ sensors: door }))
  await door.start()
  const http = await app.listen({ host: '127.0.0.1', port: 0 })
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await door.stop()
    await app.close()
    await store.close()
  }
  return { url: `${http.replace('http', 'ws')}/ws/sensors/`, http, store, setup, heads, door, told, close }
}

function device(t: Test, id: string, mac = '24:0A:C4:00:00:01'): OldDevice {
  const made = new OldDevice(id, mac, { flushMs: 1, reconnectMs: 20 })
  t.teardown(() => made.off())
  return made
}

function parsed(message: Json): OldSample {
  const heard = readMessage(JSON.stringify(message))
  if (!('kind' in heard) || heard.kind !== 'sample') throw new Error(JSON.stringify(heard))
  return heard.sample
}

async function newest(store: Awaited<ReturnType<typeof station>>['store']): Promise<InspectionMessage> {
  const [entry] = await store.latest(1)
  return inspectionMessage.parse(JSON.parse(entry?.payload ?? 'null'))
}

/** Gives a device an empty tray, through its own samples. */
async function calibrate(heads: OldHeads, id: string, seed: number): Promise<void> {
  const random = randomFrom(seed)
  const taken = heads.measureTray(id, 'Ana')
  for (let number = 1; number <= 12; number += 1) {
    const empty = { ...sample(`empty-${number}`, id, random, 0), fusion: null }
    await heads.store(parsed(empty), '10.0.0.1')
  }
  await taken
}

test('a part of an old head is an inspection: ungraded without its own tray, and the gate does not move', async (t) => {
  const { url, store, told, close } = await station(await folder(t))
  t.teardown(close)
  const one = device(t, 'ESP32_1')
  one.measure('S-1', sample('S-1', 'ESP32_1', randomFrom(1)))
  one.on(url)
  await one.until(() => one.waiting.length === 0)
  const message = await newest(store)
  t.match(message, {
    device_id: 'poincon-test',
    sample_id: 'S-1',
    dry_run: true,
    verdict: { kind: 'ungraded', reasons: ['not-calibrated:ESP32_1/vl53l8ch'] },
    old_head: {
      kind: 'esp32',
      device_id: 'ESP32_1',
      address: '127.0.0.1',
      firmware_version: '1.0.0',
      timestamp: '2026-03-01T08:00:00.123456',
      advice: { fusion: { final_grade: 'B', is_compliant: true } },
    },
    as7341: { gain: 4, integration_time: 100 },
    meta: { temperature_c: 21.5, humidity_percent: 45 },
    provenance: { calibration: [] },
  })
  t.equal(message.fusion, undefined, 'what the device thinks of it decides nothing')
  t.match(one.replies.at(-1), { type: 'ack', id: message.id, sequence: 1, verdict: { kind: 'ungraded' } })
  t.strictSame(told, ['inspection'])
})

test('over its own empty tray it is graded as a part of the station is', async (t) => {
  const { store, heads, close } = await station(await folder(t))
  t.teardown(close)
  await calibrate(heads, 'ESP32_1', 7)
  const one = await heads.store(parsed(sample('S-1', 'ESP32_1', randomFrom(1), 42)), '10.0.0.1')
  const message = await newest(store)
  t.equal(one.id, message.id)
  t.equal(message.provenance.calibration.length, 1)
  t.ok((message.vl53l8ch?.volume_mm3 ?? 0) > 0, `${message.vl53l8ch?.volume_mm3} mm³`)
  t.ok(message.vl53l8ch?.height_matrix)
  t.match(message.verdict, { kind: 'graded' }, message.verdict.reasons.join())
  const other = await heads.store(parsed(sample('S-1', 'ESP32_2', randomFrom(1))), '10.0.0.2')
  t.match(other.verdict.reasons, [/^not-calibrated:ESP32_2/], 'the tray is the device’s, not the station’s')
})

test('the faults of the old system are none here', async (t) => {
  const { heads, close } = await station(await folder(t))
  t.teardown(close)
  await calibrate(heads, 'ESP32_1', 7)
  let number = 0
  const verdict = async (changes: (one: Json) => Json) => {
    number += 1
    const one = sample(`S-${number}`, 'ESP32_1', randomFrom(number))
    return (await heads.store(parsed(changes(one)), '10.0.0.1')).verdict
  }
  const all = (value: number): number[][] =>
    Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => value))
  const ranging = (distance: number) => (one: Json) => ({
    ...one,
    vl53l8ch: { raw: { ...ranges(randomFrom(1)), distance: all(distance) } },
  })
  for (const distance of [0, 4000]) {
    t.match(await verdict(ranging(distance)), { kind: 'ungraded' }, `${distance} mm everywhere was an A+`)
  }
  const random = randomFrom(99)
  t.match(await verdict((one) => ({ ...one, vl53l8ch: { raw: ranges(random, 0) } })), {
    kind: 'ungraded',
    reasons: ['no-product'],
  })
  const full = { F1_415nm: 65_535, F2_445nm: 65_535, F3_480nm: 65_535, F4_515nm: 65_535, F5_555nm: 65_535 }
  const rest = { F6_590nm: 65_535, F7_630nm: 65_535, F8_680nm: 65_535, Clear: 65_535, NIR: 65_535 }
  t.match(await verdict((one) => ({ ...one, as7341: { raw: { ...full, ...rest } } })), {
    kind: 'ungraded',
    reasons: ['saturated:ESP32_1/as7341'],
  })
  t.match(await verdict((one) => ({ ...one, as7341: null })), {
    kind: 'ungraded',
    reasons: ['sensor-absent:ESP32_1/as7341'],
  })
})

test('repetitions, also after a restart and of a device that lost its acknowledgements, are the same inspection', async (t) => {
  const dir = await folder(t)
  const first = await station(dir)
  t.teardown(first.close)
  const one = device(t, 'ESP32_1')
  const random = randomFrom(1)
  const messages = Array.from({ length: 20 }, (_, place) => sample(`S-${place}`, 'ESP32_1', random))
  for (const [place, message] of messages.entries()) one.measure(`S-${place}`, message)
  one.on(first.url)
  await one.until(() => one.waiting.length === 0)
  const acks = one.replies.filter(({ type }) => type === 'ack')
  one.off()
  await first.close()

  const second = await station(dir)
  t.teardown(second.close)
  const again = device(t, 'ESP32_1')
  for (const [place, message] of messages.entries()) again.measure(`S-${place}`, message)
  again.measure('S-20', sample('S-20', 'ESP32_1', random))
  again.on(second.url)
  await again.until(() => again.waiting.length === 0)
  t.strictSame(again.replies.filter(({ type }) => type === 'ack').slice(0, 20), acks, 'word for word')
  const stored = await second.store.from(1, 100)
  t.equal(stored.length, 21)
  t.match(verifyChain(stored), { valid: true, count: 21 })
  t.match(second.door.status(), { facts: { stored: 1, repeated: 20 } })
  again.say(sample('S-3', 'ESP32_1', randomFrom(77)))
  await again.until(() => again.replies.some(({ type }) => type === 'error'))
  t.match(again.replies.at(-1), { code: 'sample-id-taken', sample_id: 'S-3' })
})

test('two stores of one sample at once: one row, one answer', async (t) => {
  const { store, heads, close } = await station(await folder(t))
  t.teardown(close)
  const one = parsed(sample('S-1', 'ESP32_1', randomFrom(1)))
  const answers = await Promise.all([1, 2, 3].map(() => heads.store(one, '10.0.0.1')))
  t.strictSame(answers[1], answers[0])
  t.strictSame(answers[2], answers[0])
  t.equal((await store.from(1, 10)).length, 1)
})

test('verify derives every verdict again, bit for bit, and rejudge judges with what the device sent', async (t) => {
  const dir = await folder(t)
  const { heads, store, close } = await station(dir)
  t.teardown(close)
  await calibrate(heads, 'ESP32_1', 7)
  const random = randomFrom(11)
  for (let number = 1; number <= 8; number += 1) {
    const one = number % 2 === 0 ? flatSample : sample
    const message = one(`S-${number}`, 'ESP32_1', random)
    await heads.store(parsed(number === 5 ? { ...message, as7341: null } : message), '10.0.0.1')
  }
  const [entry] = await store.latest(1)
  const raw = await store.raw(entry?.sequence ?? 0)
  const kept = decodeRaw(raw ?? new Uint8Array())
  t.match(kept.trigger, { source: 'esp32', sample_id: 'S-8' })
  t.strictSame(Object.keys(kept.heads), ['ESP32_1/vl53l8ch', 'ESP32_1/as7341'])
  await close()
  const archive = await Archive.open(dir)
  t.teardown(() => archive.close())
  const verifier = new Verifier(archive, { software: VERSION, architecture: architectureOf(process) })
  const results: string[] = []
  for await (const one of archive.entries(1)) {
    const verified = await verifier.verify(one)
    t.match(verified, { result: 'same', exact: true }, JSON.stringify(verified))
    results.push(verified.result)
  }
  t.equal(results.length, 20)
  const calibrations = new CalibrationFinder(archive, new Map())
  const rejudge = new Rejudge({}, { calibrations, recipe: (id, revision) => archive.recipe(id, revision) })
  let judged = 0
  for await (const part of storedParts(archive, {}, (reason) => t.fail(reason))) {
    const again = await rejudge.part(part)
    if (!('after' in again)) throw new Error(again.reason)
    t.strictSame(again.after.reasons, again.before?.reasons)
    t.equal(again.after.grade, again.before?.grade)
    judged += 1
  }
  t.equal(judged, 20)
})

test('a log that refuses: the reason is passed on, and nothing is there', async (t) => {
  const { setup, store, close } = await station(await folder(t))
  t.teardown(close)
  const full = new StoreError('full', 'the disk is full')
  const heads = new OldHeads({
    ...{ identity: IDENTITY, version: VERSION, config: EXPOSURE, setup, clock: systemClock },
    store: {
      append: () => Promise.reject(full),
      sampled: (origin) => store.sampled(origin),
      calibrations: store.calibrations,
    },
    discipline: { state: 'synchronised' },
    keep: (_name, work) => work(),
    feed: { emit: () => t.fail('nothing is stored') },
  })
  await t.rejects(heads.store(parsed(sample('S-1', 'ESP32_1', randomFrom(1))), '10.0.0.1'), full)
  t.equal(await heads.find('ESP32_1', 'S-1'), undefined)
})

test('while an update has the line nothing is stored, and what is stored already is found', async (t) => {
  const { setup, store, close, heads: before } = await station(await folder(t))
  t.teardown(close)
  const [one, two] = [1, 2].map((seed) => parsed(sample(`S-${seed}`, 'ESP32_1', randomFrom(seed))))
  if (one === undefined || two === undefined) throw new Error('two samples')
  await before.store(one, '10.0.0.1')
  const commands = new CommandWatch(() => ({ version: '0.2.0', until: '2026-11-22T04:00:00.000Z' }))
  const heads = new OldHeads({
    ...{ identity: IDENTITY, version: VERSION, config: EXPOSURE, setup, store, clock: systemClock },
    discipline: { state: 'synchronised' },
    keep: (name, work) => commands.keep(name, work),
    feed: { emit: () => t.fail('nothing is stored') },
  })
  await t.rejects(heads.store(two, '10.0.0.1'), LineTaken)
  t.equal(await heads.find('ESP32_1', 'S-2'), undefined)
  t.match(await heads.find('ESP32_1', 'S-1'), { sequence: 1 })
})

test('an exposure that neither message nor configuration says is not made up', async (t) => {
  const { heads, store, close } = await station(await folder(t), {})
  t.teardown(close)
  await heads.store(parsed(sample('S-1', 'ESP32_1', randomFrom(1))), '10.0.0.1')
  const { as7341 } = await newest(store)
  t.match(as7341?.channels, { Clear: Number })
  t.equal(as7341?.gain, undefined)
  t.equal(as7341?.integration_time, undefined)
})

test('realtime messages are as short as before, whatever old heads may send', async (t) => {
  const { http, close } = await station(await folder(t))
  t.teardown(close)
  const { WebSocket } = await import('ws')
  const closed = await new Promise<number>((resolve) => {
    const socket = new WebSocket(`${http.replace('http', 'ws')}/ws/realtime`)
    socket.on('open', () => socket.send('x'.repeat(5000)))
    socket.on('close', resolve)
  })
  t.equal(closed, 1009)
})
