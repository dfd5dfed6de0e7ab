import { test } from 'tap'
import { As7341 } from '../../../drivers/as7341/as7341.ts'
import { basicCounts, type Exposure, GAINS, halvesOf, type Spectrum } from '../../../drivers/as7341/counts.ts'
import type { GpioMode } from '../../../drivers/as7341/gpio.ts'
import * as reg from '../../../drivers/as7341/registers.ts'
import { chain, HIGH_HALF, LOW_HALF } from '../../../drivers/as7341/smux.ts'
import { SimulatedAs7341 } from '../../../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { missing, sharedData } from '../../fakes/shared.ts'
import {
  FOLDER,
  hexRegisters,
  readTranscript,
  recordedLight,
  replay,
  returned,
  type Transcript,
} from './transcript.ts'

/**
 * Our driver in the place of the recorded one: same light, same exposure. Compared are all registers of the state
 * file, the SMUX chain, the six converters after the second half, and the counts that the recorded driver returned.
 * Not compared: `t_us` (we poll once, not each millisecond) and the number of measurements (the recorded drivers let
 * the chip measure on).
 */
interface Scenario {
  readonly name: string
  readonly exposure: Exposure
  readonly lampMa?: number
  /** Spectra to take after opening; the recorded drivers' `begin` takes none. */
  readonly spectra?: number
  /** Functions of the recorded driver whose results, joined, are the counts in our order. */
  readonly returns?: readonly string[]
  /** Registers in which ours ends otherwise, why, and what they hold. */
  readonly ours: Readonly<Record<string, string>>
}

/** WTIME: unused with WEN = 0, so it carries our mark, by which a loss of power shows. */
const MARK = { '0x83': '0xa5' }
/** ENABLE: they leave the chip measuring for ever; ours rests until it is asked again. */
const MARK_AND_REST = { ...MARK, '0x80': '0x01' }

/**
 * Here the halves are alike (all saturated), or the second spectrum repeats the first (a light that steady is none
 * of this world). Our driver then starts one conversion more, to see AVALID fall: its proof that the chip is not
 * stuck. STATUS2 is low after that.
 */
const MARK_REST_AND_PROOF = { ...MARK_AND_REST, '0xa3': '' }

function exposure(atime: number, astep: number, gain: number): Exposure {
  return { atime, astep, gain }
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'adafruit_begin', exposure: exposure(0, 999, 256), ours: MARK },
  { name: 'adafruit_config_29_599_256x', exposure: exposure(29, 599, 256), ours: MARK },
  {
    name: 'adafruit_read_all_29_599_256x',
    exposure: exposure(29, 599, 256),
    spectra: 1,
    returns: ['readAllChannels'],
    ours: MARK_AND_REST,
  },
  {
    name: 'adafruit_read_all_saturated_512x',
    exposure: exposure(29, 599, 512),
    spectra: 1,
    returns: ['readAllChannels'],
    ours: MARK_REST_AND_PROOF,
  },
  {
    name: 'adafruit_read_all_twice_29_599_64x',
    exposure: exposure(29, 599, 64),
    spectra: 2,
    returns: ['readAllChannels'],
    ours: MARK_REST_AND_PROOF,
  },
  {
    name: 'adafruit_nonblocking_read',
    exposure: exposure(9, 599, 256),
    spectra: 1,
    returns: ['getAllChannels'],
    ours: MARK_AND_REST,
  },
  {
    name: 'adafruit_basic_counts',
    exposure: exposure(29, 599, 256),
    spectra: 1,
    returns: ['readAllChannels'],
    ours: MARK_AND_REST,
  },
  // It hands the LDR pin to the LED register at its start, as ours does where a lamp is configured; 12 mA is the
  // reset value of that register.
  { name: 'circuitpython_init', exposure: exposure(100, 999, 128), lampMa: 12, ours: MARK },
  {
    name: 'circuitpython_all_channels',
    exposure: exposure(100, 999, 128),
    lampMa: 12,
    spectra: 1,
    ours: MARK_AND_REST,
  },
  {
    name: 'circuitpython_clear_nir',
    exposure: exposure(100, 999, 128),
    lampMa: 12,
    spectra: 1,
    ours: MARK_AND_REST,
  },
  // Its begin() neither checks the ID nor sets an exposure; ours is given the reset values.
  { name: 'dfrobot_begin_id', exposure: exposure(0, 999, 256), ours: MARK },
  {
    name: 'dfrobot_read_29_599_g7',
    exposure: exposure(29, 599, 64),
    spectra: 1,
    returns: ['readSpectralDataOne', 'readSpectralDataTwo'],
    ours: MARK_AND_REST,
  },
  // They take the LDR pin back from the LED register when they switch it off (CONFIG 0); ours keeps it, LED_ACT low.
  {
    name: 'adafruit_led_on_20mA_off',
    exposure: exposure(0, 999, 256),
    lampMa: 20,
    ours: { ...MARK, '0x70': '0x08' },
  },
  // controlLed(10) writes code 9, 22 mA.
  { name: 'dfrobot_led', exposure: exposure(0, 999, 256), lampMa: 22, ours: { ...MARK, '0x70': '0x08' } },
]

