import { test } from 'tap'
import * as reg from '../../../drivers/as7341/registers.ts'
import {
  type Assignments,
  chain,
  LOW_HALF,
  PHOTODIODES,
  type Photodiode,
} from '../../../drivers/as7341/smux.ts'
import {
  type LightScene,
  SimulatedAs7341,
  type SimulatedAs7341Options,
} from '../../../drivers/simulated/as7341.ts'
import { missing, sharedData } from '../../fakes/shared.ts'
import { differences, FOLDER, readTranscript } from '../as7341/transcript.ts'

/** One unit of light on every filter, and what else is asked for. */
function evenLight(
  some: Partial<Record<Photodiode, number>> = {},
  elsewhere = 1,
): Record<Photodiode, number> {
  const even = Object.fromEntries(PHOTODIODES.map((diode) => [diode, elsewhere]))
  return Object.assign({ ...NOTHING, ...even }, some)
}

const NOTHING: Record<Photodiode, number> = {
  ...{ F1: 0, F2: 0, F3: 0, F4: 0, F5: 0, F6: 0, F7: 0, F8: 0 },
  ...{ Clear: 0, NIR: 0, Flicker: 0, Dark: 0 },
}

const ON = reg.ENABLE_PON
const MEASURE = reg.ENABLE_PON | reg.ENABLE_SP_EN

/** A chip on the bench: a clock that is turned by hand, and registers that are written and read one by one. */
class Bench {
  ms = 0
  readonly chip: SimulatedAs7341

  constructor(scene: Partial<LightScene> = {}, options: SimulatedAs7341Options = {}) {
    const clock = { now: () => this.ms }
    this.chip = new SimulatedAs7341(clock, { light: () => evenLight(), ...scene }, options)
    this.ms = 1
  }

  set(register: number, ...values: number[]): void {
    if (!this.chip.write(Uint8Array.of(register, ...values))) throw new Error('not acknowledged')
  }

  get(register: number, length = 1): number[] {
    this.set(register)
    return [...(this.chip.read(length) ?? [])]
  }

  /** Gain 1, and a conversion of 10 ms with a full scale of 3597. */
  configure(assignments: Assignments, gainCode = 1): void {
    this.set(reg.ENABLE, ON)
    this.set(reg.ASTEP, 3596 & 0xff, 3596 >> 8)
    this.set(reg.CFG1, gainCode)
    this.set(reg.SMUX_RAM, ...chain(assignments))
    this.set(reg.ENABLE, ON | reg.ENABLE_SMUXEN)
    this.ms += 1
  }

  /** Counts of all converters after one conversion. */
  measure(): number[] {
    this.set(reg.ENABLE, ON)
    this.set(reg.ENABLE, MEASURE)
    // A hair more, so that the sum of the parts is not less than the whole.
    this.ms += 15 + INTEGRATION_MS + 0.001
    return this.counts()
  }

  counts(): number[] {
    const bytes = this.get(reg.CH0_DATA, 12)
    return Array.from({ length: 6 }, (_, adc) => (bytes[2 * adc] ?? 0) + 256 * (bytes[2 * adc + 1] ?? 0))
  }
}

const INTEGRATION_MS = (3597 * 2.78) / 1000

const SCENARIOS = [
  'adafruit_basic_counts',
  'adafruit_begin',
  'adafruit_begin_wrong_id',
  'adafruit_config_29_599_256x',
  'adafruit_flicker_100hz',
  'adafruit_flicker_none_valid',
  'adafruit_gpio',
  'adafruit_led_on_20mA_off',
  'adafruit_nonblocking_read',
  'adafruit_power',
  'adafruit_read_all_29_599_256x',
  'adafruit_read_all_saturated_512x',
  'adafruit_read_all_twice_29_599_64x',
  'adafruit_thresholds_interrupt',
  'circuitpython_all_channels',
  'circuitpython_clear_nir',
  'circuitpython_flicker_then_read',
  'circuitpython_init',
  'dfrobot_begin_id',
  'dfrobot_dbgfixed_flicker_100',
  'dfrobot_flicker_100',
  'dfrobot_led',
  'dfrobot_read_29_599_g7',
  'dfrobot_thresholds_msb_first',
]

