// Plays recorded transcripts of ST's driver through ours and prints a JSON line a scenario:
//   npm run build && node dist/test/tools/transcript.js INDEX.json [--firmware vl53lmz_buffers.h [--firmware vl53lmz_plugin_xtalk.h]]
// A vl53lmz_plugin_xtalk.h beside the header is read too. Without ST's header the image comes from the recorded
// initialisation under POINCON_SHARED; without that it is generated, and the initialisations differ where the firmware
// is sent. A table that is not at hand is compared by place and length, and named under "unverified". The calibration
// memory is the one that some recording of the index holds, else the one of the recordings under POINCON_SHARED.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { type FirmwareImage, imageOf, parseUldHeader } from '../../drivers/vl53l8ch/firmware.ts'
import { sharedData } from '../fakes/shared.ts'
import { stFirmware } from '../fakes/st-firmware.ts'
import { play, recordedNvm, scenariosOf } from './play-transcript.ts'

const RECORDINGS = 'vl53l8ch/transcripts/index.json'
const PLUGINS = ['vl53lmz_plugin_xtalk.h', 'vl53l8cx_plugin_xtalk.h']

const { values, positionals } = parseArgs({
  options: { firmware: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
})
const [index] = positionals
if (index === undefined) {
  console.error('usage: transcript.js INDEX.json [--firmware vl53lmz_buffers.h]')
  process.exitCode = 2
} else {
  const firmware = imageFrom(values.firmware)
  const others = sharedData(RECORDINGS)
  const nvm = recordedNvm(index) ?? (others === undefined ? undefined : recordedNvm(others))
  for (const scenario of scenariosOf(index)) {
    console.log(JSON.stringify(await play(index, scenario, firmware, nvm)))
  }
}

function imageFrom(headers: readonly string[]): FirmwareImage {
  const [first] = headers
  if (first === undefined) return stFirmware() ?? generateFirmware(1)
  const beside = PLUGINS.map((name) => join(dirname(first), name)).filter((path) => existsSync(path))
  const paths = [...new Set([...headers, ...beside])]
  return imageOf(parseUldHeader(paths.map((path) => readFileSync(path, 'utf8')).join('\n')))
}
