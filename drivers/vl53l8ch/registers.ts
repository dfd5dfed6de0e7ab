// Addresses and constants of the VL53L8CH's host interface (datasheet DS14161, facts §1–5). Everything behind a page
// select is a 16-bit register address; the firmware's own objects are addressed through the mailbox ("DCI", facts §4).

/** 7-bit address after power-on. */
export const ADDRESS = 0x29

/** Writing one byte here selects the page of all later transfers; inside a longer write it is plain memory. */
export const PAGE_SELECT = 0x7fff
export const PAGE_HARDWARE = 0
export const PAGE_MCU = 1
/** Mailbox and results: the page that stays selected between operations. */
export const PAGE_UI = 2
export const PAGE_FIRMWARE = 9
export const FIRMWARE_PAGE_BYTES = 0x8000

// Page 0.
export const DEVICE_ID = 0x0000
export const REVISION_ID = 0x0001
export const I2C_ADDRESS = 0x0004
export const BOOT_STATUS = 0x0006
export const BOOT_DETAIL = 0x0007
export const POWER = 0x0009
export const RESET = 0x000a
export const MCU_ENABLE = 0x000b
export const HARDWARE_ACCESS = 0x000c
export const FIRMWARE_ACCESS = 0x000e
export const CORE_POWER = 0x000f
export const STOP_REQUEST = 0x0014
export const STOP_KEY = 0x0015

export const DEVICE = 0xf0
export const REVISION_L8 = 0x0c
export const POWER_AWAKE = 0x04
export const POWER_RANGING = 0x05
export const POWER_ASLEEP = 0x02
export const CORE_ON = 0x40
export const CORE_OFF = 0x43

// Page 1.
export const FIRMWARE_STATE = 0x0006
export const ACCESS_STATUS = 0x0021
export const MCU_WAKE = 0x0020

// Page 2.
export const READY_WORD = 0x0000
export const MAILBOX_STATUS = 0x2c00
export const MAILBOX_ANSWER = 0x2c04
/** One behind the last byte of every command; writing that last byte starts it. */
export const MAILBOX_END = 0x3000
/** The word that ends the last command; right after the boot it holds the firmware's checksum. */
export const MAILBOX_LAST_WORD = 0x2ffc

/** Ends the blocks of a command, an answer and a frame: a header of type 15 without payload. */
export const END_OF_BLOCKS = 0x0000000f

// DCI objects, by byte address.
export const DCI_FRAME_SIZE = 0x5440
export const DCI_ZONES = 0x5450
export const DCI_FREQUENCY = 0x5458
export const DCI_INTEGRATION = 0x545c
export const DCI_XTALK_CALIBRATION = 0x5470
export const DCI_FIRMWARE_TARGETS = 0x5478
export const DCI_INTERRUPT = 0x5488
export const DCI_XTALK = 0x9fd8
export const DCI_RANGING_MODE = 0xad30
export const DCI_DSS = 0xad38
export const DCI_XTALK_MARGIN = 0xad94
export const DCI_TARGET_ORDER = 0xae64
export const DCI_SHARPENER = 0xaed8
export const DCI_EXTERNAL_SYNC = 0xb5f0
export const DCI_THRESHOLDS_GLOBAL = 0xb6e0
export const DCI_THRESHOLDS = 0xb6e8
export const DCI_VALID_STATUSES = 0xb9f0
/** The motion indicator or the histograms: both have their configuration here, one at a time. */
export const DCI_HISTOGRAMS = 0xbfac
export const DCI_SINGLE_RANGE = 0xd964
export const DCI_OUTPUT_SIZE = 0xd968
export const DCI_OUTPUT_ENABLES = 0xd970
export const DCI_OUTPUT_LIST = 0xd980
export const DCI_PIPE = 0xdb80
export const DCI_GLARE_FILTER = 0xe108

// Blocks of a frame (facts §5). Per-target blocks have one address for one target a zone and another for several.
export const FRAME_METADATA = 0x54b4
export const FRAME_COMMON = 0x54c0
export const FRAME_AMBIENT = 0x54d0
export const FRAME_SPADS = 0x55d0
export const FRAME_MOTION = 0xd858
export const FRAME_HISTOGRAMS = 0xc048
export const FRAME_TARGETS = { single: 0xdb84, several: 0x57d0 } as const
export const FRAME_SIGNAL = { single: 0xdbc4, several: 0x5890 } as const
export const FRAME_SIGMA = { single: 0xdec4, several: 0x6490 } as const
export const FRAME_RANGE = { single: 0xdf44, several: 0x6690 } as const
export const FRAME_REFLECTANCE = { single: 0xe044, several: 0x6a90 } as const
export const FRAME_STATUS = { single: 0xe084, several: 0x6b90 } as const

/** A block header: `index` is a DCI byte address, `size` counts entries of `type` bytes, or bytes if type is 0. */
export function blockHeader(index: number, size: number, type: number): number {
  return ((index << 16) | (size << 4) | type) >>> 0
}

/** Bytes of the payload behind a header (facts §4): types 0 and 13…15 count bytes, the others entries. */
export function payloadBytes(header: number): number {
  const type = header & 0xf
  const size = (header >>> 4) & 0xfff
  return type === 0 || type >= 13 ? size : size * type
}
