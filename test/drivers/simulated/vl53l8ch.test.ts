import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { acceptedChecksum, generateFirmware, generateNvm } from '../../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import { initialise } from '../../../drivers/vl53l8ch/boot.ts'
import { configurationFor } from '../../../drivers/vl53l8ch/firmware.ts'
import { planHistograms, setHistograms } from '../../../drivers/vl53l8ch/histogram-plan.ts'
import { decodeHistograms, histogramsOf } from '../../../drivers/vl53l8ch/histograms.ts'
import { bigEndianWords, littleEndianWords, readDci, writeDci } from '../../../drivers/vl53l8ch/mailbox.ts'
import { planOf, planOutputs, withBlock } from '../../../drivers/vl53l8ch/outputs.ts'
import { decodeFrame, findBlock } from '../../../drivers/vl53l8ch/ranges.ts'
import { readFrame, readReadyWord, startRanging, stopRanging } from '../../../drivers/vl53l8ch/ranging.ts'
import { blockHeader, FRAME_HISTOGRAMS } from '../../../drivers/vl53l8ch/registers.ts'
import { setFrequency, setResolution } from '../../../drivers/vl53l8ch/settings.ts'
import { xtalkCommand, xtalkOf, xtalkReadCommand } from '../../../drivers/vl53l8ch/xtalk.ts'
import { missing, sharedData } from '../../fakes/shared.ts'
import { CAPTURE, stFirmware } from '../../fakes/st-firmware.ts'
import { StillScene } from '../../fakes/still-scene.ts'
import { recordedNvm, scenariosOf, transfersOf } from '../../tools/play-transcript.ts'
import { UldSession } from '../../tools/uld-session.ts'

const INDEX = 'vl53l8ch/transcripts/index.json'
const index = sharedData(INDEX) ?? ''
const skip = (index === '' && missing(INDEX)) || (sharedData(CAPTURE) === undefined && missing(CAPTURE))

function powered(nvm?: Uint8Array) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 1_000_000)
  const scene = new StillScene()
  const moved = (address: number): void => bus.attach(address, chip)
  const chip = new SimulatedVl53l8ch({ clock, scene, moved, ...(nvm === undefined ? {} : { nvm }) })
  bus.attach(0x29, chip)
  return { clock, bus, scene, chip, link: { bus, clock, address: 0x29 } }
}

/** Register and answer, straight at the chip, without a bus. */
function ask(chip: SimulatedVl53l8ch, register: number, length: number): string {
  chip.write(Uint8Array.of(register >> 8, register & 0xff))
  return Buffer.from(chip.read(length) ?? []).toString('hex')
}

