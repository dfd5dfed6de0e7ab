import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { SensorError } from '../drivers/sensor.ts'
import { generateFirmware } from '../drivers/simulated/firmware.ts'
import type { FirmwareImage } from '../drivers/vl53l8ch/firmware.ts'
import type { Config } from './config.ts'
import { contentFolder, contentIn } from './content.ts'
import { importedFirmware, RANGING_FIRMWARE, readFirmware } from './firmware.ts'
import type { RangingHead } from './head-options.ts'
import { wiresOf } from './ranging-plan.ts'

/** The seed of the image that simulated chips boot; nothing depends on it but the bytes. */
const FIRMWARE_SEED = 1

/**
 * What a ranging head boots: its own file, a generated image where it is simulated, one that came as an update, else the
 * imported one.
 * @throws SensorError `absent` where there is none
 */
export async function firmwareOf(id: string, head: RangingHead, config: Config): Promise<FirmwareImage> {
  if (head.firmware_file !== undefined) return await readFirmware(head.firmware_file)
  const wires = config.buses[wiresOf(head.bus, config.buses) ?? '']
  if (wires?.kind === 'simulated') return generateFirmware(FIRMWARE_SEED)
  const delivered = contentFolder(contentIn(config.update.dir), 'firmware', RANGING_FIRMWARE)
  if (delivered !== undefined) return await readFirmware(join(delivered, 'firmware.bin'))
  const imported = importedFirmware(config.data_dir)
  if (await exists(imported)) return await readFirmware(imported)
  throw new SensorError(
    id,
    'absent',
    `no firmware: \`poincon firmware import\` ST's vl53lmz_buffers.h, or set heads.${id}.firmware_file (drivers/vl53l8ch/README.md)`,
  )
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
