import { SensorError } from '../sensor.ts'
import { identify } from './boot.ts'
import { type Link, poll } from './mailbox.ts'
import { ADDRESS } from './registers.ts'
import { changeAddress } from './settings.ts'

/** The LPn pin of one chip. */
export interface LpnLine {
  /** High lets the chip listen on the bus; low makes it deaf, without forgetting anything. */
  set(high: boolean): Promise<void>
}

/** One of several chips on a bus. */
export interface WiredHead {
  readonly line: LpnLine
  /** 7-bit, its own on this bus; the default 0x29 for one of them at most. */
  readonly address: number
}

const WAKE_MS = 100
const POLL_MS = 2

/**
 * Gives every chip of a bus its own address: all are made deaf, then one after the other listens and moves. A chip that
 * still has its address, because only the host restarted, keeps it. The one at 0x29 comes last, as the others pass
 * through there. Afterwards each can be opened at its address; after a loss of supply all of it is due again.
 * @param link of the bus; its address is not used
 * @throws RangeError for addresses that are not distinct
 * @throws SensorError `absent` naming the address of a chip that does not answer, `wrong-chip` for what is none; the
 * chips after it stay deaf
 */
export async function powerUp(
  { bus, clock, signal }: Pick<Link, 'bus' | 'clock' | 'signal'>,
  heads: readonly WiredHead[],
): Promise<void> {
  if (new Set(heads.map(({ address }) => address)).size !== heads.length) {
    throw new RangeError('several heads of one bus have the same address')
  }
  for (const { line } of heads) await line.set(false)
  const ordered = [...heads].sort((a, b) => Number(a.address === ADDRESS) - Number(b.address === ADDRESS))
  for (const { line, address } of ordered) {
    await line.set(true)
    await settle({ bus, clock, signal, address: ADDRESS }, address)
  }
}

/** Waits for the chip at either address, and moves it. */
async function settle(atDefault: Link, address: number): Promise<void> {
  const wanted: Link = { ...atDefault, address }
  const found = await poll(
    atDefault,
    `a chip for 0x${address.toString(16)}`,
    { withinMs: WAKE_MS, everyMs: POLL_MS },
    async () => ((await answers(wanted)) ? wanted : (await answers(atDefault)) ? atDefault : undefined),
  ).catch((error: unknown) => {
    if (!(error instanceof SensorError) || error.fault !== 'timeout') throw error
    const what = `no chip came up for 0x${address.toString(16)}: LPn or supply`
    throw new SensorError(error.sensor, 'absent', what, { cause: error })
  })
  if (found.address !== address) await identify(await changeAddress(found, address))
}

async function answers(link: Link): Promise<boolean> {
  try {
    await identify(link)
    return true
  } catch (error) {
    if (error instanceof SensorError && error.fault === 'absent') return false
    throw error
  }
}
