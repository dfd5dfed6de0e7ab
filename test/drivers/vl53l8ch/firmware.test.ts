import { createHash } from 'node:crypto'
import { test } from 'tap'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import {
  configurationFor,
  type FirmwareParts,
  imageOf,
  packImage,
  parseUldHeader,
  unpackImage,
} from '../../../drivers/vl53l8ch/firmware.ts'
import { missing } from '../../fakes/shared.ts'
import { CAPTURE, stFirmware } from '../../fakes/st-firmware.ts'

const NAMES = {
  VL53LMZ: [
    'VL53LMZ_FIRMWARE',
    'VL53L8_DEFAULT_CONFIGURATION',
    'VL53LMZ_DEFAULT_XTALK',
    'VL53LMZ_GET_NVM_CMD',
  ],
  VL53L8CX: [
    'VL53L8CX_FIRMWARE',
    'VL53L8CX_DEFAULT_CONFIGURATION',
    'VL53L8CX_DEFAULT_XTALK',
    'VL53L8CX_GET_NVM_CMD',
  ],
} as const

/** A header as ST writes it, with these arrays. */
function header(parts: FirmwareParts, family: keyof typeof NAMES = 'VL53LMZ'): string {
  const arrays = [parts.firmware, parts.configuration, parts.xtalk, parts.nvmCommand]
  const macro = `${family}_FW_NBTAR_RANGING`
  const texts = arrays.map((bytes, which) => {
    const elements = Array.from(bytes, (byte, i) =>
      which === 1 && i === 107 ? macro : `0x${byte.toString(16).padStart(2, '0')}${i % 4 === 3 ? '\n' : ''}`,
    )
    return `/* ${which} { 0x00 } */\nconst uint8_t ${NAMES[family][which]}[] = {\n${elements.join(', ')},\n};\n`
  })
  return `#ifndef BUFFERS_H_\n#define ${macro} 2\n${texts.join('\n')}#endif\n`
}

const image = generateFirmware(3)

test('the arrays are read out of either of ST’s headers', (t) => {
  for (const family of ['VL53LMZ', 'VL53L8CX'] as const) {
    const parts = parseUldHeader(header(image, family))
    t.same(parts.firmware, image.firmware)
    t.same(parts.configuration, image.configuration)
    t.same(parts.xtalk, image.xtalk)
    t.same(parts.nvmCommand, image.nvmCommand)
  }
  t.end()
})

test('the configuration names the targets per zone', (t) => {
  t.same(
    ([1, 2, 3, 4] as const).map((targets) => configurationFor(image, targets)[107]),
    [2, 2, 3, 4],
  )
  t.equal(image.configuration[107], 2, 'the image itself is not changed')
  t.end()
})

test('a wrong or cut file is refused with what is wrong', (t) => {
  const whole = header(image)
  const refused = [
    ['', /no array VL53LMZ_FIRMWARE/],
    [whole.slice(0, 100_000), /VL53LMZ_FIRMWARE does not end; the file is cut/],
    [whole.replace('VL53LMZ_DEFAULT_XTALK', 'SOMETHING_ELSE'), /no array VL53LMZ_DEFAULT_XTALK/],
    [whole.replace(/0x[0-9a-f]{2}, /, ''), /VL53LMZ_FIRMWARE has 86015 elements, 86016 expected/],
    [whole.replace(/0x[0-9a-f]{2}/g, '0x100'), /VL53LMZ_FIRMWARE\[0\] is "0x100", a byte expected/],
    [whole.replace('VL53LMZ_FW_NBTAR_RANGING,', 'N,'), /VL53L8_DEFAULT_CONFIGURATION\[107\] is "N"/],
    ['x'.repeat((4 << 20) + 1), /at most 4194304 expected/],
  ] as const
  for (const [text, message] of refused) {
    t.throws(() => parseUldHeader(text), { name: 'FirmwareError', message })
  }
  t.end()
})

