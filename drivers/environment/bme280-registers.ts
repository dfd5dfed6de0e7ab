/** Registers and bits of the BME280, named as in Bosch's datasheet BST-BME280-DS002-15 §5. */

/** With SDO low; 0x77 with SDO high. */
export const ADDRESS = 0x76

/** Calibration words T1…P9, a reserved byte, H1. */
export const CALIB_00 = 0x88
export const CALIB_00_LENGTH = 26
export const ID = 0xd0
export const ID_BME280 = 0x60
/** A BMP280 looks the same to the eye, and has no humidity. */
export const ID_BMP280 = 0x58
export const RESET = 0xe0
export const RESET_COMMAND = 0xb6
/** Calibration words H2…H6. */
export const CALIB_26 = 0xe1
export const CALIB_26_LENGTH = 7
/** Takes effect with the next write to CTRL_MEAS. */
export const CTRL_HUM = 0xf2
export const STATUS = 0xf3
export const STATUS_MEASURING = 0x08
export const STATUS_IM_UPDATE = 0x01
export const CTRL_MEAS = 0xf4
export const CTRL_MEAS_FORCED = 0x01
export const CTRL_MEAS_MODE = 0x03
export const CONFIG = 0xf5
export const CONFIG_T_SB_SHIFT = 5
/** Pressure, temperature (20 bits each, high byte first), humidity (16 bits). */
export const PRESS_MSB = 0xf7
export const READOUT_LENGTH = 8

/** Oversampling by its register code 1…5. */
export const OVERSAMPLING: readonly number[] = [0, 1, 2, 4, 8, 16]