const recordings = { skip: sharedData(FOLDER) === undefined ? missing(FOLDER) : false }

function transcriptOf(name: string): Transcript {
  const transcript = readTranscript(name)
  if (transcript === undefined) throw new Error(`${name} is missing`)
  return transcript
}

async function take({ exposure, lampMa, spectra = 0 }: Scenario, { state }: Transcript) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const chip = new SimulatedAs7341(clock, recordedLight(state), { analogueLimit: state.scene.analogLimit })
  bus.attach(reg.ADDRESS, chip)
  const sensor = await As7341.open(bus, clock, { exposure, ...(lampMa === undefined ? {} : { lampMa }) })
  let spectrum: Spectrum | undefined
  for (let taken = 0; taken < spectra; taken += 1) spectrum = await sensor.measure(clock.now())
  return { chip, spectrum }
}

/** The twelve counts in the recorded drivers' order: F1…F4, Clear, NIR, F5…F8, Clear, NIR. */
function twelveCounts(spectrum: Spectrum, integration: Exposure): readonly number[] {
  return halvesOf(spectrum.raw ?? new Uint8Array(), integration).flatMap(({ counts }) => counts)
}

for (const scenario of SCENARIOS) {
  test(`${scenario.name}: same registers, chain and counts`, recordings, async (t) => {
    const transcript = transcriptOf(scenario.name)
    const { state } = transcript
    const { chip, spectrum } = await take(scenario, transcript)
    const { registers, chain, counts } = chip.state()
    const expected = Object.entries({ ...state.regs, ...scenario.ours }).filter(([, value]) => value !== '')
    t.same(hexRegisters(registers), Object.fromEntries(expected))
    t.equal(Buffer.from(chain).toString('hex'), state.smux_chain)
    t.strictSame(counts, state.adc)
    if (spectrum === undefined || scenario.returns === undefined) return
    const theirs = scenario.returns.flatMap((name) => returned(transcript, name))
    t.strictSame(twelveCounts(spectrum, scenario.exposure), theirs)
  })
}

test(
  'circuitpython_all_channels: it drops Clear and NIR, the eight filters are equal',
  recordings,
  async (t) => {
    const [scenario] = SCENARIOS.filter(({ name }) => name === 'circuitpython_all_channels')
    if (scenario === undefined) throw new Error('no scenario')
    const transcript = transcriptOf(scenario.name)
    const { spectrum } = await take(scenario, transcript)
    t.strictSame(Object.values(spectrum?.counts ?? {}).slice(0, 8), returned(transcript, 'all_channels'))
  },
)

test('circuitpython_clear_nir: four channels, one by one', recordings, async (t) => {
  const [scenario] = SCENARIOS.filter(({ name }) => name === 'circuitpython_clear_nir')
  if (scenario === undefined) throw new Error('no scenario')
  const transcript = transcriptOf(scenario.name)
  const { spectrum } = await take(scenario, transcript)
  t.equal(spectrum?.counts.F1_415nm, returned(transcript, 'channel_415nm'))
  t.equal(spectrum?.counts.F8_680nm, returned(transcript, 'channel_680nm'))
  t.equal(spectrum?.counts.Clear, returned(transcript, 'channel_clear'))
  t.equal(spectrum?.counts.NIR, returned(transcript, 'channel_nir'))
})

test('adafruit_basic_counts: equal to the seven digits of its float', recordings, async (t) => {
  const [scenario] = SCENARIOS.filter(({ name }) => name === 'adafruit_basic_counts')
  if (scenario === undefined) throw new Error('no scenario')
  const transcript = transcriptOf(scenario.name)
  const { spectrum } = await take(scenario, transcript)
  if (spectrum === undefined) throw new Error('no spectrum')
  t.equal(
    basicCounts(spectrum)?.F1_415nm?.toPrecision(7),
    Number(returned(transcript, 'toBasicCounts(768)')).toPrecision(7),
  )
})