test('an image must be whole and known', (t) => {
  const known = new Map([[image.sha256, 1]])
  t.equal(imageOf(image, known).checksum, 1)
  const refused = [
    [{ ...image, firmware: image.firmware.slice(4) }, /VL53LMZ_FIRMWARE has 86012 bytes, 86016 expected/],
    [{ ...image, xtalk: new Uint8Array(776) }, /VL53LMZ_DEFAULT_XTALK does not end in its command footer/],
    [
      { ...image, firmware: new Uint8Array(86016) },
      /SHA-256 [0-9a-f]{64} is not known \(known: [0-9a-f]{16}…\)/,
    ],
  ] as const
  for (const [parts, message] of refused) {
    t.throws(() => imageOf(parts, known), { name: 'FirmwareError', message })
  }
  t.throws(() => imageOf(image), /use the one of ST's VL53LMZ ULD 2\.0\.16/, 'a generated one is not ST’s')
  t.end()
})

const st = stFirmware()
test('ST’s own image is known', { skip: st === undefined && missing(CAPTURE) }, (t) => {
  if (st === undefined) return
  t.equal(st.checksum, 0x0c0b6c9e)
  t.match(st.sha256, /^fc50ff57e426b6c4/)
  t.same(imageOf(parseUldHeader(header(st))), st)
  t.end()
})

const known = new Map([[image.sha256, image.checksum]])

test('the table of the crosstalk plug-in is read where its header follows', (t) => {
  const table = Array.from(image.xtalkCalibration ?? [], (byte) => `0x${byte.toString(16)}`)
  const plugin = `static const uint8_t VL53LMZ_CALIBRATE_XTALK[] = {${table.join(', ')}};\n`
  t.same(parseUldHeader(`${header(image)}\n${plugin}`).xtalkCalibration, image.xtalkCalibration)
  t.equal(parseUldHeader(header(image)).xtalkCalibration, undefined)
  t.throws(() => parseUldHeader(`${header(image)}\n${plugin.slice(0, 400)}`), {
    name: 'FirmwareError',
    message: /VL53LMZ_CALIBRATE_XTALK does not end/,
  })
  t.end()
})

test('an image travels as one checked file', (t) => {
  const file = packImage(image)
  t.same(unpackImage(file, known), image)
  t.same(packImage(unpackImage(file, known)), file)
  const { xtalkCalibration: _, ...bare } = image
  t.same(unpackImage(packImage(bare), known), bare, 'without the plug-in’s table too')
  const grown = new Uint8Array(file.length + 1)
  grown.set(file)
  const changed = (at: number, value: number): Uint8Array => file.slice().fill(value, at, at + 1)
  const refused = [
    [new Uint8Array(0), /does not begin with PCNTOFFW/],
    [new TextEncoder().encode(header(image)), /does not begin with PCNTOFFW; import ST's header first/],
    [file.subarray(0, 5000), /5000 bytes, \d+ expected; the file is cut/],
    [grown, /the file is cut or has grown/],
    [changed(9, 2), /version 2, 1 expected/],
    [changed(11, 200), /it is damaged/],
    [changed(40_000, 255 - (file[40_000] ?? 0)), /it is damaged/],
    [changed(file.length - 1, 255 - (file.at(-1) ?? 0)), /it is damaged/],
    [new Uint8Array((1 << 20) + 1), /at most 1048576 expected/],
  ] as const
  for (const [bytes, message] of refused) {
    t.throws(() => unpackImage(bytes, known), { name: 'FirmwareError', message })
  }
  t.throws(() => unpackImage(file), { name: 'FirmwareError', message: /is not known/ })
  t.end()
})

test('a part that was exchanged is named, even under a new seal', (t) => {
  const file = Buffer.from(packImage(image))
  const reseal = (): Uint8Array => {
    const end = file.length - 32
    file.write(createHash('sha256').update(file.subarray(0, end)).digest('hex'), end, 'hex')
    return new Uint8Array(file)
  }
  const firstPart = 16 + 5 * 64
  file[firstPart] = 255 - (file[firstPart] ?? 0)
  t.throws(() => unpackImage(reseal(), known), { message: /VL53LMZ_FIRMWARE is damaged/ })
  file[16] = 0x78
  t.throws(() => unpackImage(reseal(), known), { message: /a part "xirmware" is not known/ })
  t.end()
})

test('ST’s tables belong to ST’s firmware', { skip: st === undefined && missing(CAPTURE) }, (t) => {
  if (st === undefined) return
  t.same(unpackImage(packImage(st)), st)
  const configuration = st.configuration.slice()
  configuration[400] = 255 - (configuration[400] ?? 0)
  t.throws(() => imageOf({ ...st, configuration }), {
    name: 'FirmwareError',
    message:
      /VL53L8_DEFAULT_CONFIGURATION has SHA-256 [0-9a-f]{16}…, 5c7b4ed4f1af6358… of VL53LMZ ULD 2\.0\.16/,
  })
  const xtalkCalibration = image.xtalkCalibration ?? new Uint8Array()
  t.throws(() => imageOf({ ...st, xtalkCalibration }), { message: /VL53LMZ_CALIBRATE_XTALK has SHA-256/ })
  t.end()
})
