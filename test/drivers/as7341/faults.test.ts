import { test } from 'tap'
import { As7341, type As7341Options } from '../../../drivers/as7341/as7341.ts'
import type { Spectrum } from '../../../drivers/as7341/counts.ts'
import * as reg from '../../../drivers/as7341/registers.ts'
import { BusError, type I2cBus } from '../../../drivers/bus.ts'
import { SimulatedAs7341 } from '../../../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { idle, light } from './rig.ts'

/** Light that grows, so that nothing repeats, and whose every count tells when it was integrated. */
const BASE = light(0, {
  ...{ F1: 0.1, F2: 0.2, F3: 0.3, F4: 0.4, F5: 0.5, F6: 0.6, F7: 0.7, F8: 0.8 },
  ...{ Clear: 1, NIR: 0.25, Flicker: 3 },
})
const PER_MS = 1e-3
const EXPOSURE = { atime: 29, astep: 599, gain: 16 }

function grown(value: number, at: number): number {
  return value * (1 + at * PER_MS)
}

type Transfer = (out?: Uint8Array) => Promise<Uint8Array>
interface Asked {
  readonly out: Uint8Array
  readonly length: number
}
/** What becomes of a transfer, counted from where `count` was last set to 0. */
type Spoil = (number: number, transfer: Transfer, asked: Asked) => Promise<Uint8Array>

/** A driver on a chip, and hands on every transfer between them: `bright` times the light. */
function bench(options: Partial<As7341Options> = {}, bright = 1) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const scene = {
    light: (at: number) => ({ ...BASE, ...byDiode((value) => bright * grown(value, at)) }),
  }
  const chip = new SimulatedAs7341(clock, scene)
  bus.attach(reg.ADDRESS, chip)
  const hands = { spoil: ((_, transfer) => transfer()) as Spoil, count: 0 }
  const wires: I2cBus = {
    transfer(address, out, length) {
      hands.count += 1
      const transfer: Transfer = (instead = out) => bus.transfer(address, instead, length)
      return hands.spoil(hands.count, transfer, { out, length })
    },
  }
  const driver = { exposure: EXPOSURE, lampMa: 20, ...options }
  return { clock, chip, hands, open: () => As7341.open(wires, clock, driver) }
}

function byDiode(value: (base: number) => number): typeof BASE {
  const entries = Object.entries(BASE).map(([diode, base]) => [diode, value(base)])
  return Object.assign({ ...BASE }, Object.fromEntries(entries))
}

/** Channels whose count cannot come from light between two moments. */
function misread({ counts, gain = 0, integrationMs = 0 }: Spectrum, from: number, to: number): string[] {
  return Object.entries(counts).flatMap(([channel, count]) => {
    const base = Object.entries(BASE).find(([diode]) => diode === channel.split('_')[0])?.[1] ?? 0
    const [least, most] = [from, to].map((at) => grown(base, at) * gain * integrationMs)
    const fits = count >= Math.floor(least ?? 0) && count <= (most ?? 0)
    return fits ? [] : [`${channel} ${count}, not ${least}…${most}`]
  })
}

interface Attempt {
  readonly spectrum?: Spectrum
  readonly error?: unknown
}

function attempt(measuring: Promise<Spectrum>): Promise<Attempt> {
  return measuring.then(
    (spectrum) => ({ spectrum }),
    (error: unknown) => ({ error }),
  )
}

type Act = (sensor: As7341, clock: VirtualClock, signal: AbortSignal) => Promise<unknown>
interface Work {
  readonly options?: Partial<As7341Options>
  readonly bright?: number
  readonly act: Act
}

const measure: Act = (sensor, clock, signal) => sensor.measure(clock.now(), signal)
const WORKS: Readonly<Record<string, Work>> = {
  measure: { act: measure },
  'measure in the dark': { act: (sensor, clock, signal) => sensor.measureDark(clock.now(), signal) },
  'two tries, from too dark': { options: { exposure: 'auto' }, bright: 0.01, act: measure },
  'two tries, from too bright': { options: { exposure: 'auto' }, bright: 200, act: measure },
  flicker: { act: (sensor, _, signal) => sensor.detectFlicker(signal) },
  watch: {
    act: async (sensor, _, signal) => {
      const watch = await sensor.watch({ channel: 'Clear', below: 0, above: 10, persistence: 1 }, signal)
      try {
        return await watch.next(signal)
      } finally {
        await watch.close()
      }
    },
  },
}

