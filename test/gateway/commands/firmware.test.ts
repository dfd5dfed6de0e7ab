import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import type { FirmwareParts } from '../../../drivers/vl53l8ch/firmware.ts'
import { readFirmware } from '../../../gateway/firmware.ts'
import { missing } from '../../fakes/shared.ts'
import { CAPTURE, stFirmware } from '../../fakes/st-firmware.ts'
import { poincon } from '../../fakes/station-process.ts'

/** ST's header, with these bytes, in the names of either of its drivers. */
function headerOf(parts: FirmwareParts, names: 'VL53LMZ' | 'VL53L8CX'): string {
  const prefix = names === 'VL53LMZ' ? 'VL53L8' : 'VL53L8CX'
  const own = (name: string, other: string): string => (names === 'VL53LMZ' ? name : other)
  const arrays: readonly (readonly [string, Uint8Array])[] = [
    [`${names}_FIRMWARE`, parts.firmware],
    [`${prefix}_DEFAULT_CONFIGURATION`, parts.configuration],
    [own('VL53LMZ_DEFAULT_XTALK', 'VL53L8CX_DEFAULT_XTALK'), parts.xtalk],
    [own('VL53LMZ_GET_NVM_CMD', 'VL53L8CX_GET_NVM_CMD'), parts.nvmCommand],
  ]
  return arrays
    .map(([name, bytes]) => {
      const literals = [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, '0').toUpperCase()}`)
      return `const uint8_t ${name}[] = {\n${literals.join(',')},\n};\n`
    })
    .join('\n')
}

const real = stFirmware()

for (const names of ['VL53LMZ', 'VL53L8CX'] as const) {
  const skip = real === undefined ? missing(CAPTURE) : false
  test(`ST's image under its ${names} names becomes one checked file`, { skip }, async (t) => {
    if (real === undefined) return
    const dir = t.testdir({ 'buffers.h': headerOf(real, names) })
    const env = { POINCON_DATA_DIR: join(dir, 'data') }
    const imported = await poincon(['firmware', 'import', join(dir, 'buffers.h')], { env })
    t.equal(imported.code, 0, imported.stderr)
    t.match(imported.stdout, `SHA-256 ${real.sha256}`)
    const image = await readFirmware(join(dir, 'data', 'firmware', 'vl53l8ch.bin'))
    t.strictSame(image.firmware, real.firmware)
    const shown = await poincon(['firmware', 'show'], { env })
    t.equal(shown.stdout, imported.stdout)
  })
}

test('a file that is cut, altered, unknown or another is refused by name, and nothing is written', async (t) => {
  const generated = headerOf(generateFirmware(1), 'VL53LMZ')
  const files = {
    'cut.h': generated.slice(0, 200_000),
    'short.h': generated.replace('0x', ''),
    'unknown.h': generated,
    'other.h': 'int main(void) { return 0; }\n',
  }
  const dir = t.testdir(files)
  const expected: Readonly<Record<keyof typeof files, RegExp>> = {
    'cut.h': /cut\.h: firmware header: VL53LMZ_FIRMWARE does not end; the file is cut/,
    'short.h': /short\.h: firmware header: VL53LMZ_FIRMWARE\[0\] is "[0-9A-F]+", a byte expected|SHA-256/,
    'unknown.h': /unknown\.h: firmware image with SHA-256 [0-9a-f]{64} is not known \(known: fc50ff57/,
    'other.h': /other\.h: firmware header: no array VL53LMZ_FIRMWARE/,
  }
  for (const [file, message] of Object.entries(expected)) {
    const { code, stderr } = await poincon(['firmware', 'import', join(dir, file)], {
      env: { POINCON_DATA_DIR: join(dir, 'data') },
    })
    t.equal(code, 1)
    t.match(stderr, message)
  }
  await t.rejects(stat(join(dir, 'data', 'firmware')), { code: 'ENOENT' })
})

test('an image that rots on its disk is refused by name', {
  skip: real === undefined ? missing(CAPTURE) : false,
}, async (t) => {
  if (real === undefined) return
  const dir = t.testdir({ 'buffers.h': headerOf(real, 'VL53LMZ') })
  await poincon(['firmware', 'import', join(dir, 'buffers.h')], { env: { POINCON_DATA_DIR: dir } })
  const file = join(dir, 'firmware', 'vl53l8ch.bin')
  const bytes = await readFile(file)
  bytes[5000] = (bytes[5000] ?? 0) ^ 1
  await writeFile(file, bytes)
  await t.rejects(readFirmware(file), {
    name: 'FirmwareError',
    message: /vl53l8ch\.bin: firmware file: .*damaged/,
  })
})

test('without a file to import it says how it is used, and which images are known', async (t) => {
  const { code, stderr } = await poincon(['firmware'], { env: { POINCON_DATA_DIR: t.testdir({}) } })
  t.equal(code, 2)
  t.match(stderr, /poincon firmware import FILE…/)
  t.match(stderr, /VL53LMZ ULD 2\.0\.16/)
})
