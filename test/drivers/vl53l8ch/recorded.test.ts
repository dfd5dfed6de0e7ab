import { test } from 'tap'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { decodeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { missing, sharedData } from '../../fakes/shared.ts'
import { CAPTURE, stFirmware } from '../../fakes/st-firmware.ts'
import { decodeVl53l8ch } from '../../tools/decode-vl53l8ch.ts'
import { play, recordedNvm, scenariosOf } from '../../tools/play-transcript.ts'

const INDEX = 'vl53l8ch/transcripts/index.json'
const index = sharedData(INDEX) ?? ''
const firmware = stFirmware() ?? generateFirmware(1)
const skip = (index === '' && missing(INDEX)) || (sharedData(CAPTURE) === undefined && missing(CAPTURE))

/** What our driver does not do yet; everything else in the index must be equal. */
const UNSUPPORTED =
  /^(cnh_|set_(integration|sharpener|target|ranging)|xtalk|thresholds|power|motion|external|glare|cal)/

test("our writes and results are those of ST's driver, byte for byte", { skip }, async (t) => {
  const nvm = recordedNvm(index)
  const equal: string[] = []
  for (const scenario of scenariosOf(index)) {
    const played = await play(index, scenario, firmware, nvm)
    if (played.reason === 'unsupported') t.match(played.name, UNSUPPORTED)
    else t.same(played, { name: scenario.name, equal: true })
    if (played.equal) equal.push(played.name)
  }
  const asked = 'is_alive init set_resolution_8x8 set_frequency_15 start_8x8_15hz get_frame_8x8 stop'.split(
    ' ',
  )
  t.same(
    asked.filter((name) => !equal.includes(name)),
    [],
  )
})

test('a scenario whose writes differ says where', { skip }, async (t) => {
  const [eight, two] = ['start_8x8_15hz', 'start_8x8_nt2'].map((name) =>
    scenariosOf(index).find((scenario) => scenario.name === name),
  )
  if (eight === undefined || two === undefined) throw new Error('no such scenarios')
  const played = await play(index, { ...eight, file: two.file }, firmware, recordedNvm(index))
  t.match(played, { equal: false, difference: /^wrote 140 bytes; expected 140 bytes at 0x2f74/ })
  const slow = await play(index, { ...eight, prelude: 'init', recorded: 'set_freq 1' }, firmware, undefined)
  t.match(slow, { equal: false, difference: /set_freq 1: data_read_size is undefined, 1444 expected/ })
})

for (const [file, vectors] of [
  ['vl53l8ch/frames_public.jsonl', 130],
  ['vl53l8ch/frames_real.jsonl', 47],
] as const) {
  const path = sharedData(file) ?? ''
  test(`all of ${file} decodes exactly`, { skip: path === '' && missing(file) }, (t) => {
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
