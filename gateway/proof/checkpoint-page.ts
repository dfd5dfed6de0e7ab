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
  const newest = (await documents.lastById('checkpoint', before === undefined ? limit : 1)).map(parsed)
  const page = before === undefined ? told(newest) : await numbered(documents, newest[0], { before, limit })
  const { checkpoints, last } = page
  return {
    checkpoints,
    ...(last > 1 ? { next_before: last } : {}),
    ...(key === undefined
      ? {}
      : { key: { key_id: keyId(key), public_key: key.export({ type: 'spki', format: 'pem' }).toString() } }),
  }
}

interface Told {
  readonly checkpoints: Checkpoint[]
  /** The lowest number that was looked for: those that follow have lower ones. */
  readonly last: number
}

function parsed({ value }: Kept): Checkpoint {
  return checkpointRecord.parse(value)
}

function told(checkpoints: Checkpoint[]): Told {
  return { checkpoints, last: checkpoints.at(-1)?.number ?? 1 }
}

/** Numbers have no gaps: where one is missing, `poincon verify` says so, and the others are told. */
async function numbered(
  documents: KeptCheckpoints,
  newest: Checkpoint | undefined,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<Told> {
  const first = Math.min(before - 1, newest?.number ?? 0)
  const numbers = Array.from({ length: Math.min(limit, first) }, (_, step) => first - step)
  const found = await Promise.all(numbers.map((number) => documents.get('checkpoint', checkpointId(number))))
  return {
    checkpoints: found.filter((one) => one !== undefined).map(parsed),
    last: numbers.at(-1) ?? 1,
  }
}
