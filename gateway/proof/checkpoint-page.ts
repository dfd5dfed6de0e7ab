import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { type Checkpoint, checkpointId, checkpointRecord } from './checkpoint.ts'
import { keyId } from './device-key.ts'

/** Which checkpoints are wanted. */
export interface CheckpointQuery {
  readonly limit: number
  /** Only those with a smaller number. */
  readonly before?: number | undefined
}

/** Signed places of the chain, as the API tells them. */
export const checkpointPageSchema = z.object({
  checkpoints: z.array(checkpointRecord).describe('Newest first.'),
  next_before: z
    .int()
    .min(2)
    .optional()
    .describe('`before` of the page that follows; absent on the last one.'),
  key: z
    .object({
      key_id: z.string(),
      public_key: z.string().describe('Ed25519, SubjectPublicKeyInfo in PEM.'),
    })
    .optional()
    .describe('What the station signs with now; absent: it cannot.'),
})
export type CheckpointPage = z.infer<typeof checkpointPageSchema>

interface Kept {
  readonly value: unknown
}

/** Where checkpoints are read. */
export interface KeptCheckpoints {
  get(kind: 'checkpoint', id: string): Promise<Kept | undefined>
  lastById(kind: 'checkpoint', limit: number): Promise<readonly Kept[]>
}

/** The newest checkpoints, or those before one. @throws StoreError, ZodError where one is damaged */
export async function checkpointPage(
  documents: KeptCheckpoints,
  { limit, before }: CheckpointQuery,
  key: KeyObject | undefined,
): Promise<CheckpointPage> {
  const found =
    before === undefined
      ? await documents.lastById('checkpoint', limit)
      : await numbered(documents, before, limit)
  const checkpoints: Checkpoint[] = found.map(({ value }) => checkpointRecord.parse(value))
  const last = checkpoints.at(-1)?.number ?? 1
  return {
    checkpoints,
    ...(last > 1 ? { next_before: last } : {}),
    ...(key === undefined
      ? {}
      : { key: { key_id: keyId(key), public_key: key.export({ type: 'spki', format: 'pem' }).toString() } }),
  }
}

/** Numbers have no gaps: where one is missing, `poincon verify` says so, and the others are told. */
async function numbered(documents: KeptCheckpoints, before: number, limit: number): Promise<readonly Kept[]> {
  const [newest] = await documents.lastById('checkpoint', 1)
  if (newest === undefined) return []
  const first = Math.min(before - 1, checkpointRecord.parse(newest.value).number)
  const numbers = Array.from({ length: Math.min(limit, first) }, (_, step) => first - step)
  const found = await Promise.all(numbers.map((number) => documents.get('checkpoint', checkpointId(number))))
  return found.filter((one) => one !== undefined)
}
