import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { list } from 'tar'
import { collected, gzipped, writeGzip } from '../../../provisioning/release/compress.ts'
import { debName, debOf, WRAPPER } from '../../../provisioning/release/deb.ts'
import type { Source } from '../../../provisioning/release/source.ts'
import { tarOf } from '../../../provisioning/release/tar.ts'
import { complete, type Entry, entriesBelow, textFile } from '../../../provisioning/release/tree.ts'
import { installed } from '../../fakes/server-process.ts'

const run = promisify(execFile)

/** 2026-01-02T03:04:05Z. */
const SECONDS = 1_767_323_045
const LONG = `${'a'.repeat(90)}/${'b'.repeat(90)}/${'c'.repeat(120)}.js`

const ENV = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-release-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The same files as another machine would have them: other modes, other times. */
async function checkout(t: Test, mode: number, year: number): Promise<string> {
  const root = await folder(t)
  await mkdir(join(root, 'bin'))
  for (const name of year % 2 === 0 ? ['bin/node', 'a', 'é'] : ['é', 'a', 'bin/node']) {
    await writeFile(join(root, name), `content of ${name}`)
    await chmod(join(root, name), mode)
    await utimes(join(root, name), year, year)
  }
  return root
}

const isProgram = (path: string): boolean => path === 'bin/node'

test('the bytes of an archive follow from names and contents, not from the machine', async (t) => {
  const one = await entriesBelow(await checkout(t, 0o600, 2020), isProgram)
  const other = await entriesBelow(await checkout(t, 0o777, 2021), isProgram)
  const [first, second] = [await gzipped(tarOf(one, SECONDS)), await gzipped(tarOf(other, SECONDS))]
  t.same(first, second)
  // RFC 1952, 2.3: no flags (so no name), no time.
  t.same([...first.subarray(3, 8)], [0, 0, 0, 0, 0])
  t.not(Buffer.compare(first, await gzipped(tarOf(one, SECONDS + 1))), 0)
})

test('what is in an archive is root’s, of one time, and programs are those that were named', async (t) => {
  const entries = [
    ...(await entriesBelow(await checkout(t, 0o666, 2020), isProgram)),
    textFile(LONG, 'long'),
    { kind: 'link', path: 'current', target: `releases/${'v'.repeat(120)}` } as const,
  ]
  const file = join(await folder(t), 'x.tar.gz')
  const { bytes } = await writeGzip(file, tarOf(complete(entries), SECONDS))
  t.equal((await readFile(file)).length, bytes)

  const told: string[] = []
  await list({
    file,
    onReadEntry: ({ path, mode = 0, uid, gid, mtime, linkpath = '' }) => {
      told.push([path, mode.toString(8), uid, gid, mtime?.toISOString(), linkpath].join(' ').trim())
    },
  })
  const at = '0 0 2026-01-02T03:04:05.000Z'
  const [a, b] = LONG.split('/')
  t.same(told, [
    `a 644 ${at}`,
    `${a}/ 755 ${at}`,
    `${a}/${b}/ 755 ${at}`,
    `${LONG} 644 ${at}`,
    `bin/ 755 ${at}`,
    `bin/node 755 ${at}`,
    `current 777 ${at} releases/${'v'.repeat(120)}`,
    `é 644 ${at}`,
  ])
})

test('GNU tar reads it as well', async (t) => {
  const file = join(await folder(t), 'x.tar')
  await writeFile(file, await collected(tarOf(complete([textFile(LONG, 'long')]), SECONDS)))
  const { stdout } = await run('tar', ['--list', '--verbose', '--numeric-owner', '--file', file], {
    env: ENV,
  })
  t.match(stdout.split('\n').at(-2), /^-rw-r--r-- 0\/0 +4 2026-01-02 03:04 a+\/b+\/c+\.js$/)
})

