import { chipsOf } from './calibration/bench.ts'
import type { HeadPlan } from './hardware.ts'
import { type HeadOptions, SupervisedHead } from './head.ts'
import type { HeadKind } from './inspection.ts'
import type { Unit, UnitStatus } from './station.ts'

/** All heads of the station: they open at once, and none holds up another. */
export class HeadRack implements Unit {
  readonly name = 'heads'
  readonly heads: readonly SupervisedHead[]
  /** Called whenever a chip was opened; who begins early has nobody yet who asks. */
  opened: () => void

  constructor(
    plans: readonly HeadPlan[],
    { opened = () => {}, ...options }: Pick<HeadOptions<HeadKind>, 'clock' | 'log' | 'random' | 'opened'>,
  ) {
    this.opened = opened
    this.heads = plans.map((plan) => new SupervisedHead({ ...plan, ...options, opened: () => this.opened() }))
  }

  /** Begins to open the heads, which takes a second and little of the processor: the rest can start meanwhile. */
  begin(): void {
    for (const head of this.heads) head.begin()
  }

  /** However long the rest took, each head is waited for from now on. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.heads.map((head) => head.start(signal)))
  }

  /** Waits for all, also when one cannot be closed. */
  async stop(): Promise<void> {
    const stopped = await Promise.allSettled(this.heads.map((head) => head.stop()))
    const failed = stopped.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /**
   * Names the chips of all heads, as a calibration is kept by: `tof=vl53l8ch@3f2a… spectral=as7341`. Kinds that have no
   * serial stand for any chip.
   * @returns undefined as long as a ranging head was never open
   */
  get chips(): string | undefined {
    return chipsOf(this.heads)
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