const recordings = { skip: sharedData(FOLDER) === undefined ? missing(FOLDER) : false }

test('three public drivers hear from it what they heard when they were recorded', recordings, (t) => {
  for (const name of SCENARIOS) {
    const transcript = readTranscript(name)
    if (transcript === undefined) throw new Error(`${name} is missing`)
    t.ok(
      transcript.lines.some(({ op }) => op === 'r'),
      `${name}: something is read`,
    )
    t.strictSame(differences(transcript), [], `${name}: every answer, registers, chain and converters`)
  }
  t.end()
})

test('power-up: silent for 0.2 ms, busy for 0.3 ms, then asleep with its reset values', (t) => {
  const bench = new Bench()
  bench.ms = 0.1
  t.equal(bench.chip.write(Uint8Array.of(reg.ID)), false)
  t.equal(bench.chip.read(1), undefined)
  bench.ms = 0.25
  t.strictSame(bench.get(reg.STATUS6), [reg.STATUS6_INT_BUSY])
  bench.ms = 0.3
  t.strictSame(bench.get(reg.STATUS6), [0])
  t.strictSame(bench.get(reg.AUXID, 3), [0, 0, 0x24])
  t.strictSame(bench.get(reg.ENABLE, 2), [0, 0])
  t.strictSame(bench.get(reg.ASTEP, 2), [0xe7, 0x03])
  t.equal(bench.chip.state().registers.size, 0)
  t.end()
})

test('the register pointer goes up with each byte, survives a stop, and turns round in the FIFO', (t) => {
  const bench = new Bench()
  bench.set(reg.ASTEP, 0x57, 0x02)
  bench.set(reg.ASTEP)
  t.strictSame([...(bench.chip.read(1) ?? []), ...(bench.chip.read(1) ?? [])], [0x57, 0x02])
  bench.set(0xff, 1, 2, 3)
  t.strictSame(bench.get(0xfe, 4), [2, 3, 2, 3])
  t.end()
})

test('the low bank hides the RAM, and the RAM has four banks', (t) => {
  const bench = new Bench()
  bench.set(reg.LED, 0x55)
  t.strictSame(bench.get(reg.LED), [0x55], 'RAM')
  bench.set(reg.CFG0, reg.CFG0_REG_BANK)
  t.strictSame(bench.get(reg.LED), [0x04], 'the register, as after reset')
  bench.set(reg.CFG0, 0x01)
  t.strictSame(bench.get(reg.LED), [0x00], 'another bank of RAM')
  bench.set(reg.CFG0, 0x00)
  t.strictSame(bench.get(reg.LED), [0x55])
  t.end()
})

test('SMUX: the chain is loaded after 0.2 ms, SMUXEN clears itself then, and only with power on', (t) => {
  const bench = new Bench()
  bench.set(reg.SMUX_RAM, ...chain(LOW_HALF))
  bench.set(reg.ENABLE, reg.ENABLE_SMUXEN)
  bench.ms += 1
  t.ok(
    bench.chip.state().chain.every((byte) => byte === 0),
    'asleep',
  )
  bench.set(reg.ENABLE, ON)
  bench.set(reg.ENABLE, ON | reg.ENABLE_SMUXEN)
  bench.ms += 0.1
  t.strictSame(bench.get(reg.ENABLE), [ON | reg.ENABLE_SMUXEN])
  bench.set(reg.ENABLE, ON)
  t.strictSame(bench.get(reg.ENABLE), [ON | reg.ENABLE_SMUXEN], 'it is not to be hurried')
  t.ok(bench.chip.state().chain.every((byte) => byte === 0))
  bench.ms += 0.1
  t.strictSame(bench.get(reg.ENABLE), [ON])
  t.strictSame(bench.chip.state().chain, chain(LOW_HALF))
  t.end()
})