test('a file that grows while it is packed is an error, not a broken archive', async (t) => {
  const lying: Entry = { ...textFile('a', '12345'), size: 3 }
  await t.rejects(collected(tarOf([lying], SECONDS)), { message: 'a: 5 bytes were read, 3 were announced' })
})

/** A repository with a unit, a maintainer script and its template. */
async function repository(t: Test): Promise<Source> {
  const root = await folder(t)
  const files = {
    'poincon.service': '[Service]\n',
    'README.md': 'not for a device\n',
    'sysusers/poincon.conf': 'u poincon\n',
    'bin/gate-safe': '#!/bin/sh\n',
    'debian/control.in':
      'Package: poincon\nVersion: @VERSION@\nArchitecture: @ARCH@\nDepends: @DEPENDS@, adduser\n',
    'debian/postinst': '#!/bin/sh\nln -sfn releases/@RELEASE@ /opt/poincon/current\n',
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(root, 'systemd', name, '..'), { recursive: true })
    await writeFile(join(root, 'systemd', name), text)
  }
  return { root, version: '1.2.3-rc.1', commit: 'c', seconds: SECONDS, clean: true, storeSchema: 4 }
}

test('a Debian package puts the slot, the units and the scripts at their places', {
  skip: installed('dpkg-deb') && installed('xz') ? false : 'SKIPPED: dpkg-deb or xz is not installed',
}, async (t) => {
  const source = await repository(t)
  const target = { platform: 'linux-arm64' } as const
  const tools = { node: '', npm: '', gyp: '', env: ENV }
  const tree = [textFile('bin/node', 'node', 0o755)]
  const content = { source, target, tree, glibc: '2.34', licences: 'MIT\n' }
  const deb = await debOf(content, tools)
  t.same(await debOf(content, tools), deb)

  const dir = await folder(t)
  const file = join(dir, debName(source, target))
  t.match(file, /poincon_1\.2\.3~rc\.1_arm64\.deb$/)
  await writeFile(file, deb)
  const { stdout: fields } = await run('dpkg-deb', ['--field', file], { env: ENV })
  t.equal(
    fields,
    'Package: poincon\nVersion: 1.2.3~rc.1\nArchitecture: arm64\nDepends: libc6 (>= 2.34), libstdc++6, adduser\n',
  )
  const { stdout: contents } = await run('dpkg-deb', ['--contents', file], { env: ENV })
  const lines = contents.trim().split('\n')
  t.ok(lines.every((line) => line.includes(' root/root ') && line.includes(' 2026-01-02 03:04 ')))
  const files = lines
    .filter((line) => line.startsWith('-'))
    .map((line) => `${line.slice(0, 10)} ${line.split(' ').at(-1)}`)
  t.same(files, [
    '-rwxr-xr-x ./opt/poincon/releases/1.2.3-rc.1/bin/node',
    '-rwxr-xr-x ./usr/bin/poincon',
    '-rwxr-xr-x ./usr/lib/poincon/gate-safe',
    '-rw-r--r-- ./usr/lib/systemd/system/poincon.service',
    '-rw-r--r-- ./usr/lib/sysusers.d/poincon.conf',
    '-rw-r--r-- ./usr/share/doc/poincon/copyright',
  ])
  await run('dpkg-deb', ['--raw-extract', file, join(dir, 'raw')], { env: ENV })
  t.match(await readFile(join(dir, 'raw', 'DEBIAN', 'postinst'), 'utf8'), 'releases/1.2.3-rc.1 /opt')
  t.equal(await readFile(join(dir, 'raw', 'usr', 'bin', 'poincon'), 'utf8'), WRAPPER)
  await run('md5sum', ['--check', '--quiet', 'DEBIAN/md5sums'], { cwd: join(dir, 'raw'), env: ENV })
})

test('gzip unpacks to what was packed', async (t) => {
  const tar = await collected(tarOf([textFile('a', 'b')], SECONDS))
  t.same(gunzipSync(await gzipped(tarOf([textFile('a', 'b')], SECONDS))), tar)
})
