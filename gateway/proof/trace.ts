import { z } from 'zod'
import { lotRecord } from '../lot.ts'
import { inspectionMessage } from '../message.ts'
import { overrideSchema } from '../override.ts'
import { type Checkpoint, checkpointId, checkpointRecord } from './checkpoint.ts'
import type { Labelled, LabelTokens } from './label-token.ts'
import { lotParts, type TracedEntry, type TraceLog } from './lot-parts.ts'
import type { Trace, TracedPart } from './trace-record.ts'

interface Document {
  readonly value: unknown
}

/** What a trace is put together from. */
export interface TraceSources {
  readonly tokens: Pick<LabelTokens, 'read'>
  readonly station: Pick<Trace, 'device_id' | 'site' | 'line' | 'station'>
  readonly log: TraceLog & { get(id: string): Promise<TracedEntry | undefined> }
  readonly documents: {
    get(kind: 'lot' | 'checkpoint', id: string): Promise<Document | undefined>
    newest(kind: 'override', limit: number): Promise<readonly Document[]>
    lastById(kind: 'checkpoint', limit: number): Promise<readonly Document[]>
  }
  readonly calibrations: {
    get(id: string): Promise<{ readonly kind: string; readonly takenAt: string } | undefined>
  }
}

/** Overrides that are looked through: they are few, and the newest. */
const OVERRIDES = 1000
/** Parts that are listed. */
const LISTED = 500
/** Histories of lots that are kept at hand: a box of labels is read many times. */
const MOST_KEPT = 8

/** A lot's document, and the inspection up to which it has counted. */
const countedLot = lotRecord.extend({
  counted: z.object({ epoch: z.string(), sequence: z.int().min(1) }).optional(),
})

const traced = inspectionMessage.pick({
  timestamp: true,
  lot_id: true,
  recipe: true,
  verdict: true,
  provenance: true,
})
type TracedMessage = z.infer<typeof traced>
interface Read extends TracedEntry {
  readonly message: TracedMessage
}

/** The history that a label leads to. */
export class Tracing {
  readonly #sources: TraceSources
  /** By lot, the one that was asked for last behind. */
  readonly #kept = new Map<string, { readonly state: string; readonly trace: Trace }>()

  constructor(sources: TraceSources) {
    this.#sources = sources
  }

  /** Undefined for a token that this station did not make, and for what it does not know any more. @throws StoreError */
  async trace(token: string): Promise<Trace | undefined> {
    const labelled = this.#sources.tokens.read(token)
    if (labelled === undefined) return undefined
    return labelled.kind === 'lot' ? await this.#lot(labelled) : await this.#part(labelled)
  }