test('SMUX commands: read the chain back into RAM, initialise it; say so where asked', (t) => {
  const bench = new Bench()
  bench.configure(LOW_HALF)
  t.strictSame(bench.get(reg.STATUS5), [0])
  bench.set(reg.SMUX_RAM, ...new Uint8Array(20))
  bench.set(reg.CFG9, reg.CFG9_SIEN_SMUX)
  bench.set(reg.INTENAB, reg.INTENAB_SIEN)
  bench.set(reg.CFG6, 1 << reg.CFG6_SMUX_CMD_SHIFT)
  bench.set(reg.ENABLE, ON | reg.ENABLE_SMUXEN)
  bench.ms += 0.2
  t.strictSame(bench.get(reg.SMUX_RAM, 20), [...chain(LOW_HALF)])
  t.strictSame(bench.get(reg.STATUS5), [reg.STATUS5_SINT_SMUX])
  t.strictSame(bench.get(reg.STATUS), [reg.STATUS_SINT])
  bench.set(reg.CFG6, 0)
  bench.set(reg.ENABLE, ON | reg.ENABLE_SMUXEN)
  bench.ms += 0.2
  t.ok(bench.chip.state().chain.every((byte) => byte === 0))
  t.end()
})

test('a measurement takes autozero and integration; SP_EN going up clears what the last one said', (t) => {
  const bench = new Bench({ light: () => evenLight({ F2: 1000 }) })
  bench.configure(LOW_HALF)
  bench.set(reg.ENABLE, MEASURE)
  bench.ms += 15 + INTEGRATION_MS - 0.001
  t.strictSame(bench.get(reg.STATUS2), [0])
  bench.ms += 0.002
  t.strictSame(bench.get(reg.STATUS2), [reg.STATUS2_AVALID | reg.STATUS2_ASAT_DIGITAL])
  bench.get(reg.ASTATUS, 13)
  t.strictSame(
    bench.get(reg.STATUS2),
    [reg.STATUS2_AVALID | reg.STATUS2_ASAT_DIGITAL],
    'reading clears nothing',
  )
  bench.set(reg.ENABLE, ON)
  t.strictSame(bench.get(reg.STATUS2), [reg.STATUS2_AVALID | reg.STATUS2_ASAT_DIGITAL])
  bench.set(reg.ENABLE, MEASURE)
  t.strictSame(bench.get(reg.STATUS2), [0])
  t.end()
})

test('left on, it measures on without another autozero, with the settings each cycle began with', (t) => {
  const bench = new Bench()
  bench.configure(LOW_HALF)
  t.equal(bench.measure()[0], 9)
  bench.set(reg.CFG1, 3)
  bench.ms += INTEGRATION_MS
  t.strictSame(bench.get(reg.ASTATUS), [1], 'this cycle began at gain 1')
  bench.ms += INTEGRATION_MS
  t.strictSame(bench.get(reg.ASTATUS), [3])
  t.equal(bench.counts()[0], 39)
  t.end()
})

test('AZ_CONFIG 1 repeats the autozero each cycle, 0 leaves it out', (t) => {
  const bench = new Bench()
  bench.configure(LOW_HALF)
  bench.set(reg.AZ_CONFIG, 1)
  bench.measure()
  bench.set(reg.CFG1, 2)
  bench.ms += 2 * INTEGRATION_MS + 15
  t.strictSame(bench.get(reg.ASTATUS), [1], 'the third cycle is not over')
  bench.ms += 16
  t.strictSame(bench.get(reg.ASTATUS), [2])
  bench.set(reg.ENABLE, ON)
  bench.set(reg.AZ_CONFIG, 0)
  bench.set(reg.ENABLE, MEASURE)
  bench.ms += INTEGRATION_MS
  t.strictSame(bench.get(reg.STATUS2), [reg.STATUS2_AVALID])
  t.end()
})