function put(chip: SimulatedVl53l8ch, register: number, ...values: number[]): void {
  chip.write(Uint8Array.of(register >> 8, register & 0xff, ...values))
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Their answers are frames of another scene. */
const FRAMES = /^(get_frame|cnh_.*_get)/

test('driven with what ST’s driver wrote, the chip answers as recorded, stale bytes included', {
  skip,
}, async (t) => {
  const firmware = stFirmware() ?? generateFirmware(1)
  const calibrated = xtalkOf(Uint8Array.from([...new Uint8Array(8), ...firmware.xtalk.subarray(0, 772)]))
  // The recordings hold ST's tables by their hashes only.
  const tables = [
    firmware.firmware.subarray(0, 0x8000),
    firmware.firmware.subarray(0x8000, 0x10000),
    firmware.firmware.subarray(0x10000),
    configurationFor(firmware, 1),
    configurationFor(firmware, 4),
    ...([2, 3] as const).map((targets) => configurationFor(firmware, targets)),
    firmware.xtalk,
    xtalkCommand(firmware.xtalk, 16),
    xtalkReadCommand(firmware.xtalk),
    calibrated,
    // What it answers then: four bytes of its calibration memory before it, the end mark behind.
    Uint8Array.from([...bigEndianWords(0x54000040, 0x00040005), ...firmware.xtalk.subarray(0, 772)]),
    // The one table of ST's that is not at hand; a generated one stands in.
    generateFirmware(1).xtalkCalibration ?? new Uint8Array(),
  ]
  const scenarios = scenariosOf(index).filter(({ name }) => !FRAMES.test(name))
  t.equal(scenarios.length, 39)
  for (const scenario of scenarios) {
    const { clock, bus, chip } = powered(recordedNvm(index))
    const session = new UldSession({ bus, clock, address: 0x29 }, firmware, scenario.targets_per_zone)
    for (const call of scenario.prelude.split(';').filter((text) => text.trim() !== '')) {
      await session.call(call.trim())
    }
    for (const { kind, register, length, bytes, sha256 } of transfersOf(
      join(dirname(index), scenario.file),
    )) {
      const content =
        bytes ??
        tables.find((table) => table.length === length && (hashOf(table) === sha256 || length === 984))
      if (content === undefined)
        return t.fail(`${scenario.name}: unknown content at ${register.toString(16)}`)
      // Waits are not replayed one by one: every step gets the longest that the driver would have waited.
      clock.spend(kind === 'read' && register === 0x06 ? 100 : 0)
      // A crosstalk calibration is asked for every 50 ms, less what ranges cost on the way.
      clock.spend(kind === 'read' && register === 0x00 && length === 4 ? 49 : 0)
      if (kind === 'write') put(chip, register, ...content)
      else t.equal(ask(chip, register, length), Buffer.from(content).toString('hex'), scenario.name)
    }
  }
  return undefined
})

test('a generated image declares its checksum, and only whole ones run', (t) => {
  const image = generateFirmware(5)
  t.equal(acceptedChecksum(image.firmware), image.checksum)
  t.same(generateFirmware(5), image)
  t.not(generateFirmware(6).sha256, image.sha256)
  const damaged = image.firmware.slice()
  damaged[0] = 255 - (damaged[0] ?? 0)
  t.equal(acceptedChecksum(damaged), undefined)
  t.equal(acceptedChecksum(new Uint8Array(86016).fill(1)), undefined)
  t.equal(generateNvm(1).length, 492)
  t.end()
})

test('the page register is one only when it is written alone', (t) => {
  const { chip } = powered()
  put(chip, 0x7fff, 9)
  t.equal(ask(chip, 0x7fff, 1), '09')
  put(chip, 0x7ffe, 0xaa, 0x55)
  t.equal(ask(chip, 0x7ffe, 1), 'aa', 'still page 9')
  put(chip, 0x7fff, 0)
  t.equal(ask(chip, 0x0000, 2), 'f00c')
  t.end()
})

test('what is written beside a page or behind the firmware goes nowhere', (t) => {
  const { chip } = powered()
  put(chip, 0x9000, 1)
  put(chip, 0xffff, ...new Uint8Array(100))
  put(chip, 0x7fff, 0)
  put(chip, 0x7ff0, ...new Uint8Array(100).fill(0xaa))
  t.equal(ask(chip, 0x7ff0, 20), `${'aa'.repeat(16)}00000000`)
  for (const page of [3, 11, 255]) {
    put(chip, 0x7fff, page)
    put(chip, 0x6000, ...new Uint8Array(0x2000).fill(0xbb))
    t.equal(ask(chip, 0x6000, 2), '0000', `page ${page}`)
  }
  put(chip, 0x7fff, 0)
  t.equal(ask(chip, 0x0000, 2), 'f00c', 'it goes on')
  t.end()
})

test('objects that are written are read back; what is no command is refused', async (t) => {
  const { link, chip } = powered()
  await initialise(link, generateFirmware(1), 1)
  await writeDci(link, 0xbfac, littleEndianWords(...Array.from({ length: 39 }, (_, i) => i * 0x01020304)))
  const back = await readDci(link, 0xbfac, 156)
  t.same(back.subarray(4, 8), Uint8Array.of(4, 3, 2, 1))
  put(chip, 0x2ffc, 0x00, 0x09, 0x00, 0x00)
  t.equal(ask(chip, 0x2c00, 4), '00037f00')
  put(chip, 0x2ff0, 0xdb, 0x80, 0xff, 0x00, 0, 0, 0, 0, 0, 0, 0, 0x0f, 0x05, 0x01, 0x00, 0x0c)
  t.equal(ask(chip, 0x2c00, 4), '05037f00', 'a block that is longer than its command')
  put(chip, 0x7fff, 0)
  put(chip, 0x0009, 0x02)
  put(chip, 0x7fff, 2)
  put(chip, 0x2c00, 0, 0, 0, 0)
  put(chip, 0x2ff4, 0x54, 0x50, 0x00, 0x80, 0, 0, 0, 0x0f, 0x00, 0x02, 0x00, 0x08)
  t.equal(ask(chip, 0x2c00, 4), '00000000', 'asleep, it does nothing')
})

test('at its default of 1 Hz it never starts to range, and without power it does not acknowledge', async (t) => {
  const { link, chip, clock } = powered()
  await initialise(link, generateFirmware(1), 1)
  await startRanging(link, 16, planOutputs(16, 1, 'compact'))
  await clock.sleep(5000)
  t.same(await readReadyWord(link), { kind: 'none' })
  chip.powerOff()
  t.equal(chip.write(Uint8Array.of(0, 0)), false)
  t.equal(chip.read(1), undefined)
  chip.powerOn()
  put(chip, 0x7fff, 0)
  t.equal(ask(chip, 0x0006, 1), '00', 'it needs a moment')
  await clock.sleep(5)
  t.equal(ask(chip, 0x0006, 1), '01')
  t.same(await readReadyWord(link), { kind: 'impossible', word: 0xf00c0000 })
})

test('histograms have the form that the decoder knows, and rise where the wall stands', async (t) => {
  const { link, scene, clock } = powered()
  const nvm = await initialise(link, generateFirmware(1), 1)
  await setResolution(link, 64, { nvm, xtalk: generateFirmware(1).xtalk })
  await setFrequency(link, 15, 64)
  // 16 aggregates of 2×2 zones, 20 bins of 2 from bin 4 on; no ping-pong, no variance (facts §8).
  const configuration = new Uint8Array(156)
  new DataView(configuration.buffer).setInt32(0, 4 * 2048, true)
  configuration.set([2, 20, 16, 1, 0, 0, 0, 0x3f, 1], 18)
  for (let zone = 0; zone < 64; zone += 1) configuration[28 + zone] = (zone >> 4) * 4 + ((zone & 7) >> 1)
  await writeDci(link, 0xbfac, configuration)
  const { list } = planOutputs(64, 1, 'compact')
  const plan = planOf([...list, blockHeader(FRAME_HISTOGRAMS, 427, 4)], 0x1fff)
  await startRanging(link, 64, plan)
  t.equal(plan.frameBytes, 3156)
  scene.rangeMm = 400
  await clock.sleep(70)
  const raw = await readFrame(link, plan.frameBytes)
  const block = findBlock(raw, FRAME_HISTOGRAMS)
  if (block === undefined) return t.fail('no histograms')
  const { bins, aggregates, mantissas } = decodeHistograms(
    raw.subarray(block.offset, block.offset + block.bytes),
  )
  t.same([bins, aggregates], [20, 16])
  // 400 mm are bin 10.66 of the chip, 3.3 of ours.
  const first = [...mantissas.subarray(0, 20)]
  t.equal(first.indexOf(Math.max(...first)), 3)
  t.equal(decodeFrame(raw, 64, 1, 0).rangeMm[0], 400)
  return undefined
})

test('histograms of bright light in few aggregates stay within their 32 bits', async (t) => {
  const { link, scene, clock } = powered()
  const flat = scene.look(16, 0)
  const [wall] = flat.echoes[0] ?? []
  if (wall === undefined) return t.fail('no wall')
  const bright = [{ ...wall, rangeMm: 300, signalKcpsPerSpad: 20_000 }]
  scene.look = () => ({ ...flat, echoes: new Array(16).fill(bright) })
  await initialise(link, generateFirmware(1), 1)
  await setFrequency(link, 10, 16)
  const grid = { startX: 0, startY: 0, mergeX: 4, mergeY: 4, columns: 1, rows: 1 }
  const histograms = planHistograms({ startBin: 0, bins: 16, subSample: 1, grid }, 16)
  await setHistograms(link, histograms)
  const plan = withBlock(planOutputs(16, 1, 'compact'), histograms.header)
  await startRanging(link, 16, plan)
  await clock.sleep(150)
  const seen = histogramsOf(await readFrame(link, plan.frameBytes))
  const values = [...(seen?.mantissas ?? [])].map((mantissa, i) => mantissa / 2 ** (seen?.scalers[i] ?? 0))
  // 300 mm are bin 7.99: the pulse's middle lies between the bins 7 and 8.
  t.ok(values.every((value) => value >= 0))
  t.ok(Math.abs((values[7] ?? 0) - 320_000 * Math.exp(-0.5 * (0.5 / 2.5) ** 2)) < 1000)
  return undefined
})

test('several targets of a zone come in the order asked for', async (t) => {
  const echo = { sigmaMm: 1, reflectancePercent: 10, status: 5 }
  const near = { ...echo, rangeMm: 200, signalKcpsPerSpad: 5 }
  const far = { ...echo, rangeMm: 700, signalKcpsPerSpad: 9 }
  const { link, chip, clock, scene } = powered()
  const flat = scene.look(16, 0)
  scene.look = () => ({
    ...flat,
    echoes: Array.from({ length: 16 }, (_, zone) => (zone === 0 ? [] : [far, near])),
  })
  await initialise(link, generateFirmware(1), 3)
  const ranges = async (order: number): Promise<number[]> => {
    await writeDci(link, 0xae64, littleEndianWords(order))
    await setFrequency(link, 10, 16)
    const plan = planOutputs(16, 3, 'compact')
    await startRanging(link, 16, plan)
    await clock.sleep(150)
    const frame = decodeFrame(await readFrame(link, plan.frameBytes), 16, 3, 0)
    t.same([...frame.targetsDetected.subarray(0, 2)], [0, 2])
    t.same([...frame.status.subarray(0, 5)], [255, 255, 255, 5, 5])
    await stopRanging(link)
    return [...frame.rangeMm.subarray(3, 6)]
  }
  t.same(await ranges(2), [700, 200, 0], 'strongest first')
  t.same(await ranges(1), [200, 700, 0], 'nearest first')
  t.equal(ask(chip, 0x0000, 1), '03', 'the last results stay')
})
