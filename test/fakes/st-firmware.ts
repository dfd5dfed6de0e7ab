import { readFileSync } from 'node:fs'
import { type FirmwareImage, imageOf } from '../../drivers/vl53l8ch/firmware.ts'
import { sharedData } from './shared.ts'

/** A real initialisation of a VL53L8CH over a USB bridge, with every byte that its host wrote (DEPZ, MIT). */
export const CAPTURE = 'sensors/depz_vl53l8ch_init.depzrec'

interface BridgeWrite {
  readonly register: number
  readonly bytes: Uint8Array
}

const SYNC = [0xa5, 0xc3] as const
const WRITE = 0x33
const PAYLOAD = 9

/**
 * The register writes of a `.depzrec`: JSON lines of packets; a packet from the host is A5 C3, u16 length, type,
 * number, checksum, u16 register (little-endian), payload.
 */
export function bridgeWrites(recording: string): BridgeWrite[] {
  const writes: BridgeWrite[] = []
  for (const line of recording.trim().split('\n').slice(1)) {
    const { dir, data } = JSON.parse(line)
    const packet = Buffer.from(String(data), 'hex')
    if (dir !== 'tx' || packet[0] !== SYNC[0] || packet[1] !== SYNC[1] || packet[4] !== WRITE) continue
    writes.push({ register: packet.readUInt16LE(7), bytes: Uint8Array.from(packet.subarray(PAYLOAD)) })
  }
  return writes
}

/** ST's image as the recorded host sent it; undefined where the recording is missing. */
export function stFirmware(): FirmwareImage | undefined {
  const path = sharedData(CAPTURE)
  if (path === undefined) return undefined
  const writes = bridgeWrites(readFileSync(path, 'utf8'))
  const sent = (register: number, length: number): Uint8Array => {
    const found = writes
      .filter((write) => write.register === register && write.bytes.length === length)
      .at(-1)
    if (found === undefined) throw new Error(`${CAPTURE}: no write of ${length} bytes to ${register}`)
    return found.bytes
  }
  const pieces = writes.filter((write) => write.bytes.length === 2048)
  return imageOf({
    firmware: Uint8Array.from(Buffer.concat(pieces.map((write) => write.bytes))),
    configuration: sent(0x2c34, 972),
    // The last one: the first is reduced to 4×4.
    xtalk: sent(0x2cf8, 776),
    nvmCommand: sent(0x2fd8, 40),
  })
}
