import { v7 as uuid } from 'uuid'
import { type Bench, type BenchHead, chipsOf, subjectOf } from './bench.ts'
import type { Origin } from './rows.ts'

const MS_PER_DAY = 86_400_000

/** Who takes it, and how long it shall hold. */
export interface Taking {
  readonly by: string
  /** Absent: as long as the chip is the same. */
  readonly validDays?: number
  /** Which head, where there are several of a kind; default the first. */
  readonly head?: string
}

/**
 * What every row begins with.
 * @param head the one it belongs to; absent: all of the station
 */
export function originOf(bench: Bench, taking: Taking, head?: BenchHead): Origin {
  const until = validUntil(bench, taking)
  const { heads, clock, conditions } = bench
  return {
    id: uuid(),
    at: new Date(clock.wall()).toISOString(),
    by: taking.by,
    heads: (head === undefined ? heads : [head]).map(({ id }) => id),
    subject: head === undefined ? (chipsOf(heads) ?? 'unknown') : subjectOf(head),
    ...(until === undefined ? {} : { valid_until: until }),
    ...(Object.keys(conditions).length === 0 ? {} : { conditions }),
  }
}

/** RFC 3339; undefined where it holds as long as the chip is the same. */
export function validUntil(
  { clock }: Pick<Bench, 'clock'>,
  { validDays }: { readonly validDays?: number | undefined },
): string | undefined {
  return validDays === undefined ? undefined : new Date(clock.wall() + validDays * MS_PER_DAY).toISOString()
}
