/** One system call of a recorded process that touched its files, or an acknowledgement that it gave. */
export type Call = { readonly path: string } & (
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'create' }
  | { readonly kind: 'rename'; readonly to: string }
  | { readonly kind: 'unlink' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'acknowledge'; readonly sequence: number }
)

/** A call with its place in the trace; what another thread does between the two lines is not ordered against it. */
export interface Recorded {
  readonly call: Call
  readonly beganAt: number
  readonly doneAt: number
}

/** What strace is asked for. Every call that changes a file or its name, and those that sync. */
export const TRACED = [
  ...[
    'pwrite64',
    'write',
    'pwritev',
    'writev',
    'fsync',
    'fdatasync',
    'sync_file_range',
    'ftruncate',
    'truncate',
  ],
  ...['fallocate', 'openat', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2', 'copy_file_range'],
]

interface Line {
  readonly name: string
  readonly args: string
  readonly result: string
  readonly beganAt: number
  readonly doneAt: number
}

/**
 * Reads what `strace -f -y -xx -e trace=TRACED` wrote: texts and paths in hex, a call that another thread's interrupts
 * in two lines.
 * @param folder only what lies in it is read; its own path stands for its directory
 * @throws Error for a call that it cannot follow
 */
export function readTrace(trace: string, folder: string): Recorded[] {
  const positions = new Map<string, number>()
  return [...linesOf(trace)]
    .flatMap((line) => callsOf(line, folder, positions).map((call) => ({ call, ...placeOf(line) })))
    .sort((one, other) => one.beganAt - other.beganAt)
}

function placeOf({ beganAt, doneAt }: Line): { beganAt: number; doneAt: number } {
  return { beganAt, doneAt }
}

function* linesOf(trace: string): Generator<Line> {
  const unfinished = new Map<string, { readonly text: string; readonly beganAt: number }>()
  for (const [at, text] of trace.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(text) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, { text: rest.slice(0, -'<unfinished ...>'.length), beganAt: at })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest)
    const begun = resumed === null ? undefined : unfinished.get(thread)
    const whole = begun === undefined ? rest : begun.text + rest.slice(resumed?.[0].length)
    const end = whole.lastIndexOf(' = ')
    const open = whole.indexOf('(')
    if (end < 0 || open < 0) continue
    const args = whole.slice(open + 1, whole.slice(0, end).trimEnd().length - 1)
    yield {
      name: whole.slice(0, open),
      args,
      result: whole.slice(end + 3),
      beganAt: begun?.beganAt ?? at,
      doneAt: at,
    }
  }
}

const HEX = /(?:\\x[0-9a-f]{2})+/

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex')
}

/** The path behind a descriptor: `20</…>`. */
function pathOf(text: string): string {
  return bytesOf(new RegExp(`<(${HEX.source})>`).exec(text)?.[1] ?? '').toString()
}

function textsOf(args: string): Buffer[] {
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => bytesOf(hex))
}

function callsOf(line: Line, folder: string, positions: Map<string, number>): Call[] {
  const done = Number.parseInt(line.result, 10)
  if (!(done >= 0)) return []
  const [text = Buffer.alloc(0), other] = textsOf(line.args)
  if (line.name === 'write' && line.args.startsWith('1<')) {
    const sequence = Number(/^ack (\d+)/.exec(text.toString())?.[1])
    return sequence > 0 ? [{ kind: 'acknowledge', path: '', sequence }] : []
  }
  const path = line.name === 'openat' ? pathOf(line.result) : pathOf(line.args) || text.toString()
  const named = other?.toString() ?? text.toString()
  if (![path, named].some((one) => one === folder || one.startsWith(`${folder}/`))) return []
  // Shared memory of the processes that are gone: SQLite makes it anew.
  if (path.endsWith('-shm')) return []
  return callOf(line, { path, text, done, to: named, positions })
}

interface Parts {
  readonly path: string
  readonly text: Buffer
  readonly done: number
  readonly to: string
  readonly positions: Map<string, number>
}

function callOf({ name, args }: Line, { path, text, done, to, positions }: Parts): Call[] {
  const last = Number(args.slice(args.lastIndexOf(',') + 1))
  switch (name) {
    case 'pwrite64':
      return [{ kind: 'write', path, offset: last, bytes: text.subarray(0, done) }]
    case 'write': {
      const offset = positions.get(path) ?? 0
      positions.set(path, offset + done)
      return [{ kind: 'write', path, offset, bytes: text.subarray(0, done) }]
    }
    case 'openat': {
      positions.set(path, 0)
      const made: Call[] = args.includes('O_CREAT') ? [{ kind: 'create', path }] : []
      return args.includes('O_TRUNC') ? [...made, { kind: 'truncate', path, size: 0 }] : made
    }
    case 'ftruncate':
      return [{ kind: 'truncate', path, size: last }]
    case 'fsync':
    case 'fdatasync':
      return [{ kind: 'sync', path }]
    case 'rename':
      return [{ kind: 'rename', path: text.toString(), to }]
    case 'unlink':
    case 'unlinkat':
      return [{ kind: 'unlink', path: to }]
    default:
      throw new Error(`${name}(${args.slice(0, 80)}) is not followed`)
  }
}
