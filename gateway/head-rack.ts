import type { Clock } from '../drivers/clock.ts'
import type { HeadPlan } from './hardware.ts'
import { SupervisedHead } from './head.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

/** All heads of the station: they open at once, and none holds up another. */
export class HeadRack implements Unit {
  readonly name = 'heads'
  readonly heads: readonly SupervisedHead[]

  constructor(
    plans: readonly HeadPlan[],
    options: { readonly clock: Clock; readonly log: Log; readonly random: () => number },
  ) {
    this.heads = plans.map((plan) => new SupervisedHead({ ...plan, ...options }))
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.heads.map((head) => head.start(signal)))
  }

  /** Waits for all, also when one cannot be closed. */
  async stop(): Promise<void> {
    const stopped = await Promise.allSettled(this.heads.map((head) => head.stop()))
    const failed = stopped.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Failed when no head is left to look at a part. */
  status(): UnitStatus {
    const away = this.heads.filter((head) => head.status().state !== 'ok').map(({ id }) => id)
    if (away.length === 0) return { state: 'ok' }
    return {
      state: away.length === this.heads.length ? 'failed' : 'degraded',
      detail: `absent: ${away.join(', ')}`,
    }
  }
}
