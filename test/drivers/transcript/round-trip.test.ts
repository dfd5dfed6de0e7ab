import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { As7341 } from '../../../drivers/as7341/as7341.ts'
import type { Spectrum } from '../../../drivers/as7341/counts.ts'
import type { I2cBus } from '../../../drivers/bus.ts'
import type { Clock } from '../../../drivers/clock.ts'
import { SimulatedAs7341 } from '../../../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { readTranscript, writeTranscript } from '../../../drivers/transcript/files.ts'
import { PlaybackBus } from '../../../drivers/transcript/playback-bus.ts'
import { RecordingBus } from '../../../drivers/transcript/recording-bus.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { EXPOSURE, light } from '../as7341/rig.ts'
import { bench, firmware } from '../vl53l8ch/bench.ts'

type Call = RecordingBus['call']

/** Calls a driver without a recorder in between. */
const plainly: Call = (_name, work) => work()

async function range(bus: I2cBus, clock: Clock, call: Call): Promise<readonly RangeFrame[]> {
  const options = { firmware, zones: 64, rateHz: 15 } as const
  const head = await call('open', () => Vl53l8ch.open(bus, clock, options))
  const frames = [await call('measure', () => head.measure(clock.now()))]
  for (let i = 0; i < 5; i += 1) frames.push(await call('next', () => head.next()))
  await call('close', () => head.close())
  return frames
}

async function look(bus: I2cBus, clock: Clock, call: Call): Promise<readonly Spectrum[]> {
  const head = await call('open', () => As7341.open(bus, clock, { exposure: EXPOSURE, lampMa: 20 }))
  const spectra: Spectrum[] = []
  for (let i = 0; i < 3; i += 1) {
    const outputs = ({ counts }: Spectrum) => ({ counts })
    spectra.push(await call('measure', () => head.measure(clock.now()), outputs))
  }
  await call('close', () => head.close())
  return spectra
}

test('a VL53L8CH: what was recorded gives a fresh driver the same frames', async (t) => {
  const { bus, clock } = bench()
  const recorder = new RecordingBus(bus, clock, { address: 0x29, registerBytes: 2 })
  const frames = await range(recorder, clock, (...call) => recorder.call(...call))
  const folder = t.testdir()
  const facts = { targets_per_zone: 1, source: 'simulated' }
  const entry = await writeTranscript(folder, recorder.recording('eight_by_eight'), facts)
  t.equal(entry.recorded, 'open; measure; next; next; next; next; next; close')
  t.equal(entry.transactions, bus.traffic.transfers)

  const transcript = await readTranscript(join(folder, 'eight_by_eight.jsonl'))
  for (const mode of ['lenient', 'strict'] as const) {
    // A clock of its own, and no time on the wires.
    const playback = new PlaybackBus(transcript, { mode, address: 0x29 })
    const again = await range(playback, new VirtualClock(), plainly)
    playback.done()
    t.equal(again.length, 6)
    t.strictSame(
      again.map(({ raw, rangeMm, streamCount }) => ({ raw, rangeMm, streamCount })),
      frames.map(({ raw, rangeMm, streamCount }) => ({ raw, rangeMm, streamCount })),
      mode,
    )
  }
})

test('an AS7341: the same spectra, by the very same transfers', async (t) => {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  // It grows brighter, so that no spectrum is the one before.
  bus.attach(0x39, new SimulatedAs7341(clock, { light: (at) => light(5 + at / 1000, { F1: 3 }) }))
  const recorder = new RecordingBus(bus, clock, { address: 0x39, registerBytes: 1 })
  const spectra = await look(recorder, clock, (...call) => recorder.call(...call))
  const folder = t.testdir()
  await writeTranscript(folder, recorder.recording('lamp_three_times'))
  const playback = new PlaybackBus(await readTranscript(join(folder, 'lamp_three_times.jsonl')), {
    mode: 'strict',
  })
  const again = await look(playback, new VirtualClock(), plainly)
  playback.done()
  t.strictSame(
    again.map(({ raw, counts }) => ({ raw, counts })),
    spectra.map(({ raw, counts }) => ({ raw, counts })),
  )
  t.not(Buffer.compare(again[0]?.raw ?? Buffer.of(), again[2]?.raw ?? Buffer.of()), 0, 'they differ')
})

test('a driver that does something else than what was recorded is told where', async (t) => {
  const { bus, clock } = bench()
  const recorder = new RecordingBus(bus, clock, { address: 0x29, registerBytes: 2 })
  await range(recorder, clock, plainly)
  for (const mode of ['lenient', 'strict'] as const) {
    const playback = new PlaybackBus(recorder.recording('at_15_hz'), { mode })
    const slower = { firmware, zones: 64, rateHz: 10 } as const
    await t.rejects(Vl53l8ch.open(playback, new VirtualClock(), slower), {
      name: 'PlaybackDifference',
      message:
        /^at_15_hz:\d+: expected a write of 16 bytes at 0x2ff0: .*; got a write of 16 bytes at 0x2ff0: /,
    })
    t.throws(() => playback.done(), { name: 'PlaybackDifference' }, 'it stays known')
  }
})

test('a NACK and a wait are part of the recording, and of what is played', async (t) => {
  const { bus, clock, chip } = bench()
  const recorder = new RecordingBus(bus, clock, { address: 0x29, registerBytes: 2 })
  const open = (on: I2cBus, at: Clock): Promise<Vl53l8ch> =>
    Vl53l8ch.open(on, at, { firmware, zones: 64, rateHz: 15 })
  bus.detach(0x29)
  await t.rejects(
    recorder.call('open', () => open(recorder, clock)),
    { name: 'SensorError', fault: 'absent' },
  )
  bus.attach(0x29, chip)
  const folder = t.testdir()
  await writeTranscript(folder, recorder.recording('unplugged'))
  const lines = (await readFile(join(folder, 'unplugged.jsonl'), 'utf8')).trim().split('\n')
  t.equal(lines[0], '{"op": "mark", "cmd": "open"}')
  t.equal(lines.at(-1), '{"op": "w", "reg": "0x7fff", "len": 1, "data": "00", "ack": false}')
  const playback = new PlaybackBus(await readTranscript(join(folder, 'unplugged.jsonl')), { mode: 'strict' })
  await t.rejects(open(playback, new VirtualClock()), { name: 'SensorError', fault: 'absent' })
  playback.done()
})
