import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import {
  FirmwareError,
  type FirmwareImage,
  imageOf,
  packImage,
  parseUldHeader,
  unpackImage,
} from '../../drivers/vl53l8ch/firmware.ts'
import { KNOWN_REVISIONS, PARTS } from '../../drivers/vl53l8ch/firmware-revisions.ts'
import { commandConfig } from '../config-file.ts'
import { importedFirmware, readFirmware } from '../firmware.ts'
import { replaceFile } from '../replace-file.ts'

const USAGE = `poincon firmware import FILE… [--config FILE]   turns ST's header into a checked image
poincon firmware show [FILE] [--config FILE]    says what an image holds

FILE is vl53lmz_buffers.h or vl53l8cx_buffers.h of ST's driver; vl53lmz_plugin_xtalk.h beside it adds
what a crosstalk calibration needs. Known:
${KNOWN_REVISIONS.map(({ name, sha256 }) => `  ${name}: firmware SHA-256 ${sha256.firmware}`).join('\n')}
`

/** `poincon firmware import|show`. Exit 1 with what is wrong with the file; nothing is written then. */
export async function firmwareCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [verb, ...files] = positionals
  const { config } = commandConfig(values.config)
  const target = importedFirmware(config.data_dir)
  if (verb === 'import' && files.length > 0) return await importFirmware(files, target)
  if (verb === 'show' && files.length <= 1) {
    const file = files[0] ?? target
    process.stdout.write(describe(file, await readFirmware(file)))
    return 0
  }
  process[values.help ? 'stdout' : 'stderr'].write(USAGE)
  return values.help ? 0 : 2
}

async function importFirmware(files: readonly string[], target: string): Promise<number> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  const packed = packImage(imageFrom(texts.join('\n'), files))
  await replaceFile(target, packed)
  process.stdout.write(describe(target, unpackImage(packed)))
  return 0
}

function imageFrom(text: string, files: readonly string[]): FirmwareImage {
  try {
    return imageOf(parseUldHeader(text))
  } catch (error) {
    if (!(error instanceof FirmwareError)) throw error
    throw new FirmwareError(`${files.join(', ')}: ${error.message}`, { cause: error })
  }
}

function describe(file: string, image: FirmwareImage): string {
  const revision = KNOWN_REVISIONS.find(({ sha256 }) => sha256.firmware === image.sha256)
  const parts = PARTS.flatMap(({ key, names }) => {
    const bytes = image[key]
    return bytes === undefined ? [] : [`  ${names[0]}: ${bytes.length} bytes\n`]
  })
  const calibrates = image.xtalkCalibration === undefined ? 'no' : 'yes'
  return `${file}: ${revision?.name ?? 'a generated image'}
  firmware SHA-256 ${image.sha256}, answers 0x${image.checksum.toString(16).padStart(8, '0')}
${parts.join('')}  crosstalk can be calibrated with it: ${calibrates}
`
}