const NEVER = new AbortController().signal

/** Transfers that a work takes where nothing goes wrong. */
async function transfersOf({ options, bright, act }: Work): Promise<number> {
  const { clock, hands, open } = bench(options, bright)
  const sensor = await open()
  hands.count = 0
  await act(sensor, clock, NEVER)
  return hands.count
}

/** A fault that the transfer itself never saw, and one that came after it was done: the driver cannot tell. */
const FAILURES: Readonly<Record<string, (transfer: Transfer) => Promise<Uint8Array>>> = {
  'not done': () => Promise.reject(new BusError('no-acknowledge', 'made for a test')),
  'done, but not heard of': async (transfer) => {
    await transfer()
    throw new BusError('timeout', 'made for a test')
  },
}

test('whatever transfer fails, once or three times in a row, the lamp is off after it and nothing is left', async (t) => {
  const failed: string[] = []
  let cases = 0
  for (const [name, work] of Object.entries(WORKS)) {
    const transfers = await transfersOf(work)
    for (const [how, failure] of Object.entries(FAILURES)) {
      for (const times of [1, 3]) {
        for (let at = 1; at <= transfers; at += 1) {
          cases += 1
          const { clock, chip, hands, open } = bench(work.options, work.bright)
          const sensor = await open()
          hands.count = 0
          hands.spoil = (number, transfer) =>
            number >= at && number < at + times ? failure(transfer) : transfer()
          const where = `${name}: transfer ${at}, ${times} times, ${how}`
          const outcome = await work.act(sensor, clock, NEVER).catch((error: unknown) => error)
          if (!(outcome instanceof Error)) failed.push(`${where}: nobody was told`)
          if (chip.state().lampMa > 0) failed.push(`${where}: lit`)
          hands.spoil = (_, transfer) => transfer()
          const from = clock.now()
          const next = await sensor.measureDark(from)
          if (work.bright === undefined) failed.push(...misread(next, from, clock.now()))
          if (!idle(chip)) failed.push(`${where}: not idle`)
        }
      }
    }
  }
  t.strictSame(failed, [])
  t.ok(cases > 500, `${cases} cases`)
})

test('whenever it is aborted, the lamp is off after it, and the chip idle', async (t) => {
  const failed: string[] = []
  for (const [name, work] of Object.entries(WORKS)) {
    const transfers = await transfersOf(work)
    for (const when of ['before', 'after', 'behind'] as const) {
      for (let at = 1; at <= transfers; at += 1) {
        const { clock, chip, hands, open } = bench(work.options, work.bright)
        const sensor = await open()
        const abort = new AbortController()
        const stop = () => abort.abort(new Error('stop'))
        hands.count = 0
        hands.spoil = async (number, transfer) => {
          if (number === at && when === 'before') stop()
          const answer = await transfer()
          if (number === at && when === 'after') stop()
          // In the middle of the sleep that follows, where one does.
          if (number === at && when === 'behind') clock.after(0.3, stop)
          return answer
        }
        const outcome = await work.act(sensor, clock, abort.signal).catch((error: unknown) => error)
        if (outcome instanceof Error && outcome.message !== 'stop') failed.push(`${name} ${at}: ${outcome}`)
        if (!idle(chip)) failed.push(`${name}: ${when} transfer ${at}`)
      }
    }
  }
  t.strictSame(failed, [])
})

test('a dead wire: the lamp is tried again within 15 ms, and goes off with the next opening', async (t) => {
  const { clock, chip, hands, open } = bench()
  const sensor = await open()
  hands.count = 0
  hands.spoil = (number, transfer) =>
    number < 10 ? transfer() : Promise.reject(new BusError('bus-stuck', 'made for a test'))
  await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'failed' })
  t.equal(hands.count, 10 + 5 + 1, 'the bank at 0, 1, 3, 7 and 15 ms, then idle')
  t.equal(chip.state().lampMa, 20, 'nothing can be done from here')
  hands.spoil = (_, transfer) => transfer()
  await open()
  t.equal(chip.state().lampMa, 0)
})

