import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { byNumbers, elfOf, foreignKind, headerOf, newestVersion } from '../../../provisioning/release/elf.ts'
import { inspectTree } from '../../../provisioning/release/inspect-tree.ts'
import { isAllowed } from '../../../provisioning/release/licence-rule.ts'
import { checkLicences, licencesBelow, licenceText } from '../../../provisioning/release/licences.ts'
import { libraryParts, nodeParts, sqliteVersion } from '../../../provisioning/release/parts.ts'
import { checkIntegrity } from '../../../provisioning/release/runtime.ts'
import { bomIn, bomText, withComponents, withIntegrity } from '../../../provisioning/release/sbom.ts'
import { sharesOf } from '../../../provisioning/release/sizes.ts'
import { debianVersion, dirty } from '../../../provisioning/release/source.ts'
import { entriesBelow, textFile } from '../../../provisioning/release/tree.ts'
import { type Statements, statementsIn, vexText } from '../../../provisioning/release/vex.ts'

const VEX = fileURLToPath(new URL('../../../../provisioning/release/vex.json', import.meta.url))

const X64 = 62
const ARM64 = 183

async function folderWith(t: Test, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'poincon-contents-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), content)
  }
  return root
}

/** The first bytes of a 64-bit little-endian ELF file for a machine, and text behind it. */
function elf(machine: number, text = ''): Buffer {
  const header = Buffer.alloc(64)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(machine, 18)
  return Buffer.concat([header, Buffer.from(text)])
}

function pe(): Buffer {
  const bytes = Buffer.alloc(256)
  bytes.write('MZ')
  bytes.writeUInt32LE(128, 0x3c)
  bytes.write('PE\0\0', 128)
  return bytes
}

test('a program tells its machine, this one’s Node as well', async (t) => {
  t.same(elfOf(elf(ARM64)), { machine: ARM64, width: 2 })
  t.equal(elfOf(Buffer.from('#!/bin/sh\nexit 0\n\n\n\n')), undefined)
  t.equal(elfOf(Buffer.alloc(3)), undefined)
  t.equal(foreignKind(elf(X64), X64), undefined)
  t.equal(foreignKind(elf(ARM64), X64), 'ELF for machine 183')
  t.equal(foreignKind(Buffer.from('cffaedfe0c000001', 'hex'), ARM64), 'Mach-O')
  t.equal(foreignKind(pe(), X64), 'Windows')
  t.equal(
    foreignKind(Buffer.from('MZ is how this text begins, and it is longer than a header of 64 bytes'), X64),
    undefined,
  )
  const own = process.arch === 'arm64' ? ARM64 : X64
  t.equal(elfOf(await headerOf(process.execPath))?.machine, own)
})

test('the newest symbol says which C library a tree needs', (t) => {
  t.equal(newestVersion(Buffer.from('\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.17\0'), 'GLIBC'), '2.34')
  t.equal(newestVersion(Buffer.from('\0GLIBCXX_3.4.22\0GLIBC_2.2.5\0'), 'GLIBCXX'), '3.4.22')
  t.equal(newestVersion(Buffer.from('needs GLIBC_2.99 says a comment'), 'GLIBC'), undefined)
  t.same(['2.4', '2.34', '2.4.1'].sort(byNumbers), ['2.4', '2.4.1', '2.34'])
  t.end()
})

test('a tree of one platform passes; every foreign file is named', async (t) => {
  const native = 'node_modules/sqlite3/build/Release/node_sqlite3.node'
  const own = { 'bin/node': elf(ARM64, '\0GLIBC_2.28\0'), [native]: elf(ARM64, '\0GLIBC_2.34\0') }
  const right = await folderWith(t, own)
  const needs = await inspectTree(right, await entriesBelow(right, () => false), ARM64)
  t.same(needs, { glibc: '2.34', programs: 2 })

  const wrong = await folderWith(t, {
    ...own,
    'node_modules/a/lib.so': elf(X64),
    'node_modules/b/x.dll': 'MZ',
    'node_modules/onnxruntime-node/libonnxruntime_providers_cuda.so': elf(ARM64),
  })
  await t.rejects(inspectTree(wrong, await entriesBelow(wrong, () => false), ARM64), {
    message: [
      'not for this platform:',
      'node_modules/a/lib.so: ELF for machine 62',
      'node_modules/b/x.dll: a name of another system',
      'node_modules/onnxruntime-node/libonnxruntime_providers_cuda.so: CUDA',
    ].join('\n'),
  })
})

