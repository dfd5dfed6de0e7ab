import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { z } from 'zod'
import { Publisher, TufDevice } from '../../fakes/publisher.ts'

const RECIPE = 'beta/recipe/cans-1.0.0.json'
const change = z.looseObject({
  files: z.array(z.string()),
  waiting: z.array(z.looseObject({ role: z.string() })),
})

test('thresholds: two of three hold the root, each signs on a stick', async (t) => {
  const publisher = await Publisher.open()
  t.teardown(() => publisher.close())
  await publisher.key('ann')
  await publisher.key('ben', 'ecdsa')
  for (const name of ['cleo', 'online', 'stranger']) await publisher.key(name)
  const holders = ['ann', 'ben', 'cleo'].flatMap((name) => ['--root', publisher.pub(name)])
  await publisher.must(
    'init',
    ...holders,
    '--root-threshold',
    '2',
    '--targets',
    publisher.pub('ann'),
    '--online',
    publisher.pub('online'),
  )
  const stick = publisher.path('stick')
  await cp(join(publisher.dir, 'staged'), stick, { recursive: true })
  const file = join(stick, 'root.json')

  await publisher.must('sign', '--key', publisher.path('ann.key'))
  const publish = ['publish', '--online-key', publisher.path('online.key')]
  t.equal(await publisher.run(...publish), 1)
  t.match(publisher.warned, /root version 1 has 1 of 2 signatures; not yet by/)
  t.same(await readdir(join(publisher.dir, 'public/targets')), [])

  await publisher.must('sign', file, '--key', publisher.path('stranger.key'))
  t.equal(await publisher.run(...publish, '--from', stick), 1)
  t.match(publisher.warned, /signature of [0-9a-f]{12}: not of a key of root, or wrong/)

  await cp(join(publisher.dir, 'staged'), stick, { recursive: true })
  await publisher.must('sign', file, '--key', publisher.path('ben.key'))
  await publisher.must(...publish, '--from', stick)
  const device = await TufDevice.installed(publisher)
  t.equal(await device.read(RECIPE), undefined)
  t.match(await readFile(join(publisher.dir, 'public/metadata/1.root.json'), 'utf8'), /"signed"/)
})

test('what is not signed enough waits, and holds back nothing else', async (t) => {
  const publisher = await Publisher.open()
  t.teardown(() => publisher.close())
  for (const name of ['root', 'ann', 'ben', 'online']) await publisher.key(name)
  const both = `${publisher.pub('ann')},${publisher.pub('ben')}`
  const root = publisher.pub('root')
  await publisher.must(
    'init',
    '--root',
    root,
    '--targets',
    root,
    '--online',
    publisher.pub('online'),
    '--channel',
    `stable=2:${both}`,
    '--channel',
    'beta',
  )
  await publisher.release('root', 'ann', 'ben')
  const file = publisher.path('cans-1.0.0.json')
  await writeFile(file, '{}')
  for (const channel of ['stable', 'beta'])
    await publisher.must('add', file, '--channel', channel, '--kind', 'recipe')
  await publisher.must('sign', '--key', publisher.path('root.key'), '--key', publisher.path('ann.key'))
  t.equal(await publisher.run('publish', '--online-key', publisher.path('online.key'), '--json'), 4)
  t.same(
    change.parse(JSON.parse(publisher.said)).waiting.map(({ role }) => role),
    ['stable'],
  )
  const device = await TufDevice.installed(publisher)
  t.equal(await device.read(RECIPE), '{}')
  t.equal(await device.read('stable/recipe/cans-1.0.0.json'), undefined)
  await publisher.release('ben')
  t.equal(await device.read('stable/recipe/cans-1.0.0.json'), '{}')
})

