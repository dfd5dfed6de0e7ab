/** One inspection, as the log has it. */
export interface TracedEntry {
  readonly epoch: string
  readonly sequence: number
  readonly id: string
  readonly payload: string
}

interface LogEpoch {
  readonly epoch: string
  readonly deviceId: string
  readonly base: number
  readonly begunAt: string
  readonly reason: string
}

/** The log, as far as parts of a lot are sought in it. */
export interface TraceLog {
  /** Oldest first. */
  readonly epochs: readonly LogEpoch[]
  from(sequence: number, limit: number, epoch: LogEpoch): Promise<readonly TracedEntry[]>
}

/** Entries that are read at once: parts are inspected meanwhile, and reading takes the same thread. */
const PAGE = 16
/** Entries that are looked at for one lot. */
const MOST_LOOKED = 10_000

/**
 * The parts of a lot, newest first, sought from the last one that was counted back to the first: by their sequence, so
 * that it does not matter what the clock said. Ends where all were found, or after 10,000 inspections.
 */
export async function* lotParts(
  log: TraceLog,
  lotId: string,
  {
    from,
    parts,
  }: { readonly from: { readonly epoch: string; readonly sequence: number }; readonly parts: number },
): AsyncGenerator<TracedEntry> {
  let [found, looked] = [0, 0]
  let index = log.epochs.findIndex(({ epoch }) => epoch === from.epoch)
  let last = from.sequence
  while (found < parts && looked < MOST_LOOKED) {
    const epoch = log.epochs[index]
    if (epoch === undefined) return
    if (last < 1) {
      last = epoch.base - (log.epochs[index - 1]?.base ?? epoch.base)
      index -= 1
      continue
    }
    const first = Math.max(1, last - PAGE + 1)
    const page = await log.from(first, last - first + 1, epoch)
    looked += last - first + 1
    for (const entry of page.toReversed()) {
      // Behind what retention took the log reads on with what is there.
      if (entry.sequence > last || !isOfLot(entry.payload, lotId)) continue
      found += 1
      yield entry
    }
    last = first - 1
  }
}

/** Without parsing the whole message: of a lot's 5 kB only those that are its own are read. */
function isOfLot(payload: string, lotId: string): boolean {
  return payload.includes(`"lot_id":${JSON.stringify(lotId)}`)
}