test('a bus that is stuck for a second at each transfer is not asked again and again for the lamp', async (t) => {
  const { clock, hands, open } = bench()
  const sensor = await open()
  hands.count = 0
  hands.spoil = async (number, transfer) => {
    if (number < 10) return await transfer()
    clock.spend(1000)
    throw new BusError('bus-stuck', 'made for a test')
  }
  await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'failed' })
  t.equal(hands.count, 12, 'what failed, the lamp, idle')
})

test('any one bit of any answer that flips gives a named fault, or the right counts', async (t) => {
  const work: Work = { act: measure }
  const transfers = await transfersOf(work)
  const failed: string[] = []
  let corrupt = 0
  for (let at = 1; at <= transfers; at += 1) {
    let bits = 1
    for (let bit = 0; bit < bits; bit += 1) {
      const { clock, chip, hands, open } = bench()
      const sensor = await open()
      hands.count = 0
      hands.spoil = async (number, transfer, { length }) => {
        const answer = (await transfer()).slice()
        if (number !== at) return answer
        bits = 8 * length
        const byte = bit >> 3
        if (byte < length) answer[byte] = (answer[byte] ?? 0) ^ (1 << (bit & 7))
        return answer
      }
      const from = clock.now()
      const { spectrum, error } = await attempt(sensor.measure(from))
      const wrong = spectrum === undefined ? [] : misread(spectrum, from, clock.now())
      if (wrong.length > 0 || (spectrum?.saturated.length ?? 0) > 0) failed.push(`${at}, ${bit}: ${wrong}`)
      if (error !== undefined) {
        t.match(error, { name: 'SensorError' })
        corrupt += 1
      }
      if (!idle(chip)) failed.push(`transfer ${at}, bit ${bit}: not idle`)
    }
  }
  t.strictSame(failed, [])
  t.ok(corrupt >= 2 * 2 * 13 * 8, `${corrupt} times corrupt: each bit of each half, read twice`)
})

test('power lost around any transfer: a fault, or counts of its own time; never half of a spectrum', async (t) => {
  const transfers = await transfersOf({ act: measure })
  const failed: string[] = []
  // Gain 0.5 is code 0: what a chip after reset shows looks like darkness at that gain.
  for (const gain of [0.5, 16]) {
    for (const before of [true, false]) {
      for (let at = 1; at <= transfers; at += 1) {
        const { clock, chip, hands, open } = bench({ exposure: { ...EXPOSURE, gain } })
        const sensor = await open()
        const lose = () => {
          chip.powerCycle()
          clock.spend(1)
        }
        hands.count = 0
        hands.spoil = async (number, transfer) => {
          if (number === at && before) lose()
          const answer = await transfer()
          if (number === at && !before) lose()
          return answer
        }
        const from = clock.now()
        const { spectrum, error } = await attempt(sensor.measure(from))
        const where = `gain ${gain}, ${before ? 'before' : 'after'} transfer ${at}`
        if (spectrum === undefined) t.match(error, { name: 'SensorError', fault: 'failed' }, where)
        else failed.push(...misread(spectrum, from, clock.now()).map((one) => `${where}: ${one}`))
      }
    }
  }
  t.strictSame(failed, [])
})

test('an ASTEP that does not arrive as it was written is corrupt, not another integration time', async (t) => {
  const spoil: Spoil = (_, transfer, { out }) => {
    const isAstep = out[0] === reg.ASTEP && out.length === 3
    return isAstep ? transfer(out.map((byte, at) => (at === 1 ? byte ^ 0x40 : byte))) : transfer()
  }
  const fixed = bench()
  fixed.hands.spoil = spoil
  await t.rejects(fixed.open(), {
    name: 'SensorError',
    fault: 'corrupt',
    message: /ASTEP reads 535, not 599/,
  })

  const { clock, hands, open } = bench({ exposure: 'auto' }, 0.01)
  const sensor = await open()
  hands.spoil = spoil
  await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'corrupt' })
  hands.spoil = (_, transfer) => transfer()
  const { integrationMs, counts } = await sensor.measure(clock.now())
  t.ok((integrationMs ?? 0) > 100 && (counts.Clear ?? 0) > 500, 'and it is written again')
})
