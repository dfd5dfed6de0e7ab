import { VirtualClock } from '../../../../drivers/simulated/clock.ts'
import { silentLog } from '../../../../gateway/log.ts'
import { openReader } from '../../../../gateway/store/connections.ts'
import { verifyChain } from '../../../../gateway/store/log/chain.ts'
import { readEpochs } from '../../../../gateway/store/log/epochs.ts'
import { History } from '../../../../gateway/store/log/history.ts'
import { readAnchors, tipAt } from '../../../../gateway/store/retention/anchors.ts'
import type { RetentionLimits } from '../../../../gateway/store/retention/limits.ts'
import type { Retention, RetentionOptions } from '../../../../gateway/store/retention/retention.ts'
import type { Store } from '../../../../gateway/store/store.ts'

/** Nothing is due; a step takes ten rows. */
export const NO_LIMITS: RetentionLimits = {
  age: {},
  most: {},
  beginShare: 0.8,
  leastFreeBytes: 0,
  rowsAtOnce: 10,
  alertHours: 0,
  flashBytesPerYear: 2e12,
}

/** All drafts of these tests were made at 8 on this day; it is noon ten days later. */
export const TEN_DAYS_LATER = Date.parse('2026-03-11T12:00:00Z')

export function retentionOf(
  store: Store,
  limits: Partial<RetentionLimits>,
  options: Partial<RetentionOptions> = {},
): Retention {
  return store.retention({
    limits: { ...NO_LIMITS, ...limits },
    clock: new VirtualClock(TEN_DAYS_LATER),
    log: silentLog,
    clockTrusted: () => true,
    ...options,
  })
}

/** What a log says of itself on disk, as a crash now would leave it. */
export interface OnDisk {
  readonly oldest: number | null
  readonly oldestRaw: number | null
  readonly inspections: number
  readonly raws: number
  readonly leastCursor: number | null
  /** What is wrong with the chain, of every epoch, from its anchor to its end. */
  readonly chain: readonly string[]
}

/** Reads the files beside the process that writes them. */
export async function onDisk(dir: string): Promise<OnDisk> {
  const database = await openReader(`${dir}/poincon.db`)
  try {
    const row = await database.get<Omit<OnDisk, 'chain'>>(`SELECT
      (SELECT min(position) FROM inspections) AS oldest, (SELECT min(position) FROM raw) AS oldestRaw,
      (SELECT count(*) FROM inspections) AS inspections, (SELECT count(*) FROM raw) AS raws,
      (SELECT min(position) FROM cursors) AS leastCursor`)
    if (row === undefined) throw new Error('no row')
    const epochs = await readEpochs(database)
    const anchors = (await readAnchors(database)) ?? []
    const history = await History.over(database, epochs)
    const chain: string[] = []
    for (const epoch of epochs) {
      const tip = tipAt(epoch.base, anchors)
      const entries = await history.from(epoch, 1, 100_000)
      const report = verifyChain(entries, tip)
      if (!report.valid) chain.push(`${epoch.epoch} ${report.sequence}: ${report.reason}`)
    }
    return { ...row, chain }
  } finally {
    await database.close()
  }
}
