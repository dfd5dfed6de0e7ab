import { z } from 'zod'
import type { AlertEvent, InspectionName } from './event.ts'
import { type Detector, type Finding, inspectionOf, look, NOTHING, STATION } from './finding.ts'
import { Ring } from './ring.ts'
import type { RuleOf } from './rules.ts'

const values = z.array(z.number()).max(10_000)

function rateFinding(
  rule: RuleOf<'rate'>,
  { hits, of, inspection }: { hits: number; of: number; inspection?: InspectionName | undefined },
): readonly Finding[] {
  // An empty window after a lively one is well; after none it says nothing that was not known.
  if (of < rule.min_parts) return [{ subject: STATION, met: false, well: of === 0 }]
  const value = hits / of
  const met = value > rule.share_above
  const well = !met && value <= (rule.clear_limit ?? rule.share_above)
  const detail = `${hits} of ${of} parts`
  return [{ subject: STATION, met, well, value, limit: rule.share_above, detail, inspection }]
}

/** Share of the last parts. */
export class RateByParts implements Detector {
  readonly #rule: RuleOf<'rate'>
  #ring: Ring
  #hits = 0

  constructor(rule: RuleOf<'rate'>) {
    this.#rule = rule
    this.#ring = new Ring(rule.window.parts ?? 1)
  }

  see(event: AlertEvent): readonly Finding[] {
    if (event.kind !== 'inspection') return NOTHING
    const found = look(this.#rule.when, event.message)
    if (found === undefined) return NOTHING
    this.#push(found.met ? 1 : 0)
    const inspection = inspectionOf(event.message)
    return rateFinding(this.#rule, { hits: this.#hits, of: this.#ring.length, inspection })
  }

  memory(): unknown {
    return this.#ring.inOrder()
  }

  recall(memory: unknown): void {
    this.#ring = new Ring(this.#rule.window.parts ?? 1)
    this.#hits = 0
    for (const hit of values.catch([]).parse(memory)) this.#push(hit === 0 ? 0 : 1)
  }

  #push(hit: 0 | 1): void {
    this.#hits += hit - (this.#ring.push(hit) ?? 0)
  }
}

const SLICES = 60
const slices = z.object({
  ageMs: z.number().min(0),
  hits: z.array(z.number().min(0)).length(SLICES),
  of: z.array(z.number().min(0)).length(SLICES),
})

/** Share of the parts of the last minutes, in sixty slices: memory does not grow with the parts. */
export class RateByTime implements Detector {
  readonly #rule: RuleOf<'rate'>
  readonly #sliceMs: number
  #hits: number[] = empty()
  #of: number[] = empty()
  /** When the newest slice began; undefined before the first event. */
  #beganAt: number | undefined

  constructor(rule: RuleOf<'rate'>) {
    this.#rule = rule
    this.#sliceMs = ((rule.window.minutes ?? 1) * 60_000) / SLICES
  }

  see(event: AlertEvent, nowMs: number): readonly Finding[] {
    if (event.kind !== 'inspection' && event.kind !== 'tick') return NOTHING
    this.#turn(nowMs)
    const part = event.kind === 'inspection'
    if (part) {
      const found = look(this.#rule.when, event.message)
      if (found === undefined) return NOTHING
      this.#of[0] = (this.#of[0] ?? 0) + 1
      this.#hits[0] = (this.#hits[0] ?? 0) + (found.met ? 1 : 0)
    }
    const inspection = part ? inspectionOf(event.message) : undefined
    return rateFinding(this.#rule, { hits: sum(this.#hits), of: sum(this.#of), inspection })
  }

  memory(nowMs: number): unknown {
    const ageMs = this.#beganAt === undefined ? 0 : Math.max(0, nowMs - this.#beganAt)
    return { ageMs, hits: [...this.#hits], of: [...this.#of] }
  }

  recall(memory: unknown, nowMs: number): void {
    const parsed = slices.safeParse(memory)
    if (!parsed.success) return
    this.#hits = parsed.data.hits
    this.#of = parsed.data.of
    this.#beganAt = nowMs - parsed.data.ageMs
  }

  /** Newest slice first. */
  #turn(nowMs: number): void {
    this.#beganAt ??= nowMs
    const turns = Math.floor((nowMs - this.#beganAt) / this.#sliceMs)
    if (turns <= 0) return
    this.#beganAt += turns * this.#sliceMs
    const fresh = new Array<number>(Math.min(turns, SLICES)).fill(0)
    this.#hits = [...fresh, ...this.#hits].slice(0, SLICES)
    this.#of = [...fresh, ...this.#of].slice(0, SLICES)
  }
}

function empty(): number[] {
  return new Array<number>(SLICES).fill(0)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
