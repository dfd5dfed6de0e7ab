import { inspectionMessage } from '../message.ts'
import type { OutboxEntry } from '../outbox.ts'
import { sha256 } from '../store/log/chain.ts'
import { isWithoutAnalysis } from './again.ts'
import type { Archive, ArchivedRecipe } from './archive.ts'
import { CalibrationFinder } from './calibrations.ts'
import { derivationOf } from './derive.ts'
import { readMessage, type StoredMessage } from './message.ts'
import { Plans } from './plans.ts'
import type { Difference } from './same.ts'
import { recordIn } from './sources.ts'

/** What became of one stored inspection. */
export type Verified =
  | { readonly result: 'same'; readonly exact: boolean }
  /** The verdict never came from an analysis: its form is right, and there is nothing to derive. */
  | { readonly result: 'form' }
  | { readonly result: 'differs'; readonly difference: Difference }
  | { readonly result: 'unverifiable'; readonly reason: string }

/** This release on this machine. */
export interface Deriver {
  readonly software: string
  readonly architecture: string
}

/** Derives stored verdicts anew from raw data, recipe and calibration. */
export class Verifier {
  readonly #archive: Archive
  readonly #deriver: Deriver
  readonly #plans = new Plans()
  readonly #calibrations: CalibrationFinder
  readonly #recipes = new Map<string, ArchivedRecipe | undefined>()

  constructor(archive: Archive, deriver: Deriver) {
    this.#archive = archive
    this.#deriver = deriver
    this.#calibrations = new CalibrationFinder(archive, new Map())
  }

  async verify(entry: OutboxEntry): Promise<Verified> {
    const message = readMessage(entry.payload)
    if (typeof message === 'string') return differs(message, entry.payload.slice(0, 80), undefined)
    const form = inspectionMessage.safeParse(message, { reportInput: true })
    if (!form.success) {
      const [issue] = form.error.issues
      return differs(issue?.path.join('.') ?? '', issue?.input, issue?.message)
    }
    const raw = await this.#archive.raw(entry)
    if (raw === undefined) return { result: 'unverifiable', reason: 'its raw data are gone' }
    const hash = sha256(raw)
    if (hash !== message.provenance.raw_sha256) {
      return differs('provenance.raw_sha256', message.provenance.raw_sha256, hash)
    }
    return await this.#derive(message, raw)
  }

  async #derive(message: StoredMessage, raw: Uint8Array): Promise<Verified> {
    const { provenance, verdict } = message
    const record = recordIn(raw)
    if (record === undefined) return { result: 'unverifiable', reason: 'its raw data cannot be read' }
    const looked = Object.keys(record.heads).length > 0
    if (isWithoutAnalysis(verdict, looked)) return { result: 'form' }
    // The record holds what networks read of a picture; how they read it is not done again.
    const read = Object.values(record.heads).some(({ kind }) => kind === 'camera')
    const [model] = Object.keys(provenance.models)
    if (model !== undefined && !read)
      return { result: 'unverifiable', reason: `model ${model} is not asked again` }
    const recipe = await this.#recipe(message.recipe)
    if (typeof recipe === 'string') return { result: 'unverifiable', reason: recipe }
    if (recipe.computed !== provenance.recipe_sha256) {
      return differs('provenance.recipe_sha256', provenance.recipe_sha256, recipe.computed)
    }
    const base = await this.#calibrations.base(provenance.calibration)
    if ('gone' in base) return { result: 'unverifiable', reason: `calibration ${base.gone} is gone` }
    const exact =
      provenance.software === this.#deriver.software && provenance.architecture === this.#deriver.architecture
    const plan = this.#plans.plan(recipe.recipe, base)
    const difference = await derivationOf({ message, record, recipe, tray: base.tray, plan }, exact)
    return difference === undefined ? { result: 'same', exact } : { result: 'differs', difference }
  }

  async #recipe({ id, revision }: StoredMessage['recipe']): Promise<ArchivedRecipe | string> {
    const key = `${id} revision ${revision}`
    if (!this.#recipes.has(key)) {
      // What is no recipe to this release cannot judge: the same as if it were gone.
      const found = await this.#archive.recipe(id, revision).catch(() => undefined)
      this.#recipes.set(key, found)
    }
    return this.#recipes.get(key) ?? `recipe ${key} is gone`
  }
}

function differs(field: string, stored: unknown, derived: unknown): Verified {
  return { result: 'differs', difference: { field, stored, derived } }
}
