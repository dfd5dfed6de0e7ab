import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { create } from 'tar'
import { Publisher, TufDevice } from '../../fakes/publisher.ts'

const RECIPE = 'beta/recipe/cans-1.0.0.json'
test('from keys to a device that trusts what is published', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  await publisher.recipe('1.0.0')
  const device = await TufDevice.installed(publisher)
  t.equal(await device.read(RECIPE), '{"recipe":"cans","version":"1.0.0"}\n')
  t.equal(await device.read('stable/recipe/cans-1.0.0.json'), undefined)

  await publisher.must('promote', 'recipe/cans/1.0.0', '--from', 'beta', '--to', 'stable')
  await publisher.release('root')
  t.equal(await device.read('stable/recipe/cans-1.0.0.json'), '{"recipe":"cans","version":"1.0.0"}\n')
  const [beta] = await readdir(join(publisher.dir, 'public/targets/beta/recipe'))
  const { nlink } = await stat(join(publisher.dir, 'public/targets/beta/recipe', String(beta)))
  t.equal(nlink, 2, 'one file, two addresses')

  await publisher.must('revoke', 'target', 'recipe/cans/1.0.0', '--channel', 'beta')
  t.equal(await device.read(RECIPE), '{"recipe":"cans","version":"1.0.0"}\n', 'until it is published')
  await publisher.release('root')
  t.equal(await device.read(RECIPE), undefined)
  t.same(await readdir(join(publisher.dir, 'public/targets/beta/recipe')), [], 'nor is the file served')
  t.equal(await device.read('stable/recipe/cans-1.0.0.json'), '{"recipe":"cans","version":"1.0.0"}\n')
})

test('a release says itself what it is', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const tree = publisher.path('tree')
  await mkdir(tree)
  const facts = { schema: 'poincon.release/1', version: '1.5.0', platform: 'linux-arm64', store_schema: 31 }
  await writeFile(join(tree, 'release.json'), JSON.stringify({ ...facts, commit: 'c0ffee', node: '22.12.0' }))
  const file = publisher.path('poincon-1.5.0-linux-arm64.tar.gz')
  await create({ file, cwd: tree, gzip: true }, ['release.json'])
  const said = await publisher.json('add', file, '--channel', 'beta', '--notes', 'Faster looks.')
  t.match(said, {
    path: 'beta/release/poincon-1.5.0-linux-arm64.tar.gz',
    target: { kind: 'release', name: 'poincon', version: '1.5.0', platform: 'linux-arm64', store_schema: 31 },
  })
  t.equal(await publisher.run('add', file, '--channel', 'beta', '--version', '1.6.0'), 1)
  t.match(publisher.warned, /--version 1\.6\.0: .* says that it is 1\.5\.0/)
})

test('a version is never published twice with other bytes', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const file = await publisher.recipe('1.0.0')
  await writeFile(file, 'something else')
  t.equal(await publisher.run('add', file, '--channel', 'beta', '--kind', 'recipe'), 1)
  t.match(publisher.warned, /cans-1\.0\.0\.json: published with other bytes .*expected a new version/)
  t.equal((await readdir(join(publisher.dir, 'public/targets/beta/recipe'))).length, 1)
})

test('refresh renews timestamp and snapshot without showing what is staged', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const file = publisher.path('cans-1.0.0.json')
  await writeFile(file, '{}')
  await publisher.must('add', file, '--channel', 'beta', '--kind', 'recipe')
  await publisher.must('sign', '--key', publisher.path('root.key'))
  const device = await TufDevice.installed(publisher)
  await publisher.must('refresh', '--online-key', publisher.path('online.key'))
  t.equal(await device.read(RECIPE), undefined)
  t.match(await publisher.json('status'), { staged: [{ role: 'beta', version: 2 }], waiting: [] })

  publisher.wallMs = () => Date.now() + 6.5 * 86_400_000
  t.equal(await publisher.run('status', '--json'), 3, 'the timestamp runs out')
  t.match(JSON.parse(publisher.said).roles.at(-1), { role: 'timestamp', version: 2, state: 'soon' })
  await publisher.must('refresh', '--online-key', publisher.path('online.key'))
  t.equal(await publisher.run('status'), 0)
})

test('a channel past its date does not take the others with it', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  publisher.wallMs = () => Date.now() + 190 * 86_400_000
  t.equal(await publisher.run('status', '--json'), 3)
  const expired = JSON.parse(publisher.said).roles.filter(
    (role: { state: string }) => role.state === 'expired',
  )
  t.ok(expired.some((role: { role: string }) => role.role === 'beta'))
  await publisher.must('refresh', '--online-key', publisher.path('online.key'))
  await publisher.must('renew', 'stable')
  publisher.wallMs = () => Date.now() + 400 * 86_400_000
  await publisher.must('sign', '--key', publisher.path('root.key'))
  t.equal(await publisher.run('publish', '--online-key', publisher.path('online.key')), 1)
  t.match(publisher.warned, /stable version 2: expires .*, which is past: poincon repo renew stable/)
})

test('old snapshots go, roots stay', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const settings = join(publisher.dir, 'repo.json')
  await writeFile(
    settings,
    JSON.stringify({ ...JSON.parse(await readFile(settings, 'utf8')), keep_versions: 3 }),
  )
  for (let round = 0; round < 5; round++)
    await publisher.must('refresh', '--online-key', publisher.path('online.key'))
  const names = await readdir(join(publisher.dir, 'public/metadata'))
  t.same(names.filter((name) => name.includes('snapshot')).sort(), [
    '4.snapshot.json',
    '5.snapshot.json',
    '6.snapshot.json',
  ])
  t.ok(names.includes('1.root.json'))
})

test('what cannot be is refused, and says what was expected', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const file = await publisher.recipe('1.0.0')
  const id = JSON.parse(await readFile(publisher.pub('root'), 'utf8')).keyid
  const refused: readonly (readonly [RegExp, ...string[]])[] = [
    [/channel "customer-none": there is none/, 'add', file, '--channel', 'customer-none', '--kind', 'recipe'],
    [
      /--version "1\.0": expected a version as 1\.4\.0/,
      'add',
      file,
      '--channel',
      'beta',
      '--kind',
      'recipe',
      '--version',
      '1.0',
    ],
    [/--kind "toy": /, 'add', file, '--channel', 'beta', '--kind', 'toy'],
    [/--kind: missing: .* is no release/, 'add', file, '--channel', 'beta'],
    [
      /recipe\/jars\/1\.0\.0: not in channel beta/,
      'promote',
      'recipe/jars/1.0.0',
      '--from',
      'beta',
      '--to',
      'stable',
    ],
    [/role root: 0 keys would be left/, 'revoke', 'key', id],
    [
      /threshold 2: expected a whole number from 1 to 1|1 keys would be left, and its threshold is 2/,
      'role',
      'root',
      '--threshold',
      '2',
    ],
    [/channel "dev": expected stable, beta or customer-NAME/, 'role', 'dev', '--add', publisher.pub('root')],
    [/--online-key: missing/, 'publish'],
    [/nothing staged for it to sign/, 'sign', '--key', publisher.path('root.key')],
    [
      /timestamp: signed by 0 of 1 online keys|snapshot: signed by 0 of 1/,
      'refresh',
      '--online-key',
      publisher.path('root.key'),
    ],
  ]
  for (const [message, ...args] of refused) {
    t.equal(await publisher.run(...args), 1, args.join(' '))
    t.match(publisher.warned, message)
  }
  t.equal(await publisher.run('frobnicate'), 2)
  t.match(await publisher.json('status'), { staged: [], waiting: [] })
})
