import type { Clock } from '../drivers/clock.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'
import { type DeviceStatus, deviceStatus } from './update-status.ts'
import { WatchedFile } from './update-watch.ts'

/** Where a device that is enrolled says how its certificate stands. */
export const DEVICE_STATUS_FILE = '/var/lib/poincon-device/status.json'

/** The fleet has ordered that keys and data are wiped. */
const RETIRED = 'decommissioned'

/** States that are no trouble; everything else is. A device without a certificate was never enrolled. */
const WELL: ReadonlySet<string> = new Set(['none', 'pending', 'valid'])
/** Without a certificate nothing that asks for it is reached any more. */
const LOST: ReadonlySet<string> = new Set(['expired', 'revoked', RETIRED])

export interface DeviceDeskOptions {
  readonly file: string
  readonly clock: Clock
  readonly log: Log
  readonly changed: () => void
  /** What the station stored is to be wiped; may be called again. */
  readonly retired: () => void
}

/** How the device's certificate stands, for health, alerts and the page. A device that has none says nothing. */
export class DeviceDesk implements Unit {
  readonly name = 'device'
  readonly #file: WatchedFile<typeof deviceStatus>
  readonly #clock: Clock
  readonly #ended = new AbortController()

  constructor({ file, clock, log, changed, retired }: DeviceDeskOptions) {
    this.#clock = clock
    const heard = (): void => {
      changed()
      if (this.#file.value?.state !== RETIRED) return
      log.warn('the fleet takes this device out of service: the station ends')
      retired()
    }
    this.#file = new WatchedFile({ file, schema: deviceStatus, clock, log, changed: heard })
  }

  async start(): Promise<void> {
    await this.#file.watch(this.#ended.signal)
  }

  stop(): Promise<void> {
    this.#ended.abort()
    return Promise.resolve()
  }

  get said(): DeviceStatus | undefined {
    return this.#file.value
  }

  status(): UnitStatus {
    const { value, trouble } = this.#file
    if (trouble !== undefined) return { state: 'degraded', detail: trouble }
    if (value === undefined) return { state: 'ok' }
    const { state, not_after: until } = value
    const facts = { certificate: state, ...(until === undefined ? {} : { not_after: until }) }
    // Whoever wrote it may have stopped before the certificate did; by a clock that is wrong nothing has ended.
    const over = state !== 'clock-wrong' && until !== undefined && Date.parse(until) <= this.#clock.wall()
    if (LOST.has(state) || over) {
      return { state: 'failed', detail: sentence(over ? 'expired' : state, value), facts }
    }
    return WELL.has(state)
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: sentence(state, value), facts }
  }
}

function sentence(state: string, { not_after: until, failure }: DeviceStatus): string {
  const end = until === undefined ? '' : `, valid until ${until}`
  return `the device's certificate: ${state}${end}${failure === undefined ? '' : `: ${failure}`}`
}
