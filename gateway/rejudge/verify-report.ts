import type { OutboxEntry } from '../outbox.ts'
import type { CheckpointAudit } from '../proof/checkpoint-audit.ts'
import type { Archive } from './archive.ts'
import type { ChainWalk } from './chain-walk.ts'
import type { Selection } from './range.ts'
import type { Difference } from './same.ts'
import type { Verified } from './verify.ts'
import { checkpointsJson, checkpointsText } from './verify-checkpoints.ts'

interface Place {
  readonly epoch: string
  readonly sequence: number
  readonly id: string
}

/** How many could not be verified for one reason, and between which sequences. */
interface Unverifiable {
  count: number
  readonly first: number
  last: number
}

/** What retention took of an epoch, and where the chain goes on. */
interface Removed {
  readonly epoch: string
  /** Sequence of the last that went. */
  readonly up_to: number
  readonly hash: string
  readonly removed_at: string
  /** What was wrong with the chain of what went, when it went. */
  readonly broken?: string
}

/** What verifying a stretch of the log came to: counts, and the first that differs. */
export class VerifyReport {
  inspections = 0
  exact = 0
  near = 0
  form = 0
  differing = 0
  first: (Place & Difference) | undefined
  readonly #chain: ChainWalk
  readonly #perSecond: () => number
  readonly #audit: CheckpointAudit
  readonly #unverifiable = new Map<string, Unverifiable>()
  #removed: readonly Removed[] = []

  constructor(chain: ChainWalk, audit: CheckpointAudit, perSecond: () => number) {
    this.#chain = chain
    this.#audit = audit
    this.#perSecond = perSecond
  }

  /** Whether everything that can be verified is as it was stored. */
  get sound(): boolean {
    if (this.#removed.some(({ broken }) => broken !== undefined)) return false
    return this.differing === 0 && this.#chain.broken === undefined && this.#audit.broken === undefined
  }

  /** Counts what retention has taken from the beginning of the stretch. */
  taken({ begin, end }: Selection, archive: Archive): void {
    this.#removed = (archive.anchors ?? []).map(({ base, position, hash, removedAt, broken }) => ({
      epoch: archive.epochs.find((epoch) => epoch.base === base)?.epoch ?? '',
      up_to: position - base,
      ...{ hash, removed_at: removedAt },
      ...(broken === undefined ? {} : { broken }),
    }))
    const last = Math.min(archive.begin - 1, end)
    if (archive.end === 0 || last < begin) return
    this.#unverifiable.set('the inspection itself is gone', { count: last - begin + 1, first: begin, last })
  }

  /** @returns the line for a machine, where it differs */
  add({ epoch, sequence, id }: OutboxEntry, verified: Verified): object | undefined {
    this.inspections += 1
    switch (verified.result) {
      case 'same':
        if (verified.exact) this.exact += 1
        else this.near += 1
        return undefined
      case 'form':
        this.form += 1
        return undefined
      case 'unverifiable':
        this.#cannot(verified.reason, sequence)
        return undefined
      case 'differs': {
        this.differing += 1
        const found = { epoch, sequence, id, ...verified.difference }
        this.first ??= found
        return { differs: found.field, ...found }
      }
    }
  }

  #cannot(reason: string, sequence: number): void {
    const known = this.#unverifiable.get(reason)
    if (known === undefined) this.#unverifiable.set(reason, { count: 1, first: sequence, last: sequence })
    else {
      known.count += 1
      known.last = sequence
    }
  }

  /** The last line of `--json`. */
  summary(): Record<string, unknown> {
    const { inspections, exact, near, form, differing, first } = this
    return {
      summary: 'verify',
      inspections,
      chain: { followed: this.#chain.count, broken: this.#chain.broken ?? null },
      checkpoints: checkpointsJson(this.#audit),
      same: { bit_for_bit: exact, within_1e_9: near },
      without_analysis: form,
      removed: this.#removed,
      differing,
      first: first ?? null,
      not_verifiable: Object.fromEntries(this.#unverifiable),
      per_second: this.#perSecond(),
    }
  }

  toString(): string {
    const { inspections, exact, near, form, differing, first } = this
    const { broken, count } = this.#chain
    const lines = [
      broken === undefined
        ? `chain: ${count} inspections, every link holds`
        : `chain: breaks at sequence ${broken.sequence} of epoch ${broken.epoch}: ${broken.reason}`,
      checkpointsText(this.#audit),
      `verdicts: ${exact + near} of ${inspections} derived anew and the same: ${exact} bit for bit, ${near} within 1e-9`,
    ]
    for (const { epoch, up_to, removed_at, broken } of this.#removed) {
      const held = broken === undefined ? 'every link of it held' : `it did not hold: ${broken}`
      lines.push(`retention removed epoch ${epoch} up to sequence ${up_to} (last at ${removed_at}): ${held}`)
    }
    if (form > 0) lines.push(`${form} never came from an analysis (late, busy …): their form is right`)
    for (const [reason, { count, first, last }] of this.#unverifiable) {
      lines.push(`not verifiable: ${count}: ${reason} (${first === last ? first : `${first} to ${last}`})`)
    }
    if (first !== undefined) {
      lines.push(
        `${differing} differ; the first is sequence ${first.sequence} of epoch ${first.epoch} (${first.id}):`,
        `  ${first.field}: stored ${shown(first.stored)}, derived ${shown(first.derived)}`,
      )
    }
    return [...lines, `${this.#perSecond()} inspections a second`].join('\n')
  }
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