test('an SPDX expression is allowed where a choice of it is', (t) => {
  for (const allowed of ['MIT', '(MIT OR WTFPL)', 'GPL-2.0-only OR BSD-3-Clause', '(MIT AND (ISC OR X))']) {
    t.ok(isAllowed(allowed), allowed)
  }
  const refused = [
    'GPL-3.0-only',
    'MIT AND GPL-2.0-only',
    'SEE LICENSE IN LICENSE',
    'UNLICENSED',
    '',
    '(MIT',
    'MIT ISC',
    'OR',
  ]
  for (const one of refused) t.notOk(isAllowed(one), one)
  t.end()
})

const packageJson = (name: string, more: object): string =>
  JSON.stringify({ name, version: '1.0.0', ...more })

test('licences: of every package, with its text once; a foreign one stops the release', async (t) => {
  const root = await folderWith(t, {
    'node_modules/b/package.json': packageJson('b', { license: 'MIT' }),
    'node_modules/b/LICENSE': 'same text\r\n',
    'node_modules/@a/a/package.json': packageJson('@a/a', {
      licenses: [{ type: 'MIT' }, { type: 'GPL-2.0' }],
    }),
    'node_modules/@a/a/license.md': 'same text\n',
    'node_modules/b/node_modules/c/package.json': packageJson('c', { license: { type: 'ISC' } }),
  })
  const found = await licencesBelow(root)
  checkLicences(found)
  t.equal(
    licenceText('Title', found).replaceAll(/[=-]{5,}/g, '--'),
    `Title

@a/a 1.0.0: MIT OR GPL-2.0
b 1.0.0: MIT
c 1.0.0: ISC

--
@a/a 1.0.0
b 1.0.0
--
same text

--
c 1.0.0
--
(ISC; the package carries no text)
`,
  )
  const [one] = found
  t.throws(() => checkLicences([...found, { name: 'x', version: '2', licence: 'SSPL-1.0', text: '' }]), {
    message: 'licences that are not allowed in a release:\nx@2: SSPL-1.0',
  })
  t.equal(one?.name, '@a/a')
})

test('a package that says nothing of its licence stops the release', async (t) => {
  const root = await folderWith(t, { 'node_modules/b/package.json': packageJson('b', {}) })
  await t.rejects(licencesBelow(root), { message: 'b@1.0.0: says nothing of its licence' })
})

const BOM = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { 'bom-ref': 'poincon@1' } },
  components: [
    {
      type: 'library',
      name: 'a',
      'bom-ref': 'a@1',
      properties: [{ name: 'cdx:npm:package:path', value: 'node_modules/a' }],
    },
  ],
  dependencies: [{ ref: 'poincon@1', dependsOn: ['a@1'] }, { ref: 'a@1' }],
}

