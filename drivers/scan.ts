import * as as7341 from './as7341/registers.ts'
import { BusError, type I2cBus, readRegisters } from './bus.ts'
import type { Clock } from './clock.ts'
import * as bme280 from './environment/bme280-registers.ts'
import * as sht31 from './environment/sht31-words.ts'
import { identify } from './vl53l8ch/boot.ts'
import * as vl53l8ch from './vl53l8ch/registers.ts'

/** What answers at one address. */
export interface FoundDevice {
  /** 7-bit. */
  readonly address: number
  /** What it says it is, or what usually stands there; undefined: nothing we know. */
  readonly chip: string | undefined
  /** Whether the chip itself said so. */
  readonly certain: boolean
}

/** Reserved addresses at both ends are left alone (UM10204, table 4). */
const FIRST = 0x08
const LAST = 0x77

/** A chip that has no identity: what usually stands at its addresses. */
const USUAL: readonly (readonly [first: number, last: number, chip: string])[] = [
  [0x20, 0x27, 'an I/O expander (MCP23017, PCF8574)'],
  [0x38, 0x3f, 'an I/O expander (PCF8574A)'],
  [0x48, 0x4f, 'a thermometer or converter (TMP102, ADS1115)'],
  [0x50, 0x57, 'an EEPROM'],
  [0x68, 0x68, 'a clock (DS3231)'],
  [0x70, 0x77, 'a multiplexer (TCA9548A)'],
]

type Identifier = (bus: I2cBus, clock: Clock, address: number) => Promise<string | undefined>

const ranging: Identifier = async (bus, clock, address) => {
  await identify({ bus, clock, address, signal: undefined })
  return 'VL53L8CH or VL53L8CX'
}

const spectral: Identifier = async (bus, _, address) => {
  const [id = 0] = await readRegisters(bus, address, as7341.ID, 1)
  return (id & as7341.ID_MASK) === as7341.ID_AS7341 ? 'AS7341' : undefined
}

const bosch: Identifier = async (bus, _, address) => {
  const [id = 0] = await readRegisters(bus, address, bme280.ID, 1)
  if (id === bme280.ID_BME280) return 'BME280'
  return id === bme280.ID_BMP280 ? 'BMP280 (no humidity)' : undefined
}

const sensirion: Identifier = async (bus, clock, address) => {
  await bus.transfer(address, sht31.commandBytes(sht31.READ_STATUS), 0)
  await clock.sleep(1)
  sht31.wordsOf(await bus.transfer(address, new Uint8Array(0), sht31.WORD_LENGTH), 1)
  return 'SHT31'
}

/** Who may stand where; a ranging chip can have been given any other address, and is asked for last. */
const IDENTIFIERS: ReadonlyMap<number, readonly Identifier[]> = new Map([
  [vl53l8ch.ADDRESS, [ranging]],
  [as7341.ADDRESS, [spectral]],
  [0x44, [sensirion]],
  [0x45, [sensirion]],
  [0x76, [bosch]],
  [0x77, [bosch]],
])

/** The SHT31 acknowledges no read while it has nothing to say (datasheet §4.4): it must be asked something. */
const READ_SHY: ReadonlySet<number> = new Set([0x44, 0x45])

/**
 * Asks every address who is there, one byte each, and what we know whether it is that. It disturbs whoever uses the
 * bus meanwhile: nobody else may.
 * @param expected addresses at which a ranging chip was put
 * @throws BusError when the bus itself is out of order, at the first address that shows it
 */
export async function scan(
  bus: I2cBus,
  clock: Clock,
  expected: ReadonlySet<number> = new Set(),
  signal?: AbortSignal,
): Promise<readonly FoundDevice[]> {
  const found: FoundDevice[] = []
  for (let address = FIRST; address <= LAST; address += 1) {
    signal?.throwIfAborted()
    const there = await answers(bus, address)
    if (!there && !READ_SHY.has(address)) continue
    const chip = await nameOf(bus, clock, address, expected)
    if (!there && chip === undefined) continue
    const usual = USUAL.find(([first, last]) => address >= first && address <= last)?.[2]
    found.push({ address, chip: chip ?? usual, certain: chip !== undefined })
  }
  return found
}

async function nameOf(
  bus: I2cBus,
  clock: Clock,
  address: number,
  expected: ReadonlySet<number>,
): Promise<string | undefined> {
  const ways = IDENTIFIERS.get(address) ?? (expected.has(address) ? [ranging] : [])
  for (const way of ways) {
    try {
      const chip = await way(bus, clock, address)
      if (chip !== undefined) return chip
    } catch {
      // It is not that one: what it is remains open.
    }
  }
  return undefined
}

async function answers(bus: I2cBus, address: number): Promise<boolean> {
  try {
    await bus.transfer(address, new Uint8Array(0), 0)
    return true
  } catch (error) {
    if (error instanceof BusError && error.fault === 'no-acknowledge') return false
    throw error
  }
}
