/** Registers and bits of the AS7341, named as in ams datasheet DS000504 v2-00. */

/** Fixed 7-bit bus address. */
export const ADDRESS = 0x39

// 0x00–0x13: staging RAM of the SMUX chain, while CFG0.REG_BANK is 0.
export const SMUX_RAM = 0x00

// The low bank, 0x60–0x74: visible only while CFG0.REG_BANK is 1.
export const CONFIG = 0x70
export const CONFIG_LED_SEL = 0x08
export const LED = 0x74
export const LED_ACT = 0x80

export const ENABLE = 0x80
export const ENABLE_PON = 0x01
export const ENABLE_SP_EN = 0x02
export const ENABLE_WEN = 0x08
export const ENABLE_SMUXEN = 0x10
export const ENABLE_FDEN = 0x40
export const ATIME = 0x81
export const WTIME = 0x83
export const SP_TH_L = 0x84
export const SP_TH_H = 0x86
export const AUXID = 0x90
export const REVID = 0x91
export const ID = 0x92
/** Part number in bits 7:2 of ID; the two below it are reserved. */
export const ID_MASK = 0xfc
export const ID_AS7341 = 0x24

export const STATUS = 0x93
export const STATUS_ASAT = 0x80
export const STATUS_AINT = 0x08
export const STATUS_SINT = 0x01
/** Ones clear: every interrupt at once. */
export const STATUS_ALL = 0xff
export const ASTATUS = 0x94
export const ASTATUS_ASAT = 0x80
export const ASTATUS_RESERVED = 0x70
export const ASTATUS_AGAIN = 0x0f
export const CH0_DATA = 0x95
export const CH5_DATA_H = 0xa0
export const STATUS2 = 0xa3
export const STATUS2_AVALID = 0x40
export const STATUS2_ASAT_DIGITAL = 0x10
export const STATUS2_ASAT_ANALOG = 0x08
export const STATUS3 = 0xa4
export const STATUS3_INT_SP_H = 0x20
export const STATUS3_INT_SP_L = 0x10
export const STATUS5 = 0xa6
export const STATUS5_SINT_FD = 0x08
export const STATUS5_SINT_SMUX = 0x04
export const STATUS6 = 0xa7
export const STATUS6_SP_TRIG = 0x04
export const STATUS6_INT_BUSY = 0x01

export const CFG0 = 0xa9
export const CFG0_REG_BANK = 0x10
export const CFG0_WLONG = 0x04
export const CFG1 = 0xaa
export const CFG3 = 0xac
/** Reset value: SAI (sleep after interrupt) off. */
export const CFG3_RESET = 0x0c
export const CFG6 = 0xaf
export const CFG6_SMUX_CMD_SHIFT = 3
/** SMUX_CMD 2: RAM → chain; also the reset value. */
export const CFG6_RAM_TO_CHAIN = 0x10
export const CFG8 = 0xb1
/** Reset value: SP_AGC off, so the gain stays what CFG1 says. */
export const CFG8_RESET = 0x88
export const CFG9 = 0xb2
export const CFG9_SIEN_FD = 0x40
export const CFG9_SIEN_SMUX = 0x10
export const CFG10 = 0xb3
/** Reset value: limits of the gain controls, persistence of the flicker detection. */
export const CFG10_RESET = 0xf2
/** Converter that the thresholds look at, 0…4; ADC5 cannot be watched. */
export const CFG12 = 0xb5
export const PERS = 0xbd
export const GPIO2 = 0xbe
export const GPIO2_INV = 0x08
export const GPIO2_IN_EN = 0x04
export const GPIO2_OUT = 0x02
export const GPIO2_IN = 0x01
export const ASTEP = 0xca
export const AZ_CONFIG = 0xd6
/** Autozero before the first cycle after SP_EN only; the reset value. */
export const AZ_AT_START = 0xff
export const FD_CFG0 = 0xd7
/** Reset value: no flicker samples to the FIFO. */
export const FD_CFG0_RESET = 0x21
/** Gain of the flicker detection above bits 10:8 of its sampling time. */
export const FD_TIME2 = 0xda
/** Reset value. */
export const FD_TIME2_RESET = 0x48
export const FD_STATUS = 0xdb
export const FD_STATUS_MEASURED = 0x20
export const FD_STATUS_SATURATED = 0x10
export const FD_STATUS_120HZ_VALID = 0x08
export const FD_STATUS_100HZ_VALID = 0x04
export const FD_STATUS_120HZ = 0x02
export const FD_STATUS_100HZ = 0x01
/** The bits that writing ones clears. */
export const FD_STATUS_CLEARABLE = 0x3c
export const INTENAB = 0xf9
export const INTENAB_ASIEN = 0x80
export const INTENAB_SP_IEN = 0x08
export const INTENAB_SIEN = 0x01

/** Lamp current in mA that LED_DRIVE code 0…127 drives: 4, 6, … 258. */
export function lampMaOf(code: number): number {
  return 4 + 2 * code
}

/**
 * LED_DRIVE code of the largest current that does not exceed `lampMa`.
 * @throws RangeError outside 4…258 mA
 */
export function ledCode(lampMa: number): number {
  if (!(lampMa >= 4 && lampMa <= 258))
    throw new RangeError(`lamp current ${lampMa} mA is not within 4…258 mA`)
  return Math.floor((lampMa - 4) / 2)
}
