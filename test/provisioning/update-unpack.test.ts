import { lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { Header } from 'tar'
import { IntegrityError } from '../../provisioning/tuf-errors.ts'
import { type UnpackLimits, unpack } from '../../provisioning/unpack.ts'

interface Entry {
  readonly path: string
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO'
  readonly linkpath?: string
  readonly mode?: number
  readonly text?: string
}

/** An archive byte by byte: no well-behaved program writes these. */
function archive(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = 'File', linkpath, mode = 0o644, text = '' }) => {
    const header = new Header({
      ...{ path, type, mode, size: text.length, mtime: new Date(0), uid: 0, gid: 0 },
      ...(linkpath === undefined ? {} : { linkpath }),
    })
    const block = Buffer.alloc(512)
    header.encode(block)
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512)
    body.write(text)
    return [block, body]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

async function unpacked(t: Test, bytes: Buffer, limits?: UnpackLimits): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-unpack-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const [file, into] = [join(dir, 'release.tar.gz'), join(dir, 'into')]
  await writeFile(file, bytes)
  await mkdir(into)
  await unpack(file, into, {
    ...(limits === undefined ? {} : { limits }),
    signal: AbortSignal.timeout(20_000),
  })
  return into
}

test('files, folders and links that stay inside are unpacked', async (t) => {
  const into = await unpacked(
    t,
    gzipSync(
      archive([
        { path: 'bin/', type: 'Directory', mode: 0o755 },
        { path: 'bin/node', mode: 0o755, text: '#!/bin/sh\n' },
        { path: 'lib/a/one.js', text: 'one' },
        { path: 'lib/b', type: 'SymbolicLink', linkpath: 'a/one.js' },
      ]),
    ),
  )
  t.equal(await readFile(join(into, 'lib/b'), 'utf8'), 'one')
  t.equal((await lstat(join(into, 'bin/node'))).mode & 0o7777, 0o755)
})

const HOSTILE: readonly (readonly [string, readonly Entry[], RegExp])[] = [
  ['a path that leaves', [{ path: '../x', text: 'x' }], /expected no \.\./],
  ['a path that leaves further in', [{ path: 'a/../../x', text: 'x' }], /expected no \.\./],
  ['an absolute path', [{ path: '/etc/cron.d/x', text: 'x' }], /expected a relative path/],
  [
    'a link that leaves',
    [{ path: 'a', type: 'SymbolicLink', linkpath: '../../etc/passwd' }],
    /inside the archive/,
  ],
  [
    'a link that leaves by way of another',
    [
      { path: 'a/b/c/l', type: 'SymbolicLink', linkpath: '../../..' },
      { path: 'flows.json', type: 'SymbolicLink', linkpath: 'a/b/c/l/../secret' },
    ],
    /leads to a\/b\/c\/l\/\.\.\/secret: expected \.\. before/,
  ],
  ['an absolute link', [{ path: 'a', type: 'SymbolicLink', linkpath: '/etc/passwd' }], /inside the archive/],
  [
    'a file beneath a link',
    [
      { path: 'a', type: 'SymbolicLink', linkpath: 'b' },
      { path: 'a/x', text: 'x' },
    ],
    /lies beneath the link a/,
  ],
  ['a hard link', [{ path: 'a', type: 'Link', linkpath: 'bin/node' }], /Link: expected a file/],
  ['a device', [{ path: 'a', type: 'CharacterDevice' }], /CharacterDevice: expected a file/],
  ['a pipe', [{ path: 'a', type: 'FIFO' }], /FIFO: expected a file/],
  ['setuid', [{ path: 'a', mode: 0o4755, text: 'x' }], /setuid/],
  [
    'one name twice',
    [
      { path: 'a', text: 'x' },
      { path: './a', text: 'y' },
    ],
    /twice/,
  ],
  ['nothing', [], /Unrecognized archive format|holds nothing/],
]

test('anything else is refused before a byte is unpacked', async (t) => {
  for (const [name, entries, why] of HOSTILE)
    await t.rejects(unpacked(t, gzipSync(archive(entries))), { name: 'IntegrityError', message: why }, name)
})

test('a link with .. before its names stays inside; of content none is taken', async (t) => {
  const link = archive([
    { path: 'a/x', text: 'x' },
    { path: 'b/l', type: 'SymbolicLink', linkpath: './../a/x' },
  ])
  t.equal(await readFile(join(await unpacked(t, link), 'b/l'), 'utf8'), 'x')
  const limits = { bytes: 1e6, entries: 10, links: false }
  await t.rejects(unpacked(t, link, limits), /b\/l.*SymbolicLink: expected a file or a folder/)
})

test('too much is refused, however small it is packed', async (t) => {
  const text = '\0'.repeat(300_000)
  const bomb = gzipSync(archive([{ path: 'a', text }]))
  t.ok(bomb.length < 2000)
  await t.rejects(unpacked(t, bomb, { bytes: 100_000, entries: 10 }), /unpacks to more than 100000 bytes/)
  const many = Array.from({ length: 20 }, (_, index) => ({ path: `f${index}` }))
  await t.rejects(unpacked(t, gzipSync(archive(many)), { bytes: 1e6, entries: 10 }), /more than 10 entries/)
})

test('half an archive is none', async (t) => {
  const whole = gzipSync(archive([{ path: 'a', text: 'x'.repeat(5000) }]))
  await t.rejects(unpacked(t, whole.subarray(0, whole.length - 20)), IntegrityError)
  await t.rejects(unpacked(t, Buffer.from('not an archive at all')), IntegrityError)
})
