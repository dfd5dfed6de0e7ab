import { type Link, poll, readByte, selectPage, writeByte } from './mailbox.ts'
import * as reg from './registers.ts'

/** `deep-asleep` forgets the firmware and the settings, `asleep` keeps both. Ranging must be stopped for either. */
export type PowerMode = 'awake' | 'asleep' | 'deep-asleep'

const SWITCH_MS = 500
const POLL_MS = 1

/** Leaves page 2 selected, as every function here. */
export async function getPowerMode(link: Link): Promise<PowerMode> {
  await selectPage(link, reg.PAGE_HARDWARE)
  const power = await readByte(link, reg.POWER)
  const core = power === reg.POWER_ASLEEP ? await readByte(link, reg.CORE_POWER) : 0
  await selectPage(link, reg.PAGE_UI)
  if (power !== reg.POWER_ASLEEP) return 'awake'
  return core === reg.CORE_OFF ? 'deep-asleep' : 'asleep'
}

/** Sends the chip to sleep; nothing happens when it already sleeps so. @throws SensorError `timeout` after 500 ms */
export async function fallAsleep(link: Link, mode: 'asleep' | 'deep-asleep'): Promise<void> {
  if ((await getPowerMode(link)) === mode) return
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.POWER, reg.POWER_ASLEEP)
  await untilBoot(link, 'falling asleep', 0)
  if (mode === 'deep-asleep') await writeByte(link, reg.CORE_POWER, reg.CORE_OFF)
  await selectPage(link, reg.PAGE_UI)
}

/**
 * Wakes the chip; nothing happens when it is awake.
 * @param initialise loads the firmware anew; called after a deep sleep only, which forgot it
 * @throws SensorError `timeout` after 500 ms, and what `initialise` throws
 */
export async function wakeUp(link: Link, initialise: () => Promise<unknown>): Promise<void> {
  if ((await getPowerMode(link)) === 'awake') return
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.POWER, reg.POWER_AWAKE)
  const deep = (await readByte(link, reg.CORE_POWER)) === reg.CORE_OFF
  if (deep) await writeByte(link, reg.CORE_POWER, reg.CORE_ON)
  await untilBoot(link, 'waking up', 1)
  if (deep) await initialise()
  await selectPage(link, reg.PAGE_UI)
}

async function untilBoot(link: Link, what: string, bit: 0 | 1): Promise<void> {
  await poll(link, what, { withinMs: SWITCH_MS, everyMs: POLL_MS }, async () =>
    ((await readByte(link, reg.BOOT_STATUS)) & 0x01) === bit ? true : undefined,
  )
}