test(
  'saturation: theirs return 18000 as if it were light, ours names the channels',
  recordings,
  async (t) => {
    const scenario = SCENARIOS.find(({ name }) => name === 'adafruit_read_all_twice_29_599_64x')
    if (scenario === undefined) throw new Error('no scenario')
    const { spectrum } = await take(scenario, transcriptOf(scenario.name))
    t.strictSame(spectrum?.saturated, ['F6_590nm', 'F7_630nm', 'F8_680nm', 'Clear'])
    t.equal(spectrum?.fullScale, 18000)
  },
)

test(
  'adafruit_begin_absent, adafruit_begin_wrong_id: theirs return false, ours say why',
  recordings,
  async (t) => {
    for (const [name, fault] of [
      ['adafruit_begin_absent', 'absent'],
      ['adafruit_begin_wrong_id', 'wrong-chip'],
    ] as const) {
      const transcript = transcriptOf(name)
      const { state } = transcript
      const clock = new VirtualClock()
      const bus = new SimulatedBus(clock, 400_000)
      const chip = new SimulatedAs7341(clock, recordedLight(state), { id: Number(state.id) })
      if (state.present) bus.attach(reg.ADDRESS, chip)
      t.equal(returned(transcript, 'begin'), false)
      const opening = As7341.open(bus, clock, { exposure: exposure(0, 999, 256) })
      await t.rejects(opening, { name: 'SensorError', fault }, name)
      t.same(hexRegisters(chip.state().registers), state.regs, 'nothing was written')
    }
  },
)

test(
  'circuitpython_flicker_then_read: it leaves FDEN set and NIR at 0, ours reads NIR after it',
  recordings,
  async (t) => {
    const transcript = transcriptOf('circuitpython_flicker_then_read')
    const { state } = transcript
    const clock = new VirtualClock()
    const chip = new SimulatedAs7341(clock, recordedLight(state))
    clock.spend(1)
    replay(transcript, chip, (ms) => clock.spend(1 + ms - clock.now()))
    t.equal(chip.state().counts[5], 0)
    const bus = new SimulatedBus(clock, 400_000)
    bus.attach(reg.ADDRESS, chip)
    const sensor = await As7341.open(bus, clock, { exposure: exposure(100, 999, 128) })
    const { counts } = await sensor.measure(clock.now())
    t.equal(counts.NIR, 7187, 'what circuitpython_clear_nir reads in the same light')
    t.strictSame(Object.values(counts).slice(0, 8), returned(transcript, 'all_channels'))
  },
)

test('adafruit_power: disableAll is our close', recordings, async (t) => {
  const transcript = transcriptOf('adafruit_power')
  const off = transcript.lines.find((line) => line.op === 'w' && line.reg === '0x80' && line.data === '00')
  t.ok(off, 'it writes 0 to ENABLE')
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const chip = new SimulatedAs7341(clock, recordedLight(transcript.state))
  bus.attach(reg.ADDRESS, chip)
  const sensor = await As7341.open(bus, clock, { exposure: exposure(0, 999, GAINS[9] ?? 0) })
  t.same(hexRegisters(chip.state().registers), { ...transcript.state.regs, ...MARK }, 'awake, as they end')
  await sensor.close()
  t.same(hexRegisters(chip.state().registers), MARK)
})

/** Our driver in the light of a recording. */
async function openIn({ state }: Transcript, integration: Exposure) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const chip = new SimulatedAs7341(clock, recordedLight(state))
  bus.attach(reg.ADDRESS, chip)
  const sensor = await As7341.open(bus, clock, { exposure: integration })
  const hexState = () => hexRegisters(chip.state().registers)
  return { clock, chip, sensor, hexState }
}

test(
  'adafruit_flicker_*: same registers and answer; theirs leaves the filters unconnected, ours does not',
  recordings,
  async (t) => {
    for (const [name, theirs, hz100] of [
      ['adafruit_flicker_100hz', 100, true],
      ['adafruit_flicker_none_valid', 1, false],
    ] as const) {
      const transcript = transcriptOf(name)
      const { state } = transcript
      const { chip, sensor, hexState } = await openIn(transcript, exposure(0, 999, 256))
      t.equal(returned(transcript, 'detectFlickerHz'), theirs)
      t.match(await sensor.detectFlicker(), { measured: true, saturated: false, hz100, hz120: false }, name)
      t.same(hexState(), { ...state.regs, ...MARK }, name)
      t.equal(state.smux_chain, Buffer.from(chain({ Flicker: 5 })).toString('hex'))
      t.strictSame(chip.state().chain, chain(HIGH_HALF))
    }
  },
)

