import type { OutboxEntry } from '../outbox.ts'
import type { CheckpointAudit } from '../proof/checkpoint-audit.ts'
import type { Archive } from './archive.ts'
import type { ChainWalk } from './chain-walk.ts'
import type { Selection } from './range.ts'

/**
 * The inspections of a stretch of the log in order, their chain followed and compared with the checkpoints. What is
 * left out by its time (a clock that was set makes several pieces of a stretch) is no gap.
 */
export async function* followed(
  archive: Archive,
  { begin, end, includes }: Selection,
  { chain, audit }: { readonly chain: ChainWalk; readonly audit: CheckpointAudit },
): AsyncGenerator<OutboxEntry & { readonly position: number }> {
  for await (const entry of archive.entries(begin)) {
    if (entry.position > end) break
    if (includes(entry.payload)) {
      await chain.follow(entry)
      // Behind a link that breaks the hashes say nothing.
      if (chain.broken === undefined) audit.follow(entry, chain.tip.hash)
      yield entry
    } else {
      chain.skip()
      audit.skip(entry)
    }
  }
  if (chain.broken === undefined) audit.finish(begin, end)
}
