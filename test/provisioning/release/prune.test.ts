import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { nameOf, reachable, withoutDev } from '../../../provisioning/release/packages.ts'
import { isSuperfluous, prune } from '../../../provisioning/release/prune.ts'

const kept = (name: string, path: string): boolean => !isSuperfluous(name, path, 'linux-arm64')

test('what runs stays, what only people or compilers read goes', (t) => {
  t.ok(kept('mqtt', 'build/lib/client.js'))
  t.ok(kept('mqtt', 'package.json'))
  t.ok(kept('yaml', 'dist/doc/Document.js'))
  t.ok(kept('pino', 'lib/test.js'))
  t.ok(kept('semver', 'functions/lib/History.js'))
  t.notOk(kept('mqtt', 'dist/mqtt.min.js'))
  t.notOk(kept('mqtt', 'build/index.js.map'))
  t.notOk(kept('mqtt', 'build/index.d.ts'))
  t.notOk(kept('mqtt', 'README.md'))
  t.notOk(kept('pino', 'test/basic.test.js'))
  t.notOk(kept('pino', '.github/workflows/ci.yml'))
  t.notOk(kept('sqlite3', 'deps/sqlite-autoconf-3520000.tar.gz'))
  t.notOk(kept('unix-dgram', 'src/unix_dgram.cc'))
  // Written by gyp, with the builder's paths in it: no two builds would be the same bytes.
  t.notOk(kept('sqlite3', 'node-addon-api/nothing.target.mk'))
  t.notOk(kept('sqlite3', 'node-addon-api/node_api.Makefile'))
  t.end()
})

test('texts of licences stay, whatever their file is called', (t) => {
  for (const path of [
    'LICENSE',
    'LICENSE.md',
    'license.markdown',
    'ThirdPartyNotices.md',
    'test/LICENSE',
    'NOTICE.md',
  ]) {
    t.ok(kept('any', path), path)
  }
  t.end()
})

test('Node-RED’s editor keeps what it serves', (t) => {
  t.ok(kept('@node-red/editor-client', 'public/types/node/fs.d.ts'))
  t.ok(kept('@node-red/nodes', 'examples/function/01.json'))
  t.notOk(kept('@node-red/editor-client', 'public/vendor/monaco/editor.js.map'))
  t.end()
})

test('of onnxruntime one platform’s library stays', (t) => {
  const library = 'bin/napi-v6/linux/arm64/libonnxruntime.so.1'
  t.ok(kept('onnxruntime-node', library))
  t.ok(isSuperfluous('onnxruntime-node', library, 'linux-x64'))
  t.notOk(kept('onnxruntime-node', 'bin/napi-v6/win32/arm64/DirectML.dll'))
  t.notOk(kept('onnxruntime-node', 'bin/napi-v6/darwin/arm64/libonnxruntime.1.dylib'))
  t.ok(kept('onnxruntime-node', 'dist/binding.js'))
  t.end()
})

const entry = (dependencies: Readonly<Record<string, string>> = {}) => ({
  version: '1.0.0',
  dependencies: { ...dependencies },
  optionalDependencies: {},
  peerDependencies: {},
})

test('a package stays while something that runs asks for it, found as Node finds it', (t) => {
  const packages = {
    'node_modules/sqlite3': entry({ tar: '7', bindings: '1', 'prebuild-install': '7' }),
    'node_modules/sqlite3/node_modules/bindings': entry(),
    'node_modules/bindings': entry(),
    'node_modules/tar': entry(),
    'node_modules/prebuild-install': entry({ got: '1' }),
    'node_modules/got': entry(),
    'node_modules/@a/b': entry({ tar: '7', sqlite3: '6' }),
  }
  const unneeded = [
    { by: '*', name: 'prebuild-install' },
    { by: 'sqlite3', name: 'tar' },
  ]
  const sqlite = ['node_modules/sqlite3', 'node_modules/sqlite3/node_modules/bindings']
  t.same([...reachable(packages, ['sqlite3', 'absent'], unneeded)].sort(), sqlite)
  const both = ['node_modules/@a/b', ...sqlite, 'node_modules/tar']
  t.same([...reachable(packages, ['@a/b'], unneeded)].sort(), both)
  t.equal(nameOf('node_modules/a/node_modules/@b/c'), '@b/c')
  t.end()
})

test('a lockfile without what development needs', (t) => {
  const lock = {
    lockfileVersion: 3,
    packages: {
      '': { name: 'poincon', dependencies: { a: '1' }, devDependencies: { b: '1' } },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' },
      'node_modules/b': { version: '1.0.0', dev: true },
    },
  }
  t.same(withoutDev(lock), {
    lockfileVersion: 3,
    packages: {
      '': { name: 'poincon', dependencies: { a: '1' } },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' },
    },
  })
  t.end()
})

async function installedIn(t: Test, files: readonly string[], packages: object): Promise<string> {
  const stage = await mkdtemp(join(tmpdir(), 'poincon-prune-'))
  t.teardown(() => rm(stage, { recursive: true, force: true }))
  const list = JSON.stringify({ lockfileVersion: 3, packages })
  for (const file of [...files, '.package-lock.json', '.bin/a']) {
    await mkdir(dirname(join(stage, 'node_modules', file)), { recursive: true })
    await writeFile(join(stage, 'node_modules', file), file === '.package-lock.json' ? list : '')
  }
  return stage
}

test('a stage is left with what runs, and no empty folder', async (t) => {
  const files = [
    'a/package.json',
    'a/index.js',
    'a/README.md',
    'a/test/deep/a.test.js',
    'a/node_modules/c/package.json',
    'a/node_modules/c/docs/guide.md',
    'b/package.json',
    '@node-red/registry/package.json',
    'npm/package.json',
    'npm/bin/npm-cli.js',
  ]
  const stage = await installedIn(t, files, {
    'node_modules/a': entry({ c: '1', '@node-red/registry': '4' }),
    'node_modules/a/node_modules/c': entry(),
    'node_modules/b': entry(),
    'node_modules/@node-red/registry': entry({ npm: '10' }),
    'node_modules/npm': entry(),
  })
  await prune(stage, ['a'], 'linux-x64')
  const left = await readdir(join(stage, 'node_modules'), { recursive: true, withFileTypes: true })
  const names = left.map(({ parentPath, name }) => join(parentPath, name).slice(stage.length + 14))
  t.same(names.sort(), [
    '@node-red',
    '@node-red/registry',
    '@node-red/registry/package.json',
    'a',
    'a/index.js',
    'a/node_modules',
    'a/node_modules/c',
    'a/node_modules/c/package.json',
    'a/package.json',
    'npm',
    'npm/package.json',
  ])
})