test('with WEN, cycles wait for WTIME, and say when it is too short', (t) => {
  const bench = new Bench()
  bench.configure(LOW_HALF)
  bench.set(reg.WTIME, 35) // 100.08 ms
  bench.set(reg.ENABLE, MEASURE | reg.ENABLE_WEN)
  bench.ms += 15 + INTEGRATION_MS
  t.equal(bench.counts()[0], 9)
  bench.set(reg.CFG1, 2)
  bench.ms += 60
  t.strictSame(bench.get(reg.ASTATUS), [1], 'still waiting')
  bench.ms += 30
  t.strictSame(bench.get(reg.ASTATUS), [2])
  t.strictSame(bench.get(reg.STATUS6), [0])
  bench.set(reg.WTIME, 0)
  bench.ms += 200
  t.strictSame(bench.get(reg.STATUS6), [reg.STATUS6_SP_TRIG])
  t.end()
})

test('counts are light × gain × time, rounded down; one of two diodes gives half, two filters add up', (t) => {
  const bench = new Bench({ light: () => evenLight({ F1: 2, F2: 3, Dark: 0 }) })
  bench.configure({ F1: 0, F2: 0, NIR: 1, Dark: 2 })
  t.strictSame(bench.measure(), [49, 9, 0, 0, 0, 0])
  const half = chain({ F1: 3 })
  half[2 >> 1] = 0
  bench.set(reg.SMUX_RAM, ...half)
  bench.set(reg.ENABLE, ON)
  bench.set(reg.ENABLE, ON | reg.ENABLE_SMUXEN)
  bench.ms += 1
  t.strictSame(bench.measure(), [0, 0, 0, 9, 0, 0], 'one diode of F1')
  t.end()
})

test('each gain code has its gain', (t) => {
  const bench = new Bench({ light: () => evenLight({ NIR: 0.3 }) })
  bench.configure({ NIR: 0 })
  for (const [code, gain] of [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512].entries()) {
    bench.set(reg.CFG1, code)
    t.equal(bench.measure()[0], Math.floor(0.3 * gain * INTEGRATION_MS))
  }
  t.end()
})

test('saturation: digital at full scale, analogue where the front end gives up below it', (t) => {
  const bench = new Bench({ light: () => evenLight({ F1: 359 }, 0) }, { analogueLimit: 400 })
  bench.configure(LOW_HALF)
  t.equal(bench.measure()[0], 3589)
  t.strictSame(bench.get(reg.ASTATUS), [0x01])
  bench.set(reg.CFG1, 2)
  t.equal(bench.measure()[0], 3597, 'clamped')
  t.strictSame(bench.get(reg.ASTATUS), [0x82])
  t.strictSame(bench.get(reg.STATUS2), [
    reg.STATUS2_AVALID | reg.STATUS2_ASAT_DIGITAL | reg.STATUS2_ASAT_ANALOG,
  ])

  const clipped = new Bench({ light: () => evenLight({ F1: 200 }, 0) }, { analogueLimit: 150 })
  clipped.configure(LOW_HALF)
  t.equal(clipped.measure()[0], 1999)
  t.strictSame(clipped.get(reg.ASTATUS), [0x81])
  t.strictSame(clipped.get(reg.STATUS2), [reg.STATUS2_AVALID | reg.STATUS2_ASAT_ANALOG])
  t.end()
})

test('reading ASTATUS latches the counts behind it; without it a high byte still belongs to its low byte', (t) => {
  let light = 100
  const bench = new Bench({ light: () => evenLight({}, light) })
  bench.configure(LOW_HALF)
  t.equal(bench.measure()[0], 999)
  t.strictSame(bench.get(reg.CH0_DATA), [999 & 0xff])
  light = 20
  bench.ms += 2 * INTEGRATION_MS
  t.strictSame(bench.get(reg.CH0_DATA + 1), [999 >> 8], 'the high byte of what was read before')
  t.equal(bench.counts()[0], 199)
  t.strictSame(bench.get(reg.ASTATUS, 3), [1, 199, 0])
  bench.set(reg.CFG0, reg.CFG0_REG_BANK)
  t.strictSame(bench.get(0x60, 3), [1, 199, 0], 'the low bank shows the same')
  t.strictSame(bench.get(0x66, 2), [199, 0])
  t.end()
})

