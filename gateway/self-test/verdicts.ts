import { setImmediate } from 'node:timers/promises'
import type { OutboxEntry } from '../outbox.ts'
import { isWithoutAnalysis } from '../rejudge/again.ts'
import { Archive } from '../rejudge/archive.ts'
import { CalibrationFinder } from '../rejudge/calibrations.ts'
import { verdictAgain } from '../rejudge/derive.ts'
import { readMessage, type StoredMessage } from '../rejudge/message.ts'
import { Plans } from '../rejudge/plans.ts'
import { differenceOf } from '../rejudge/same.ts'
import { recordIn } from '../rejudge/sources.ts'
import type { DifferingVerdict } from './report.ts'

export interface VerdictOptions {
  /** A store that nobody writes to, of this release's schema. */
  readonly dir: string
  /** Newest parts of the log that are judged again. */
  readonly parts: number
  readonly signal: AbortSignal
}

export interface VerdictsFound {
  readonly detail: string
  readonly differing: readonly DifferingVerdict[]
}

/** Of one verdict: more no person reads. */
const MOST_SAID = 400

type Verdict = Pick<StoredMessage['verdict'], 'action' | 'grade' | 'score' | 'reasons'>

/**
 * Judges the newest parts of a log again, each with its own recipe and calibration, and compares the verdicts bit for
 * bit. What an older release did not say of a verdict is not asked for.
 * @throws Error naming the part that this release cannot judge at all, or the signal's reason
 */
export async function judgeAgain({ dir, parts, signal }: VerdictOptions): Promise<VerdictsFound> {
  const archive = await Archive.open(dir)
  try {
    const judge = new SecondJudge(archive)
    const left = new Map<string, number>()
    const differing: DifferingVerdict[] = []
    let judged = 0
    for await (const entry of archive.entries(archive.end - parts + 1)) {
      signal.throwIfAborted()
      const found = await judge.verdict(entry).catch((error: unknown) => {
        throw new Error(`sequence ${entry.sequence} cannot be judged: ${messageOf(error)}`, { cause: error })
      })
      if (typeof found === 'string') left.set(found, (left.get(found) ?? 0) + 1)
      else {
        judged += 1
        if (found.differing !== undefined) differing.push(found.differing)
      }
      await setImmediate()
    }
    return { detail: detailOf(judged, differing.length, left), differing }
  } finally {
    await archive.close()
  }
}

function detailOf(judged: number, differing: number, left: ReadonlyMap<string, number>): string {
  const said = judged === 0 ? 'no part to judge again' : `${judged} parts judged again, ${differing} differ`
  return [said, ...[...left].map(([why, count]) => `${count} not: ${why}`)].join('; ')
}

/** Judges stored parts with what each of them names. */
class SecondJudge {
  readonly #archive: Archive
  readonly #plans = new Plans()
  readonly #calibrations: CalibrationFinder
  readonly #recipes = new Map<string, Awaited<ReturnType<Archive['recipe']>>>()

  constructor(archive: Archive) {
    this.#archive = archive
    this.#calibrations = new CalibrationFinder(archive, new Map())
  }

  /** @returns why it cannot be judged again, where it cannot */
  async verdict(entry: OutboxEntry): Promise<string | { readonly differing: DifferingVerdict | undefined }> {
    const message = readMessage(entry.payload)
    if (typeof message === 'string') return `the inspection cannot be read (${message})`
    const raw = await this.#archive.raw(entry)
    if (raw === undefined) return 'its raw data are gone'
    const record = recordIn(raw)
    if (record === undefined) return 'its raw data cannot be read'
    const heads = Object.values(record.heads)
    if (isWithoutAnalysis(message.verdict, heads.length > 0)) return 'no analysis gave the verdict'
    const read = heads.some(({ kind }) => kind === 'camera')
    if (Object.keys(message.provenance.models).length > 0 && !read) return 'a network gave the verdict'
    const recipe = await this.#recipe(message.recipe)
    if (recipe === undefined) return `recipe ${message.recipe.id} is gone`
    const base = await this.#calibrations.base(message.provenance.calibration)
    if ('gone' in base) return `calibration ${base.gone} is gone`
    const plan = this.#plans.plan(recipe.recipe, base)
    const after = await verdictAgain({ message, record, recipe, tray: base.tray, plan })
    return { differing: difference(message, after) }
  }

  async #recipe({ id, revision }: StoredMessage['recipe']): ReturnType<Archive['recipe']> {
    const key = `${id} ${revision}`
    const known = this.#recipes.get(key) ?? (await this.#archive.recipe(id, revision))
    this.#recipes.set(key, known)
    return known
  }
}

function difference({ id, sequence, verdict }: StoredMessage, after: Verdict): DifferingVerdict | undefined {
  const found = differenceOf(verdict, after, () => false, false)
  if (found === undefined) return undefined
  const [was, is] = [textOf(verdict), textOf(after)]
  if (was !== is) return { id, sequence, before: was, after: is }
  // The same decision, of other numbers.
  const place = (value: unknown): string =>
    clipped(`${was} (${found.field}: ${JSON.stringify(value) ?? 'none'})`)
  return { id, sequence, before: place(found.stored), after: place(found.derived) }
}

/** `accept A 0.8123`, `reject not graded: sensor-absent:tof`. */
function textOf({ action, grade, score, reasons }: Verdict): string {
  if (grade === undefined) return clipped(`${action} not graded: ${reasons.join(', ')}`)
  const text = [`${action} ${grade} ${score}`, ...(reasons.length === 0 ? [] : [reasons.join(', ')])].join(
    ': ',
  )
  return clipped(text)
}

function clipped(text: string): string {
  return text.length <= MOST_SAID ? text : `${text.slice(0, MOST_SAID - 1)}…`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
