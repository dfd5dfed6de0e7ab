// Plays recorded transcripts of ST's driver through ours and prints a JSON line a scenario:
//   npm run build && node dist/test/tools/transcript.js INDEX.json [--firmware vl53lmz_buffers.h]
// Without ST's header the image comes from the recorded initialisation under POINCON_SHARED; without that it is
// generated, and the initialisations differ where the firmware is sent.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { type FirmwareImage, imageOf, parseUldHeader } from '../../drivers/vl53l8ch/firmware.ts'
import { stFirmware } from '../fakes/st-firmware.ts'
import { play, recordedNvm, scenariosOf } from './play-transcript.ts'

const { values, positionals } = parseArgs({
  options: { firmware: { type: 'string' } },
  allowPositionals: true,
})
const [index] = positionals
if (index === undefined) {
  console.error('usage: transcript.js INDEX.json [--firmware vl53lmz_buffers.h]')
  process.exitCode = 2
} else {
  const firmware = imageFrom(values.firmware)
  const nvm = recordedNvm(index)
  for (const scenario of scenariosOf(index)) {
    console.log(JSON.stringify(await play(index, scenario, firmware, nvm)))
  }
}

function imageFrom(header: string | undefined): FirmwareImage {
  if (header !== undefined) return imageOf(parseUldHeader(readFileSync(header, 'utf8')))
  return stFirmware() ?? generateFirmware(1)
}
