import { ACTIONS, GRADES } from '../inspection.ts'
import { changeOf, type Outcome, type Rejudged } from './outcome.ts'

const ROWS = [...GRADES, 'ungraded'] as const
type Row = (typeof ROWS)[number]

/** What became of all parts: counts only, whatever their number. */
export class Tally {
  parts = 0
  changed = 0
  /** With a verdict to compare with. */
  compared = 0
  withoutAnalysis = 0
  readonly #after = new Map<string, number>()
  readonly #grades = new Map<string, number>()
  readonly #actions = new Map<string, number>()
  readonly #findings = new Map<string, { added: number; removed: number }>()

  add({ before, after, withoutAnalysis }: Rejudged): void {
    this.parts += 1
    if (withoutAnalysis) this.withoutAnalysis += 1
    raise(this.#after, rowOf(after))
    if (before === undefined) return
    const { changed, added, removed } = changeOf(before, after)
    this.compared += 1
    this.changed += changed ? 1 : 0
    raise(this.#grades, `${rowOf(before)}>${rowOf(after)}`)
    raise(this.#actions, `${before.action}>${after.action}`)
    for (const code of added) this.#finding(code).added += 1
    for (const code of removed) this.#finding(code).removed += 1
  }

  #finding(code: string): { added: number; removed: number } {
    const known = this.#findings.get(code) ?? { added: 0, removed: 0 }
    this.#findings.set(code, known)
    return known
  }

  /** The last line of `--json`. */
  summary(): Record<string, unknown> {
    const { parts, compared, changed, withoutAnalysis } = this
    return {
      summary: 'rejudge',
      parts,
      compared,
      changed,
      without_analysis: withoutAnalysis,
      after: Object.fromEntries(this.#after),
      grades: Object.fromEntries(this.#grades),
      actions: Object.fromEntries(this.#actions),
      findings: Object.fromEntries(this.#findings),
    }
  }

  /** The difference table as a person reads it. */
  toString(): string {
    const { parts, compared, changed, withoutAnalysis } = this
    const lines = [`${parts} parts judged again`]
    if (compared > 0) {
      lines.push('', 'grade before (row) and after (column)', ...this.#gradeTable())
      lines.push('', 'action before → after', ...this.#actionLines())
      const findings = [...this.#findings].sort(([one], [other]) => (one < other ? -1 : 1))
      if (findings.length > 0) {
        lines.push('', 'reason                  came     went')
        for (const [code, { added, removed }] of findings) {
          lines.push(`${code.padEnd(20)}${String(added).padStart(8)} ${String(removed).padStart(8)}`)
        }
      }
      lines.push('', `${changed} of ${compared} changed`)
    }
    if (compared < parts) {
      const counts = ROWS.map((row) => `${row} ${this.#after.get(row) ?? 0}`).join(' · ')
      lines.push(`${parts - compared} had no verdict to compare with; all parts after: ${counts}`)
    }
    if (withoutAnalysis > 0) {
      lines.push(`${withoutAnalysis} were turned away or overruled by the line: no recipe changes that`)
    }
    return lines.join('\n')
  }

  #gradeTable(): string[] {
    const cell = (text: string | number): string => String(text).padStart(9)
    const header = `${' '.repeat(9)}${ROWS.map(cell).join('')}`
    return [
      header,
      ...ROWS.map((row) => {
        const counts = ROWS.map((column) => this.#grades.get(`${row}>${column}`) ?? 0)
        return `${row.padEnd(9)}${counts.map((count) => cell(count === 0 ? '·' : count)).join('')}`
      }),
    ]
  }

  #actionLines(): string[] {
    return ACTIONS.flatMap((before) =>
      ACTIONS.flatMap((after) => {
        const count = this.#actions.get(`${before}>${after}`)
        return count === undefined ? [] : [`${before} → ${after}: ${count}`]
      }),
    )
  }
}

function rowOf({ grade }: Outcome): Row {
  return grade ?? 'ungraded'
}

function raise(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** One part that changed, on a line. */
export function changeLine({ sequence, id, sampleId, before, after }: Rejudged): string {
  if (before === undefined) return ''
  const { added, removed } = changeOf(before, after)
  const score = ({ score }: Outcome): string => (score === undefined ? '' : ` ${score.toFixed(3)}`)
  const grades = `${rowOf(before)}${score(before)} → ${rowOf(after)}${score(after)}`
  const action = before.action === after.action ? after.action : `${before.action} → ${after.action}`
  const reasons = [...added.map((code) => `+${code}`), ...removed.map((code) => `-${code}`)]
  return [`#${sequence}`, sampleId ?? id ?? '', grades, action, ...reasons]
    .filter((text) => text !== '')
    .join('  ')
}