test('the bill of materials knows digests, Node.js and models, and the time of the commit', (t) => {
  const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`
  const none = { dependencies: {}, optionalDependencies: {}, peerDependencies: {} }
  const bom = withIntegrity(bomIn(JSON.stringify(BOM), 'test'), { 'node_modules/a': { integrity, ...none } })
  const node = { type: 'platform', name: 'node', version: '24.0.0', 'bom-ref': 'node@24.0.0' }
  const whole = bomIn(bomText(withComponents(bom, [node]), '2026-01-02T03:04:05.000Z'), 'test')
  t.match(whole, {
    metadata: { timestamp: '2026-01-02T03:04:05.000Z' },
    components: [{ name: 'a', hashes: [{ alg: 'SHA-512', content: '07'.repeat(64) }] }, { name: 'node' }],
    dependencies: [
      { ref: 'poincon@1', dependsOn: ['a@1', 'node@24.0.0'] },
      { ref: 'a@1' },
      { ref: 'node@24.0.0' },
    ],
  })
  t.throws(() => bomIn('{}', 'somewhere'), { message: /^somewhere: .*bomFormat/s })
  t.end()
})

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const installed = z.looseObject({ version: z.string() })
const lock = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ version: z.string().optional() })),
})

/** What a release of this tree is made of, besides its packages; held to what the lockfile names. */
async function partsOfThisTree(t: Test) {
  const { packages } = lock.parse(JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')))
  const images = join(ROOT, 'node_modules/@img')
  const vips = (await readdir(images)).find((name) => name.startsWith('sharp-libvips-')) ?? ''
  for (const path of ['node_modules/sqlite3', `node_modules/@img/${vips}`]) {
    const { version } = installed.parse(JSON.parse(await readFile(join(ROOT, path, 'package.json'), 'utf8')))
    t.equal(packages[path]?.version, version, `${path} is what the lockfile names`)
  }
  const node = await nodeParts('linux-x64', join(ROOT, 'no-headers-here'))
  return [...node, ...(await libraryParts(ROOT, await sqliteVersion(ROOT)))]
}

test('what we say of vulnerabilities is of versions that the release has', async (t) => {
  const statements = await statementsIn(VEX)
  const text = vexText(
    statements,
    'pkg:generic/poincon@1.2.3',
    await partsOfThisTree(t),
    '2026-01-02T03:04:05.000Z',
  )
  const document: unknown = JSON.parse(text)
  t.match(document, {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    timestamp: '2026-01-02T03:04:05.000Z',
    version: 1,
    statements: statements.statements.map(({ vulnerability, component, status }) => ({
      vulnerability: { name: vulnerability },
      products: [
        {
          '@id': 'pkg:generic/poincon@1.2.3',
          subcomponents: [{ '@id': new RegExp(`^pkg:generic/${component}@\\d+\\.`) }],
        },
      ],
      status,
    })),
  })
  t.notMatch(text, 'fixed_in', 'no word of OpenVEX')
})

test('a statement that its release gives the lie is refused', async (t) => {
  const said = (component: string, fixed_in: string): Statements => ({
    author: 'a',
    statements: [{ vulnerability: 'CVE-2026-1234', component, status: 'fixed', fixed_in, status_notes: '' }],
  })
  const parts = [{ type: 'library', name: 'webp', version: '1.6.0', purl: 'pkg:generic/webp@1.6.0' }]
  const at = '2026-01-02T03:04:05.000Z'
  t.match(vexText(said('webp', '1.6'), 'p', parts, at), 'pkg:generic/webp@1.6.0')
  t.throws(() => vexText(said('webp', '1.6.1'), 'p', parts, at), {
    message: 'vex.json: CVE-2026-1234: fixed in 1.6.1, but webp is 1.6.0: say so',
  })
  t.throws(() => vexText(said('wepb', '1.6.0'), 'p', parts, at), {
    message: /CVE-2026-1234: wepb: expected the name of a part/,
  })
  const root = await folderWith(t, {
    'vex.json':
      '{"author": "a", "statements": [{"vulnerability": "CVE-2026-1234", "component": "x", "status": "not_affected"}]}',
  })
  await t.rejects(statementsIn(join(root, 'vex.json')), { message: /justification/ })
})

test('an archive that is not the pinned one is refused', (t) => {
  const integrity = `sha512-${createHash('sha512').update('node').digest('base64')}`
  t.doesNotThrow(() => checkIntegrity(Buffer.from('node'), integrity, 'n@1'))
  t.throws(() => checkIntegrity(Buffer.from('nodf'), integrity, 'n@1'), {
    message: /^n@1: its archive is sha512-/,
  })
  t.end()
})

test('a tree that is not clean has a version that no release has, and that comes before it', (t) => {
  t.equal(dirty('1.2.3'), '1.2.3-dirty')
  t.equal(dirty('1.2.3-rc.1'), '1.2.3-rc.1.dirty')
  t.equal(debianVersion('1.2.3-rc.1.dirty'), '1.2.3~rc.1.dirty')
  t.equal(debianVersion('1.2.3-a-b'), '1.2.3~a.b')
  t.end()
})

test('sizes are told by share, the largest first', (t) => {
  const entries = [
    textFile('dist/gateway/cli.js', 'xx'),
    textFile('bin/node', 'xxxx'),
    textFile('node_modules/sharp/lib/index.js', 'x'),
    textFile('node_modules/@img/sharp-linux-x64/a.node', 'xx'),
  ]
  t.same(sharesOf(entries), [
    ['Node.js', 4],
    ['sharp and libvips', 3],
    ['gateway', 2],
  ])
  t.end()
})