  async #part(labelled: Labelled): Promise<Trace | undefined> {
    const entry = await this.#sources.log.get(labelled.id)
    if (entry === undefined) return undefined
    const read = readEntry(entry)
    const document = await this.#sources.documents.get('lot', read.message.lot_id)
    return await this.#told(
      labelled,
      [read],
      document === undefined ? undefined : countedLot.parse(document.value),
    )
  }

  async #lot(labelled: Labelled): Promise<Trace | undefined> {
    const { documents, log } = this.#sources
    const document = await documents.get('lot', labelled.id)
    if (document === undefined) return undefined
    const lot = countedLot.parse(document.value)
    const state = JSON.stringify([lot.counted, lot.totals.overridden, lot.closed_at])
    const kept = this.#kept.get(lot.id)
    if (kept?.state === state) return kept.trace
    const found: Read[] = []
    if (lot.counted !== undefined) {
      for await (const entry of lotParts(log, lot.id, { from: lot.counted, parts: lot.totals.parts })) {
        found.push(readEntry(entry))
      }
    }
    const trace = await this.#told(labelled, found.reverse(), lot)
    // One that is not signed yet will be.
    if (trace.checkpoint !== null) this.#keep(lot.id, { state, trace })
    return trace
  }

  #keep(lot: string, kept: { readonly state: string; readonly trace: Trace }): void {
    this.#kept.delete(lot)
    this.#kept.set(lot, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }

  /** @param parts in order */
  async #told(
    { kind, id }: Labelled,
    parts: readonly Read[],
    lot: z.infer<typeof countedLot> | undefined,
  ): Promise<Trace> {
    const overridden = await this.#overridden(parts)
    const listed = parts.slice(-LISTED)
    const messages = parts.map(({ message }) => message)
    return {
      schema: 'poincon.trace/1',
      kind,
      id,
      ...this.#sources.station,
      ...(lot === undefined ? {} : { lot: shownLot(lot) }),
      parts: listed.map((part) => tracedPartOf(part, overridden.get(part.id))),
      parts_not_listed: kind === 'part' ? 0 : Math.max(0, (lot?.totals.parts ?? 0) - listed.length),
      recipes: unique(
        messages.map(({ recipe, provenance }) => ({ ...recipe, sha256: provenance.recipe_sha256 })),
        (recipe) => recipe.id + recipe.revision + recipe.sha256,
      ),
      calibrations: await this.#calibrations(messages),
      software: [...new Set(messages.map(({ provenance }) => provenance.software))],
      checkpoint: (await this.#covering(parts.at(-1))) ?? null,
    }
  }

  async #overridden(parts: readonly Read[]): Promise<ReadonlyMap<string, TracedPart['overridden']>> {
    const ids = new Set(parts.map(({ id }) => id))
    const found = new Map<string, TracedPart['overridden']>()
    // The newest first: the last word counts.
    for (const { value } of await this.#sources.documents.newest('override', OVERRIDES)) {
      const { inspection, verdict, at } = overrideSchema.parse(value)
      if (ids.has(inspection.id) && !found.has(inspection.id)) found.set(inspection.id, { ...verdict, at })
    }
    return found
  }

  async #calibrations(messages: readonly TracedMessage[]): Promise<Trace['calibrations']> {
    const ids = [...new Set(messages.flatMap(({ provenance }) => provenance.calibration))]
    return await Promise.all(
      ids.map(async (id) => {
        const row = await this.#sources.calibrations.get(id)
        return row === undefined ? { id } : { id, kind: row.kind, taken_at: row.takenAt }
      }),
    )
  }

  /** The first checkpoint that counts this part: numbers and counts grow together, so that it is sought by halving. */
  async #covering(part: Read | undefined): Promise<Checkpoint | undefined> {
    const { documents, log } = this.#sources
    const base = log.epochs.find(({ epoch }) => epoch === part?.epoch)?.base
    const [newest] = await documents.lastById('checkpoint', 1)
    if (part === undefined || base === undefined || newest === undefined) return undefined
    const position = base + part.sequence
    let high = checkpointRecord.parse(newest.value)
    if (high.count < position) return undefined
    for (let low = 1; low < high.number; ) {
      const middle = Math.floor((low + high.number) / 2)
      const document = await documents.get('checkpoint', checkpointId(middle))
      const checkpoint = document === undefined ? undefined : checkpointRecord.parse(document.value)
      if (checkpoint === undefined || checkpoint.count < position) low = middle + 1
      else high = checkpoint
    }
    return high
  }
}

function readEntry(entry: TracedEntry): Read {
  return { ...entry, message: traced.parse(JSON.parse(entry.payload)) }
}

function tracedPartOf(
  { id, epoch, sequence, message }: Read,
  overridden: TracedPart['overridden'],
): TracedPart {
  const { verdict, provenance, timestamp } = message
  return {
    ...{ id, epoch, sequence, timestamp },
    ...(verdict.kind === 'graded' ? { grade: verdict.grade } : {}),
    action: verdict.action,
    reasons: verdict.reasons,
    hash: provenance.hash,
    ...(overridden === undefined ? {} : { overridden }),
  }
}

/** Without the names of persons. */
function shownLot({ id, started_at, closed_at, totals }: z.infer<typeof countedLot>): Trace['lot'] {
  return { id, started_at, ...(closed_at === undefined ? {} : { closed_at }), totals }
}

function unique<T>(values: readonly T[], key: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [key(value), value])).values()]
}
