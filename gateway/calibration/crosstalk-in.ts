import type { Clock } from '../../drivers/clock.ts'
import { xtalkOf } from './crosstalk.ts'
import { newestValid } from './newest.ts'
import { type CalibrationRegistry, rowsOf } from './register.ts'

/** What the newest crosstalk calibration of a head says, as long as it holds, and of which chip it is. */
export function crosstalkIn(
  registry: Pick<CalibrationRegistry, 'all'>,
  clock: Clock,
): (head: string) => Promise<{ readonly subject: string; readonly data: Uint8Array } | undefined> {
  return async (head) => {
    const rows = await rowsOf(registry, 'crosstalk')
    const own = rows.filter(({ heads }) => heads.includes(head))
    const found = newestValid(own, { kind: 'crosstalk' }, clock.wall())
    return found.state === 'valid' ? { subject: found.row.subject, data: xtalkOf(found.row) } : undefined
  }
}