test('light is integrated over exactly the time measured, with the lamp as it was at each moment', (t) => {
  const asked: [number, number][] = []
  const bench = new Bench({
    light: (at, lampMa) => {
      asked.push([at, lampMa])
      return evenLight({}, lampMa)
    },
  })
  bench.configure(LOW_HALF)
  bench.set(reg.CFG0, reg.CFG0_REG_BANK)
  bench.set(reg.LED, reg.LED_ACT | reg.ledCode(20))
  t.equal(bench.chip.state().lampMa, 0, 'the pin is not driven')
  bench.set(reg.CONFIG, reg.CONFIG_LED_SEL)
  t.equal(bench.chip.state().lampMa, 20)
  const begun = bench.ms + 15
  t.equal(bench.measure()[0], Math.floor(20 * INTEGRATION_MS))
  t.strictSame(asked, [[begun + INTEGRATION_MS / 2, 20]])

  bench.set(reg.ENABLE, ON)
  bench.set(reg.ENABLE, MEASURE)
  bench.ms += 15 + 4
  bench.set(reg.LED, reg.ledCode(20))
  bench.ms += INTEGRATION_MS
  t.equal(bench.counts()[0], 80, 'on for 4 ms')
  t.end()
})

test('noise: what the generator says, and no count below zero', (t) => {
  const deviates = [1.4, -1.4, 0.9, 0, 0, 0, -9, -9, -9, -9, -9, -9]
  const bench = new Bench({}, { sigmaCounts: 2, normal: () => deviates.shift() ?? 0 })
  bench.configure(LOW_HALF)
  t.strictSame(bench.measure(), [12, 7, 11, 9, 9, 9])
  t.strictSame(bench.measure(), [0, 0, 0, 0, 0, 0])
  t.end()
})

test('thresholds: strictly outside, in a row; written low byte first', (t) => {
  let light = 100
  const bench = new Bench({ light: () => evenLight({}, light) })
  bench.configure(LOW_HALF)
  bench.set(reg.SP_TH_H, 999 & 0xff)
  t.strictSame(bench.get(reg.SP_TH_H, 2), [0, 0], 'held')
  bench.set(reg.SP_TH_H + 1, 999 >> 8)
  t.strictSame(bench.get(reg.SP_TH_H, 2), [999 & 0xff, 999 >> 8])
  bench.set(reg.PERS, 2)
  bench.set(reg.INTENAB, reg.INTENAB_SP_IEN)
  bench.measure()
  bench.ms += 3 * INTEGRATION_MS
  t.strictSame(bench.get(reg.STATUS), [0], '999 is not above 999')
  light = 101
  bench.ms += 2.5 * INTEGRATION_MS
  t.strictSame(bench.get(reg.STATUS), [reg.STATUS_AINT])
  t.strictSame(bench.get(reg.STATUS3), [reg.STATUS3_INT_SP_H])
  bench.set(reg.ENABLE, ON)
  bench.set(reg.STATUS, 0xff)
  t.strictSame(bench.get(reg.STATUS), [0])
  t.strictSame(bench.get(reg.STATUS3), [0])
  t.end()
})

test('flicker: a result after 100 ms, cleared by writing ones, and ADC5 is borrowed meanwhile', (t) => {
  const bench = new Bench({ light: () => evenLight({ NIR: 5000 }), flickerHz: () => 120 })
  bench.configure(LOW_HALF)
  bench.set(reg.ENABLE, MEASURE | reg.ENABLE_FDEN)
  bench.ms += 99
  t.strictSame(bench.get(reg.FD_STATUS), [0])
  t.equal(bench.counts()[5], 0)
  t.strictSame(bench.get(reg.STATUS2), [reg.STATUS2_AVALID], 'what is not measured does not saturate')
  bench.ms += 1
  t.strictSame(bench.get(reg.FD_STATUS), [0x2e])
  bench.set(reg.FD_STATUS, 0x3c)
  t.strictSame(bench.get(reg.FD_STATUS), [0x02])
  bench.ms += 100
  t.strictSame(bench.get(reg.FD_STATUS), [0x2e])
  t.end()
})

