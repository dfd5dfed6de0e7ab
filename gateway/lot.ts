import { z } from 'zod'
import { emptyTotals, lotTotals } from './lot-totals.ts'

export const lotId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of letters, digits, ., _ and -')

/** A lot as it is kept and shown: `poincon.lot/1`. */
export const lotRecord = z.object({
  schema: z.literal('poincon.lot/1'),
  id: lotId,
  started_at: z.iso.datetime(),
  started_by: z.string().max(128),
  closed_at: z.iso.datetime().optional(),
  closed_by: z.string().max(128).optional(),
  /** The recipe when it began; a change is in its inspections. */
  recipe: z.object({ id: z.string(), revision: z.int().min(1) }),
  totals: lotTotals,
})
export type LotRecord = Readonly<z.infer<typeof lotRecord>>

/** A lot that has just begun. */
export function newLot(
  id: string,
  recipe: LotRecord['recipe'],
  { at, by }: { readonly at: string; readonly by: string },
): LotRecord {
  return lotRecord.parse({
    schema: 'poincon.lot/1',
    id,
    started_at: at,
    started_by: by,
    recipe,
    totals: emptyTotals(),
  })
}

/** The name of a lot that nobody named: the day in UTC, and a number from the second of a day on. */
export function dayLotId(wallMs: number, taken: (id: string) => boolean): string {
  const day = `lot-${new Date(wallMs).toISOString().slice(0, 10).replaceAll('-', '')}`
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? day : `${day}-${number}`
    if (!taken(id)) return id
  }
}
