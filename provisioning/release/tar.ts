import { ReleaseError } from './error.ts'
import type { Entry } from './tree.ts'

const BLOCK = 512

/** Fields of a header of POSIX.1-1988 (ustar), with their place and length. */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  user: [265, 32],
  group: [297, 32],
  prefix: [345, 155],
} as const

/**
 * An archive whose bytes follow from names, modes and contents alone: owner root, one time for all, the order given.
 * Names that do not fit are told as GNU tar does (`././@LongLink`): dpkg reads those and refuses pax headers.
 * @param seconds since 1970, of every entry
 * @param start put before every path, `./` in a Debian package
 */
export async function* tarOf(
  entries: Iterable<Entry>,
  seconds: number,
  start = '',
): AsyncIterable<Uint8Array> {
  if (start !== '') yield header({ path: start, type: '5', mode: 0o755, seconds })
  for (const entry of entries) {
    const path = start + entry.path + (entry.kind === 'folder' ? '/' : '')
    if (entry.kind === 'folder') {
      yield* named({ path, type: '5', mode: 0o755, seconds })
    } else if (entry.kind === 'link') {
      yield* named({ path, type: '2', mode: 0o777, seconds, link: entry.target })
    } else {
      yield* named({ path, type: '0', mode: entry.mode, seconds, size: entry.size })
      let length = 0
      for await (const piece of entry.content()) {
        length += piece.length
        yield piece
      }
      if (length !== entry.size) {
        throw new ReleaseError(`${entry.path}: ${length} bytes were read, ${entry.size} were announced`)
      }
      yield padding(length)
    }
  }
  // Two blocks of zeros end an archive.
  yield new Uint8Array(2 * BLOCK)
}

interface Header {
  readonly path: string
  readonly type: string
  readonly mode: number
  readonly seconds: number
  readonly size?: number
  readonly link?: string
}

function* named(told: Header): Iterable<Uint8Array> {
  if (told.link !== undefined && Buffer.byteLength(told.link) > FIELD.link[1]) {
    yield* long('K', told.link, told.seconds)
  }
  const fits = Buffer.byteLength(told.path) <= FIELD.name[1] || prefixOf(told.path) !== undefined
  if (!fits) yield* long('L', told.path, told.seconds)
  yield header(told)
}

function* long(type: 'K' | 'L', text: string, seconds: number): Iterable<Uint8Array> {
  const bytes = Buffer.from(`${text}\0`)
  yield header({ path: '././@LongLink', type, mode: 0o644, seconds, size: bytes.length })
  yield bytes
  yield padding(bytes.length)
}

/** Where a path can be cut so that both halves fit; nothing where it can not. */
function prefixOf(path: string): readonly [prefix: string, name: string] | undefined {
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const prefix = path.slice(0, at)
    const name = path.slice(at + 1)
    if (Buffer.byteLength(prefix) > FIELD.prefix[1]) return undefined
    if (name !== '' && Buffer.byteLength(name) <= FIELD.name[1]) return [prefix, name]
  }
  return undefined
}

function header({ path, type, mode, seconds, size = 0, link = '' }: Header): Uint8Array {
  const block = Buffer.alloc(BLOCK)
  const put = ([at, length]: readonly [number, number], text: string): void => {
    Buffer.from(text).copy(block, at, 0, length)
  }
  const octal = (field: readonly [number, number], value: number): void => {
    put(field, `${value.toString(8).padStart(field[1] - 1, '0')}\0`)
  }
  const [prefix, name] =
    Buffer.byteLength(path) <= FIELD.name[1] ? ['', path] : (prefixOf(path) ?? ['', path])
  put(FIELD.name, name)
  put(FIELD.prefix, prefix)
  octal(FIELD.mode, mode)
  octal(FIELD.uid, 0)
  octal(FIELD.gid, 0)
  octal(FIELD.size, size)
  octal(FIELD.mtime, seconds)
  put(FIELD.type, type)
  put(FIELD.link, link)
  put(FIELD.magic, 'ustar\x0000')
  put(FIELD.user, 'root')
  put(FIELD.group, 'root')
  // The sum is taken with its own field full of blanks.
  block.fill(' ', FIELD.checksum[0], FIELD.checksum[0] + FIELD.checksum[1])
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(FIELD.checksum, `${sum.toString(8).padStart(6, '0')}\0 `)
  return block
}

function padding(length: number): Uint8Array {
  return new Uint8Array((BLOCK - (length % BLOCK)) % BLOCK)
}
