import type { Entry, RegisterBytes, TransferEntry } from './entries.ts'
import { Fields } from './fields.ts'
import { sha256Of } from './lines.ts'

/**
 * Reads one line of either layout. Unknown fields are passed over.
 * @param blob content of a file beside the transcript; undefined where it is not there
 * @returns the entry, and the register's width where the line tells it
 * @throws TranscriptError with the field, its value and what is expected
 */
export function entryOf(
  text: string,
  blob: (path: string) => Uint8Array | undefined,
): { readonly entry: Entry; readonly registerBytes: RegisterBytes | undefined } {
  const fields = new Fields(text)
  const t = fields.optionalNumber('t')
  const us = t === undefined ? {} : { us: t }
  const op = fields.string('op')
  switch (op) {
    case 'wait':
      return other({ op: 'wait', ...us, ms: fields.number('ms') })
    case 'd':
      return other({ op: 'wait', ...us, ms: fields.number('us') / 1000 })
    case 'mark':
      return other({ op: 'call', ...us, name: fields.string('cmd') })
    case 'call':
      return other({ op: 'call', ...us, name: fields.string('name') })
    case 'ret':
      return other({ op: 'return', ...us, value: fields.value('value') ?? null })
    case 'w':
    case 'r':
      return transferOf(fields, op, us, blob)
    default:
      throw fields.wrong('op', 'w, r, wait, d, mark, call or ret')
  }
}

function other(entry: Entry): { readonly entry: Entry; readonly registerBytes: undefined } {
  return { entry, registerBytes: undefined }
}

function transferOf(
  fields: Fields,
  op: 'w' | 'r',
  us: { readonly us?: number },
  blob: (path: string) => Uint8Array | undefined,
): ReturnType<typeof entryOf> {
  const reg = fields.value('reg') === null ? undefined : fields.string('reg')
  const digits = reg === undefined ? undefined : /^0x([0-9a-f]{2}|[0-9a-f]{4})$/.exec(reg)?.[1]
  if (reg !== undefined && digits === undefined)
    throw fields.wrong('reg', '0x and two or four digits, or null')
  const fault = fields.fault()
  const argument = fields.bytes('out')
  const length = fields.number('len')
  const sha256 = fields.optionalString('sha256')
  const bytes = contentOf(fields, length, blob)
  const entry: TransferEntry = {
    op: op === 'w' ? 'write' : 'read',
    ...us,
    register: reg === undefined ? undefined : Number(reg),
    ...(op === 'r' ? { pointed: fields.value('rs') !== false && reg !== undefined } : {}),
    ...(argument === undefined ? {} : { argument }),
    length,
    ...(bytes === undefined ? {} : { bytes }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(fault === undefined ? {} : { fault }),
  }
  return { entry, registerBytes: digits === undefined ? undefined : digits.length === 2 ? 1 : 2 }
}

function contentOf(
  fields: Fields,
  length: number,
  blob: (path: string) => Uint8Array | undefined,
): Uint8Array | undefined {
  const inline = fields.bytes('data')
  const failedRead = fields.string('op') === 'r' && fields.fault() !== undefined
  if (inline !== undefined) {
    if (failedRead) return undefined
    if (inline.length !== length) throw fields.wrong('data', `${length} bytes, as len says`)
    return inline
  }
  const path = fields.optionalString('blob')
  const bytes = path === undefined ? undefined : blob(path)
  if (bytes !== undefined && (bytes.length !== length || sha256Of(bytes) !== fields.string('sha256'))) {
    throw fields.wrong('blob', 'a file of the length and hash that stand beside it')
  }
  return bytes
}
