import type { ShiftDocuments } from '../../gateway/shift-book.ts'

/** Documents in memory; as JSON, as a store keeps them. */
export function shiftDocuments(): ShiftDocuments & {
  readonly kept: Map<string, { readonly at: string; readonly value: unknown }>
  /** Whether it takes nothing. */
  full: boolean
} {
  const kept = new Map<string, { readonly at: string; readonly value: unknown }>()
  return {
    kept,
    full: false,
    save(_kind, { id, at, value }) {
      if (this.full) return Promise.reject(new Error('no space left'))
      kept.set(id, { at, value: JSON.parse(JSON.stringify(value)) })
      return Promise.resolve()
    },
    newest: (_kind, limit) => {
      const sorted = [...kept.values()].sort((one, other) => other.at.localeCompare(one.at))
      return Promise.resolve(sorted.slice(0, limit))
    },
  }
}
