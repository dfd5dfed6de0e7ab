import { SensorError } from '../sensor.ts'
import { type Link, littleEndianWords, modifyDci, readDci, SENSOR, statusName, writeDci } from './mailbox.ts'
import * as reg from './registers.ts'

/**
 * `autonomous`: light is gathered for the integration time of each period only. `continuous`: during the whole period,
 * which ranges farther and heats more.
 */
export type RangingMode = 'autonomous' | 'continuous'

const INTEGRATION_BYTES = 20
const SHORTEST_MS = 2
const LONGEST_MS = 1000
/** An 8×8 frame is gathered in four exposures, one after the other, with 1 ms beside (UM2884, integration time). */
const EXPOSURES = { 16: 1, 64: 4 } as const
const OVERHEAD_MS = 1

const MODE_BYTES = 8
const MODES = { continuous: [1, 3], autonomous: [3, 2] } as const

/**
 * Time that a frame gathers light in `autonomous` mode: the integration time once with 16 zones, four times with 64.
 * @returns ms, the chip's overhead included; a period that is shorter is stretched to it by the chip
 */
export function exposureMs(integrationMs: number, zones: 16 | 64): number {
  return EXPOSURES[zones] * integrationMs + OVERHEAD_MS
}

/** @param integrationMs whole ms, 2…1000; not checked against the period @throws RangeError */
export async function setIntegrationTime(link: Link, integrationMs: number): Promise<void> {
  checkIntegrationTime(integrationMs)
  await modifyDci(link, reg.DCI_INTEGRATION, INTEGRATION_BYTES, (value) =>
    value.setUint32(0, integrationMs * 1000, true),
  )
}

/** @throws RangeError for anything but a whole number of ms from 2 to 1000 */
export function checkIntegrationTime(integrationMs: number): void {
  if (Number.isInteger(integrationMs) && integrationMs >= SHORTEST_MS && integrationMs <= LONGEST_MS) return
  const allowed = `a whole number from ${SHORTEST_MS} to ${LONGEST_MS}`
  throw new RangeError(`integrationMs ${integrationMs}, ${allowed} expected: ${statusName(127)}`)
}

/** ms */
export async function getIntegrationTime(link: Link): Promise<number> {
  const value = await readDci(link, reg.DCI_INTEGRATION, INTEGRATION_BYTES)
  return Math.trunc(new DataView(value.buffer).getUint32(0, true) / 1000)
}

export async function setRangingMode(link: Link, mode: RangingMode): Promise<void> {
  const [first, second] = MODES[mode]
  await modifyDci(link, reg.DCI_RANGING_MODE, MODE_BYTES, (value) => {
    value.setUint8(1, first)
    value.setUint8(3, second)
  })
  await writeDci(link, reg.DCI_SINGLE_RANGE, littleEndianWords(mode === 'autonomous' ? 1 : 0))
}

/** @throws SensorError `corrupt` when the chip is in neither mode */
export async function getRangingMode(link: Link): Promise<RangingMode> {
  const [, first = 0] = await readDci(link, reg.DCI_RANGING_MODE, MODE_BYTES)
  if (first === MODES.continuous[0]) return 'continuous'
  if (first === MODES.autonomous[0]) return 'autonomous'
  throw new SensorError(SENSOR, 'corrupt', `the chip says its ranging mode is ${first}`)
}
