import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { replaceFile } from '../replace-file.ts'
import type { Head } from './head.ts'
import type { LabelledPicture } from './head-fit.ts'
import type { Trained } from './head-trial.ts'
import { PREPROCESSING } from './preprocessing.ts'

/**
 * Why a head is not used: `unreadable`: not as `poincon.engraving-head/1` says; `hash`: other content than was written;
 * `embedder`: learnt upon another network's vectors; `preprocessing`: upon pictures prepared otherwise.
 */
export type HeadFault = 'unreadable' | 'hash' | 'embedder' | 'preprocessing'

export class HeadError extends Error {
  override readonly name = 'HeadError'
  readonly fault: HeadFault

  constructor(fault: HeadFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)
const compared = z.strictObject({
  ...{ asked: count, prototypes: count, head: count, gained: count, lost: count },
})

const content = z.strictObject({
  schema: z.literal('poincon.engraving-head/1'),
  /** SHA-256 of the network whose vectors it judges. */
  embedder: sha256,
  preprocessing: z.int().min(1),
  trained_at: z.iso.datetime(),
  scale: z.number(),
  offset: z.number(),
  rows: z
    .array(
      z.strictObject({
        symbol: z.string().min(1),
        /** 32-bit little-endian floats. */
        weights_base64: z.base64(),
        /** Those that it was learnt from, by SHA-256. */
        pictures: z.array(sha256).min(1),
      }),
    )
    .min(1),
  /** Why it is used. */
  trial: z.strictObject({ known: compared, unknown: compared, new: compared, chance: z.number() }),
})
/** `sha256`: of all the rest, as JSON in this order and without blanks. */
const document = z.strictObject({ ...content.shape, sha256 })

/** A head as it lies on disk, its hash checked. */
export interface StoredHead {
  readonly head: Head
  /** By symbol, the pictures that its row was learnt from. */
  readonly pictures: ReadonlyMap<string, ReadonlySet<string>>
  readonly sha256: string
}

/** Upon which vectors a head was learnt, and from what. */
export interface HeadOrigin {
  readonly embedder: string
  readonly pictures: readonly LabelledPicture[]
  /** RFC 3339. */
  readonly at: string
}

/** Writes a head in place of the one before. */
export async function writeHead(path: string, trained: Trained, origin: HeadOrigin): Promise<void> {
  const { head, trial } = trained
  const body: z.infer<typeof content> = {
    schema: 'poincon.engraving-head/1',
    embedder: origin.embedder,
    preprocessing: PREPROCESSING,
    trained_at: origin.at,
    scale: head.scale,
    offset: head.offset,
    rows: [...head.rows].map(([symbol, row]) => ({
      symbol,
      weights_base64: base64Of(row),
      pictures: origin.pictures.filter((one) => one.symbol === symbol).map((one) => one.sha256),
    })),
    trial: { known: trial.known, unknown: trial.unknown, new: trial.new, chance: trial.chance },
  }
  await replaceFile(path, `${JSON.stringify({ ...body, sha256: hashOf(body) })}\n`)
}

/**
 * @param embedder SHA-256 of the network that makes the vectors now
 * @returns undefined where there is no such file
 * @throws HeadError; the system's error for a file that cannot be read
 */
export async function readHead(path: string, embedder: string): Promise<StoredHead | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { sha256: said, ...body } = documentOf(text, path)
  const found = hashOf(body)
  if (found !== said) throw new HeadError('hash', `${path}: sha256 ${found}, expected ${said}`)
  if (body.embedder !== embedder) {
    const named = `${path}: learnt upon network ${short(body.embedder)}, this one is ${short(embedder)}`
    throw new HeadError('embedder', `${named}: train it again`)
  }
  if (body.preprocessing !== PREPROCESSING) {
    const named = `${path}: learnt from pictures prepared as of version ${body.preprocessing}`
    throw new HeadError('preprocessing', `${named}, expected ${PREPROCESSING}: train it again`)
  }
  const rows = body.rows.map(({ symbol, weights_base64 }): [string, Float32Array] => [
    symbol,
    rowOf(weights_base64, path),
  ])
  return {
    head: { rows: new Map(rows), scale: body.scale, offset: body.offset },
    pictures: new Map(body.rows.map(({ symbol, pictures }) => [symbol, new Set(pictures)])),
    sha256: said,
  }
}

/**
 * What of a head holds for a gallery: a symbol of whose pictures none is enrolled any more may be another by the same name.
 * @param enrolled every picture of the gallery
 */
export function holding(
  { head, pictures }: StoredHead,
  enrolled: readonly Pick<LabelledPicture, 'symbol' | 'sha256'>[],
): Head {
  const held = new Set(
    enrolled.flatMap(({ symbol, sha256: hash }) => (pictures.get(symbol)?.has(hash) === true ? symbol : [])),
  )
  return { ...head, rows: new Map([...head.rows].filter(([symbol]) => held.has(symbol))) }
}

function documentOf(text: string, path: string): z.infer<typeof document> {
  const parsed = document.safeParse(jsonOf(text, path))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new HeadError('unreadable', `${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'no head'}`)
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HeadError('unreadable', `${path}: expected JSON`, { cause: error })
  }
}

/** Field after field as the schema has them: a file that somebody wrote in another order is the same. */
function hashOf(body: z.infer<typeof content>): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex')
}

function base64Of(row: Float32Array): string {
  const bytes = Buffer.alloc(row.length * 4)
  for (const [d, part] of row.entries()) bytes.writeFloatLE(part, d * 4)
  return bytes.toString('base64')
}

function rowOf(base64: string, path: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64')
  const row = Float32Array.from({ length: bytes.length / 4 }, (_, d) => bytes.readFloatLE(d * 4))
  if (bytes.length % 4 === 0 && row.length > 0 && row.every(Number.isFinite)) return row
  throw new HeadError('unreadable', `${path}: rows: weights_base64: expected 32-bit floats`)
}

function short(hash: string): string {
  return hash.slice(0, 12)
}
