import { createHash } from 'node:crypto'
import { type Entry, type RegisterBytes, registerName, type TransferEntry } from './entries.ts'

/** Longer content stands in a file of its own, or is known by its hash only. */
const INLINE_BYTES = 64

/** One line, and the file beside it where its content is long. */
export interface Line {
  readonly text: string
  readonly blob?: { readonly path: string; readonly bytes: Uint8Array }
}

/**
 * One entry as it stands in a transcript. With 2-byte registers: no times, waits in ms, marks, a blank behind each comma
 * and colon. With 1-byte registers: times in µs, calls and what they returned, no blanks. What was written in long
 * blocks is kept by its hash: it is the maker's firmware and tables.
 */
export function lineOf(entry: Entry, registerBytes: RegisterBytes): Line {
  const bare = registerBytes === 2
  const at = bare || entry.us === undefined ? {} : { t: Math.round(entry.us) }
  const text = (fields: Record<string, unknown>): string => (bare ? spaced(fields) : JSON.stringify(fields))
  switch (entry.op) {
    case 'wait': {
      const us = Math.round(entry.ms * 1000)
      return { text: text(bare ? { op: 'wait', ms: Math.round(entry.ms) } : { ...at, op: 'd', us }) }
    }
    case 'call':
      return { text: text(bare ? { op: 'mark', cmd: entry.name } : { ...at, op: 'call', name: entry.name }) }
    case 'return':
      return { text: text({ ...at, op: 'ret', value: entry.value }) }
    default: {
      const { kept, blob } = content(entry)
      const fields = { ...at, ...head(entry, registerBytes), ...kept, ...tail(entry, bare) }
      return { text: text(fields), ...(blob === undefined ? {} : { blob }) }
    }
  }
}

function head({ op, register, length }: TransferEntry, registerBytes: RegisterBytes) {
  const reg = register === undefined ? null : registerName(register, registerBytes)
  return { op: op === 'write' ? 'w' : 'r', reg, len: length }
}

function content(entry: TransferEntry): {
  readonly kept: Record<string, string>
  readonly blob?: { readonly path: string; readonly bytes: Uint8Array }
} {
  const { op, bytes, sha256 } = entry
  if (bytes === undefined) return { kept: sha256 === undefined ? { data: '' } : { sha256 } }
  if (bytes.length <= INLINE_BYTES) return { kept: { data: Buffer.from(bytes).toString('hex') } }
  const hash = sha256Of(bytes)
  if (op === 'write') return { kept: { sha256: hash } }
  const path = `blobs/${hash.slice(0, 16)}.bin`
  return { kept: { sha256: hash, blob: path }, blob: { path, bytes } }
}

function tail({ op, pointed = true, argument, fault }: TransferEntry, bare: boolean) {
  return {
    ...(op === 'read' && !(bare && pointed) ? { rs: pointed } : {}),
    ...(argument === undefined ? {} : { out: Buffer.from(argument).toString('hex') }),
    ...(fault === undefined ? {} : fault === 'no-acknowledge' ? { ack: false } : { fault }),
  }
}

function spaced(fields: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  )
  return `{${pairs.join(', ')}}`
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