test('flicker: it looks on and on, and says so by an interrupt where it was asked to', (t) => {
  let hz: 100 | 120 | undefined = 100
  const bench = new Bench({ flickerHz: () => hz })
  bench.set(reg.CFG9, reg.CFG9_SIEN_FD)
  bench.set(reg.INTENAB, reg.INTENAB_SIEN)
  bench.set(reg.ENABLE, ON | reg.ENABLE_FDEN)
  bench.ms += 100
  t.strictSame(bench.get(reg.FD_STATUS), [0x2d])
  t.strictSame(bench.get(reg.STATUS5), [reg.STATUS5_SINT_FD])
  t.strictSame(bench.get(reg.STATUS), [reg.STATUS_SINT], 'as for the SMUX')
  hz = undefined
  bench.ms += 99
  t.strictSame(bench.get(reg.FD_STATUS), [0x2d])
  bench.ms += 1
  t.strictSame(bench.get(reg.FD_STATUS), [0x2c])
  hz = 120
  bench.ms += 7 * 86_400_000
  t.strictSame(bench.get(reg.FD_STATUS), [0x2e], 'left alone for a week')
  t.end()
})

test('STAT is read-only', (t) => {
  const bench = new Bench()
  bench.set(reg.CFG0, reg.CFG0_REG_BANK)
  bench.set(0x71, 0xff)
  t.strictSame(bench.get(0x71), [0])
  t.end()
})

test('left alone for a day it answers at once, with the light of now', (t) => {
  let looks = 0
  const bench = new Bench({
    light: (at) => {
      looks += 1
      return evenLight({}, at > 86_000_000 ? 7 : 1)
    },
  })
  bench.configure(LOW_HALF)
  bench.measure()
  bench.ms = 86_400_000
  t.equal(bench.counts()[0], 69)
  t.ok(looks < 100, `${looks} looks at the scene`)
  t.end()
})

test('registers that a write leaves alone', (t) => {
  const bench = new Bench()
  const readOnly = [
    reg.AUXID,
    reg.REVID,
    reg.ID,
    reg.ASTATUS,
    reg.CH0_DATA,
    reg.STATUS2,
    reg.STATUS3,
    reg.STATUS6,
  ]
  for (const register of readOnly) {
    const before = bench.get(register)
    bench.set(register, 0xff)
    t.strictSame(bench.get(register), before, register.toString(16))
  }
  t.end()
})

test('loss of power: everything is forgotten, the lamp goes out', (t) => {
  const bench = new Bench()
  bench.configure(LOW_HALF)
  bench.set(reg.CFG0, reg.CFG0_REG_BANK)
  bench.set(reg.CONFIG, reg.CONFIG_LED_SEL)
  bench.set(reg.LED, reg.LED_ACT)
  bench.set(reg.ENABLE, MEASURE)
  bench.ms += 10
  bench.chip.powerCycle()
  t.equal(bench.chip.write(Uint8Array.of(reg.ID)), false)
  bench.ms += 100
  const { registers, chain: connected, counts, lampMa } = bench.chip.state()
  t.equal(registers.size, 0)
  t.ok(connected.every((byte) => byte === 0))
  t.strictSame(counts, [0, 0, 0, 0, 0, 0])
  t.equal(lampMa, 0)
  t.end()
})

test('a broken converter: frozen keeps its last word, stalled says nothing more', (t) => {
  let light = 100
  const bench = new Bench({ light: () => evenLight({}, light) })
  bench.configure(LOW_HALF)
  bench.measure()
  bench.chip.breakConverter('frozen')
  light = 50
  t.equal(bench.measure()[0], 999)
  bench.set(reg.ENABLE, ON)
  bench.set(reg.ENABLE, MEASURE)
  t.strictSame(bench.get(reg.STATUS2), [reg.STATUS2_AVALID], 'valid before it can be')
  bench.chip.breakConverter('stalled')
  bench.measure()
  t.strictSame(bench.get(reg.STATUS2), [0])
  bench.chip.breakConverter(undefined)
  t.equal(bench.measure()[0], 499)
  t.end()
})