test('a device that comes between any two writes sees the old whole or the new, also while every key changes', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  await publisher.recipe('1.0.0')
  const open = join(publisher.dir, 'public')
  const device = await TufDevice.installed(publisher)
  await device.read(RECIPE)
  const old = publisher.path('old')
  await cp(open, old, { recursive: true })

  const ids = [await publisher.key('root2'), await publisher.key('online2', 'ecdsa')]
  const first = JSON.parse(await readFile(publisher.pub('root'), 'utf8')).keyid
  const online = JSON.parse(await readFile(publisher.pub('online'), 'utf8')).keyid
  await publisher.must('revoke', 'key', first, '--replace-by', publisher.pub('root2'))
  await publisher.must('revoke', 'key', online, '--replace-by', publisher.pub('online2'))
  const next = publisher.path('cans-2.0.0.json')
  await writeFile(next, 'two')
  await publisher.must('add', next, '--channel', 'beta', '--kind', 'recipe')
  const publish = [
    'publish',
    '--online-key',
    publisher.path('online.key'),
    '--online-key',
    publisher.path('online2.key'),
    '--json',
  ]
  await publisher.must('sign', '--key', publisher.path('root2.key'))
  t.equal(await publisher.run(...publish), 4, 'the old root key has to let go')
  const waits = change.parse(JSON.parse(publisher.said)).waiting
  t.match(waits[0], { role: 'root', version: 2, by: [], threshold: 1, against: 'published' })
  await publisher.must('sign', '--key', publisher.path('root.key'))
  await publisher.must(...publish)
  const { files } = change.parse(JSON.parse(publisher.said))
  t.equal(files.at(-1), 'metadata/2.root.json')
  t.equal(files.at(-2), 'metadata/timestamp.json')

  await cp(join(open, 'targets'), join(old, 'targets'), { recursive: true })
  for (const [written, file] of ['nothing', ...files].entries()) {
    if (written > 0) await cp(join(open, file), join(old, file))
    const visitor = await device.twin(publisher.path(`device-${written}`), `${publisher.url}/old`)
    t.equal(await visitor.read(RECIPE), '{"recipe":"cans","version":"1.0.0"}\n', `after ${file}`)
    const done = written >= files.length - 1
    t.equal(await visitor.read('beta/recipe/cans-2.0.0.json'), done ? 'two' : undefined, `after ${file}`)
  }
  const root = await readFile(join(open, 'metadata/2.root.json'), 'utf8')
  for (const id of ids) t.ok(root.includes(id))
  const { signed } = JSON.parse(root)
  t.notOk(JSON.stringify(signed).includes(first), 'the old root key is trusted in nothing')
})

test('a key file: wrong passphrase, altered, overwritten, readable by others', async (t) => {
  const publisher = await Publisher.open()
  t.teardown(() => publisher.close())
  await publisher.key('ann')
  const file = publisher.path('ann.key')
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal(await publisher.run('key', 'new', file), 1)
  t.match(publisher.warned, /ann\.key: exists: a key is never overwritten/)
  const key = JSON.parse(await readFile(file, 'utf8'))
  await publisher.must(
    'init',
    '--root',
    publisher.pub('ann'),
    '--targets',
    publisher.pub('ann'),
    '--online',
    publisher.pub('ann'),
  )
  await writeFile(publisher.passphraseFile, 'another passphrase\n')
  t.equal(await publisher.run('sign', '--key', file), 1)
  t.match(publisher.warned, /ann\.key: wrong passphrase, or the file was altered/)
  await writeFile(file, JSON.stringify({ ...key, kdf: { ...key.kdf, n: 1024 } }))
  t.equal(await publisher.run('sign', '--key', file), 1)
  t.match(publisher.warned, /ann\.key: kdf\.n: .*expected a key file/)
  await writeFile(publisher.pub('ann'), JSON.stringify({ ...key.public, keyid: '0'.repeat(64) }))
  t.equal(await publisher.run('key', 'show', publisher.pub('ann')), 1)
  t.match(publisher.warned, /keyid: 0+ is not the id of this key/)
})

test('a channel for a customer, with a key of its own', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const device = await TufDevice.installed(publisher)
  await publisher.key('customer')
  await publisher.must('role', 'customer-maison', '--add', publisher.pub('customer'))
  await publisher.release('root', 'customer')
  const file = publisher.path('cans-1.0.0.json')
  await writeFile(file, 'theirs')
  await publisher.must('add', file, '--channel', 'customer-maison', '--kind', 'recipe')
  await publisher.release('customer')
  t.equal(await device.read('customer-maison/recipe/cans-1.0.0.json'), 'theirs')
})