test(
  'dfrobot_flicker_100: it never switches the detector on and sees nothing; mended, it says 50 for 100 Hz',
  recordings,
  async (t) => {
    const broken = transcriptOf('dfrobot_flicker_100')
    const mended = transcriptOf('dfrobot_dbgfixed_flicker_100')
    t.equal(returned(broken, 'readFlickerData'), 0)
    t.equal(returned(mended, 'readFlickerData'), 50, 'the mains, not the light')
    for (const transcript of [broken, mended]) {
      const { sensor, hexState } = await openIn(transcript, exposure(0, 999, 256))
      t.match(await sensor.detectFlicker(), { hz100: true, hz120: false })
      // They leave the chip measuring through the flicker map; ours is idle, and has measured nothing.
      const { '0xa3': _, ...theirs } = mended.state.regs
      t.same(hexState(), { ...theirs, ...MARK_AND_REST })
    }
  },
)

test(
  'circuitpython_flicker_then_read: it says 1000 Hz and loses NIR, ours says 100 and reads NIR',
  recordings,
  async (t) => {
    const transcript = transcriptOf('circuitpython_flicker_then_read')
    t.equal(returned(transcript, 'flicker_detected'), 1000)
    const { clock, sensor } = await openIn(transcript, exposure(100, 999, 128))
    t.equal((await sensor.detectFlicker()).hz100, true)
    const { counts } = await sensor.measure(clock.now())
    t.equal(counts.NIR, 7187)
  },
)

test(
  'adafruit_thresholds_interrupt: same registers; it never loads the SMUX, so it watches an open input',
  recordings,
  async (t) => {
    const transcript = transcriptOf('adafruit_thresholds_interrupt')
    const { state } = transcript
    const { clock, chip, sensor, hexState } = await openIn(transcript, exposure(29, 599, 256))
    const watch = await sensor.watch({ channel: 'Clear', below: 100, above: 5000, persistence: 2 })
    clock.spend(60)
    t.equal(await watch.crossing(), undefined, 'as theirs after 60 ms: APERS 2 wants a second one')
    clock.spend(60)
    const crossing = await watch.crossing()
    t.same(hexState(), { ...state.regs, ...MARK })
    t.equal(returned(transcript, 'spectralLowTriggered'), false)
    t.strictSame(state.adc, [0, 0, 0, 0, 0, 0], 'they compare 0 with 100, and call it low')
    t.match(crossing, { above: true, below: false, count: 14_091 })
    t.strictSame(chip.state().chain, chain(LOW_HALF))
  },
)

test(
  'dfrobot_thresholds_msb_first: 300 and 10000 become 256 and 9984, ours stay what they are',
  recordings,
  async (t) => {
    const transcript = transcriptOf('dfrobot_thresholds_msb_first')
    const { state } = transcript
    t.equal(returned(transcript, 'getLowThreshold'), 256)
    t.equal(returned(transcript, 'getHighThreshold'), 9984)
    const { sensor, hexState } = await openIn(transcript, exposure(0, 999, 256))
    await sensor.watch({ channel: 'Clear', below: 300, above: 10_000, persistence: 3 })
    // Theirs is left switched off; a watch of ours measures.
    t.same(hexState(), { ...state.regs, ...MARK, '0x80': '0x03', '0x84': '0x2c', '0x86': '0x10' })
  },
)

test('adafruit_gpio: each write of the pin, and what it reads', recordings, async (t) => {
  const transcript = transcriptOf('adafruit_gpio')
  const writes = transcript.lines.flatMap((line) => (line.op === 'w' && line.reg === '0xbe' ? line.data : []))
  const { chip, sensor, hexState } = await openIn(transcript, exposure(0, 999, 256))
  const modes: readonly GpioMode[] = [
    { direction: 'input' },
    { direction: 'output', high: true },
    { direction: 'output', high: true, inverted: true },
    { direction: 'output', high: false, inverted: true },
    { direction: 'output', high: true, inverted: true },
  ]
  const ours: (string | undefined)[] = []
  for (const mode of modes) {
    await sensor.setGpio(mode)
    if (mode.direction === 'input')
      t.equal(await sensor.readGpio(), returned(transcript, 'getGPIOValue'), 'held low')
    ours.push((chip.state().registers.get(reg.GPIO2) ?? 0x02).toString(16).padStart(2, '0'))
  }
  t.strictSame(ours, writes)
  t.same(hexState(), { ...transcript.state.regs, ...MARK })
})
