import { createHash } from 'node:crypto'
import { test } from 'tap'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { decodeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { xtalkReadCommand } from '../../../drivers/vl53l8ch/xtalk.ts'
import { missing, sharedData } from '../../fakes/shared.ts'
import { CAPTURE, stFirmware } from '../../fakes/st-firmware.ts'
import { decodeVl53l8ch } from '../../tools/decode-vl53l8ch.ts'
import { play, recordedNvm, scenariosOf } from '../../tools/play-transcript.ts'

const INDEX = 'vl53l8ch/transcripts/index.json'
const index = sharedData(INDEX) ?? ''
const firmware = stFirmware() ?? generateFirmware(1)
const skip = (index === '' && missing(INDEX)) || (sharedData(CAPTURE) === undefined && missing(CAPTURE))

/** The one table of ST's that no recording holds; everything else in the index must be equal byte for byte. */
const UNVERIFIED = new Map([['calibrate_xtalk', ['984 bytes at 0x2c28']]])

test("our writes and results are those of ST's driver, byte for byte", { skip }, async (t) => {
  const nvm = recordedNvm(index)
  const scenarios = scenariosOf(index)
  for (const scenario of scenarios) {
    const unverified = UNVERIFIED.get(scenario.name)
    t.same(await play(index, scenario, firmware, nvm), {
      name: scenario.name,
      equal: true,
      ...(unverified === undefined ? {} : { unverified }),
    })
  }
  t.equal(scenarios.length, 45)
})

test('the command that reads the crosstalk back is ST’s, made from the crosstalk itself', { skip }, (t) => {
  const command = xtalkReadCommand(firmware.xtalk)
  t.equal(command.length, 72)
  t.equal(
    createHash('sha256').update(command).digest('hex'),
    'a993313eac1e742610199dbead74c4017da59fdc754224d99a91891595aeee11',
  )
  t.end()
})

test('a scenario whose writes differ says where', { skip }, async (t) => {
  const [eight, two] = ['start_8x8_15hz', 'start_8x8_nt2'].map((name) =>
    scenariosOf(index).find((scenario) => scenario.name === name),
  )
  if (eight === undefined || two === undefined) throw new Error('no such scenarios')
  const played = await play(index, { ...eight, file: two.file }, firmware, recordedNvm(index))
  t.match(played, { equal: false, difference: /expected a write of 140 bytes at 0x2f74: sha256 / })
  const slow = await play(index, { ...eight, prelude: 'init', recorded: 'set_freq 1' }, firmware, undefined)
  t.match(slow, { equal: false, difference: /set_freq 1: data_read_size is undefined, 1444 expected/ })
})

for (const [file, vectors] of [
  ['vl53l8ch/frames_public.jsonl', 130],
  ['vl53l8ch/frames_real.jsonl', 47],
  ['vl53l8ch/cnh_config.jsonl', 60],
] as const) {
  const path = sharedData(file) ?? ''
  test(`all of ${file} decodes or encodes exactly`, { skip: path === '' && missing(file) }, (t) => {
    const decoded = decodeVl53l8ch(path)
    t.equal(decoded.length, vectors)
    t.same(
      decoded.filter((entry) => !entry.equal).map(({ name, different }) => ({ name, different })),
      [],
    )
    t.end()
  })
}

test('a frame that is cut or carries less than it says is corrupt', (t) => {
  const frame = (...words: number[]): Uint8Array => {
    const bytes = new Uint8Array(4 * words.length)
    const view = new DataView(bytes.buffer)
    for (const [i, word] of words.entries()) view.setUint32(4 * i, word)
    return bytes
  }
  const head = [0x03059f11, 0, 7, 0x0000000d, 0x54b400c0, 700, 3 << 24, 36]
  const foot = [0x0000000e, 0x0000000f, 7]
  const decode = (raw: Uint8Array) => decodeFrame(raw, 16, 1, 12.5)

  const least = decode(frame(...head, ...foot))
  t.match(least, { streamCount: 3, siliconTemperatureC: 36, takenAt: 12.5 })
  t.equal(least.rangeMm.length, 0, 'what was not sent is empty')
  t.ok(decode(frame(...head, 0x12340040, 0xffffffff, ...foot)), 'unknown blocks are passed over')

  const corrupt = { fault: 'corrupt' }
  t.throws(() => decode(frame(...head, 0x0000000e, 0x0000000f, 8)), { ...corrupt, message: /ids .* differ/ })
  t.throws(() => decode(frame(...head, 0x54d00104, 1, 2, 3, ...foot)), { ...corrupt, message: /is cut/ })
  t.throws(() => decode(frame(...head, 0x54d00014, 1, ...foot)), {
    ...corrupt,
    message: /holds 4 bytes where 64/,
  })
  t.throws(() => decode(frame(0x03059f11, 0, 7, 0x0000000d, ...foot)), { ...corrupt, message: /no metadata/ })
  t.throws(() => decode(new Uint8Array(8)), { ...corrupt, message: /differ/ })
  t.end()
})
