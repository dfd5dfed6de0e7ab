import type { FirmwareParts } from './firmware.ts'

/** One array of an image, and how to tell it. */
export interface Part {
  readonly key: keyof FirmwareParts
  readonly optional?: true
  /** In VL53LMZ's header and in VL53L8CX's. */
  readonly names: readonly [string, string]
  readonly bytes: number
  /** Every part but the firmware is a mailbox command and ends in its footer (facts §4). */
  readonly footer?: readonly number[]
}

export const PARTS: readonly Part[] = [
  { key: 'firmware', names: ['VL53LMZ_FIRMWARE', 'VL53L8CX_FIRMWARE'], bytes: 86016 },
  {
    key: 'configuration',
    names: ['VL53L8_DEFAULT_CONFIGURATION', 'VL53L8CX_DEFAULT_CONFIGURATION'],
    bytes: 972,
    footer: [0, 0, 0, 0x0f, 0x00, 0x01, 0x03, 0xc8],
  },
  {
    key: 'xtalk',
    names: ['VL53LMZ_DEFAULT_XTALK', 'VL53L8CX_DEFAULT_XTALK'],
    bytes: 776,
    footer: [0, 0, 0, 0x0f, 0x05, 0x01, 0x03, 0x04],
  },
  {
    key: 'nvmCommand',
    names: ['VL53LMZ_GET_NVM_CMD', 'VL53L8CX_GET_NVM_CMD'],
    bytes: 40,
    footer: [0, 0, 0, 0x0f, 0x02, 0x02, 0x00, 0x24],
  },
  {
    key: 'xtalkCalibration',
    optional: true,
    names: ['VL53LMZ_CALIBRATE_XTALK', 'VL53L8CX_CALIBRATE_XTALK'],
    bytes: 984,
    footer: [0, 0, 0, 0x0f, 0x00, 0x01, 0x03, 0xd4],
  },
]
/** A published image: the SHA-256 of each of its arrays, hexadecimal, the configuration with the macro as 2. */
export interface FirmwareRevision {
  readonly name: string
  readonly sha256: Readonly<Record<keyof FirmwareParts, string>>
  /** The checksum word that a chip answers once it runs the firmware (facts §3). */
  readonly checksum: number
}

/** What this driver loads into a real chip. */
export const KNOWN_REVISIONS: readonly FirmwareRevision[] = [
  {
    name: 'VL53LMZ ULD 2.0.16, VL53L8CX ULD 2.x (MM1.8)',
    sha256: {
      firmware: 'fc50ff57e426b6c43532042e08a6b4bb7dcc3dac36c9d79787c511ef074e9cda',
      configuration: '5c7b4ed4f1af635829c7306d98276d9ad5d72fdd81e8aa3d445759366d7cb0e7',
      xtalk: '5278d26d8a6591b78abbc6f67cd07a8014d2379d93fb19eb4c49837768ac3d1a',
      nvmCommand: 'dc5b7eb04c3938e5e718b8c8ce7cbac0e12b532d342891d1e9595fbeab302577',
      xtalkCalibration: '5c59d9dd7738da21922917d2361876eacd763ce34ab150e35d7125566a250399',
    },
    checksum: 0x0c0b6c9e,
  },
]

/** Published firmware that this driver does not load, by the first digits of its SHA-256 (facts §3, §11). */
export const OTHER_REVISIONS: ReadonlyMap<string, string> = new Map([
  ['be6b5eeda86a0040', 'VL53LMZ ULD 2.0.10, for the VL53L7CH (MM1.7)'],
  ['18d8ee1f67f8da65', 'VL53LMZ ULD 2.0.9'],
  ['4a63e9d37a405460', 'VL53L8CX ULD 1.x'],
])
