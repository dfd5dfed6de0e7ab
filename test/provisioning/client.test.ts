import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Test, test } from 'tap'
import { IntegrityError, RepositoryAway } from '../../provisioning/tuf-errors.ts'
import { HostileRepository, LONG_AGO, NOW, testKey } from '../fakes/hostile-repository.ts'
import {
  clientOf,
  clockAt,
  DEVICE,
  filesIn,
  install,
  memoryFolder,
} from '../fakes/hostile-repository-client.ts'

const { signal } = new AbortController()

async function stand(t: Test): Promise<{ repository: HostileRepository; folder: string }> {
  const repository = await HostileRepository.open()
  t.teardown(() => repository.close())
  const folder = memoryFolder(t)
  install(folder, repository)
  return { repository, folder }
}

test('a device is offered the newest release that suits it, and brings it', async (t) => {
  const { repository, folder } = await stand(t)
  repository.release('1.1.0', Buffer.from('one one'))
  repository.release('1.2.0', Buffer.from('one two'))
  repository.release('1.9.0', Buffer.from('for another board'), { platform: 'linux-arm64' })
  repository.release('2.0.0', Buffer.from('not from here'), { min_version: '1.2.0' })
  repository.release('0.9.0', Buffer.from('older'))
  repository.publish()
  const client = clientOf(folder, repository)
  const [offer, ...others] = await client.check(signal)
  t.equal(others.length, 0)
  t.match(offer, {
    path: 'stable/release/poincon-1.2.0-linux-x64.tar.gz',
    channel: 'stable',
    from: '1.0.0',
    length: 7,
    facts: { kind: 'release', name: 'poincon', version: '1.2.0' },
  })
  if (offer === undefined) return
  const seen: number[] = []
  const { path } = await client.fetch(offer, { signal, onProgress: (received) => seen.push(received) })
  t.equal(readFileSync(path, 'utf8'), 'one two')
  t.equal(seen.at(-1), 7)
  t.same(filesIn(folder, 'var/tuf'), [
    '.trust',
    'rollout.json',
    'root.json',
    'snapshot.json',
    'stable.json',
    'targets.json',
    'timestamp.json',
  ])
})

test('each kind is offered for itself; what is as new is not offered', async (t) => {
  const { repository, folder } = await stand(t)
  const recipe = { kind: 'recipe', platform: undefined } as const
  const facts = (name: string) => ({ ...recipe, name })
  for (const name of ['cans', 'jars', 'tins']) {
    const { platform: _, ...custom } = {
      schema: 'poincon.target/1' as const,
      version: '3.0.0',
      ...facts(name),
    }
    repository.add('stable', `stable/recipe/${name}-3.0.0.json`, Buffer.from(name), custom)
    repository.stages.set(`recipe/${name}/3.0.0`, {
      percent: 100,
      state: 'running',
      failure_limit: 1,
      from: LONG_AGO,
    })
  }
  repository.publish()
  const installed = { 'recipe/cans': '2.1.0', 'recipe/jars': '3.0.0' }
  const offers = await clientOf(folder, repository, { device: () => ({ ...DEVICE, installed }) }).check(
    signal,
  )
  t.same(
    offers.map(({ facts: { name }, from }) => [name, from]),
    [
      ['cans', '2.1.0'],
      ['tins', undefined],
    ],
  )
})

test('a rollout says whose turn it is; a stick that somebody brings does not wait for it', async (t) => {
  const { repository, folder } = await stand(t)
  repository.release('1.1.0', Buffer.from('one one'))
  repository.release('1.2.0', Buffer.from('one two'))
  const stage = { percent: 100, state: 'running', failure_limit: 0.1, from: LONG_AGO } as const
  const versions = async (everything = false) => {
    repository.publish()
    const offers = await clientOf(folder, repository, { everything }).check(signal)
    return offers.map(({ facts }) => facts.version)
  }
  repository.stages.set('release/poincon/1.2.0', { ...stage, percent: 0 })
  t.same(await versions(), ['1.1.0'], 'what is not for it yet does not hide what is')
  t.same(await versions(true), ['1.2.0'])
  repository.stages.set('release/poincon/1.2.0', { ...stage, sites: ['oslo'] })
  t.same(await versions(), ['1.1.0'])
  repository.stages.set('release/poincon/1.2.0', { ...stage, sites: ['oslo', 'pau'] })
  t.same(await versions(), ['1.2.0'])
  repository.stages.set('release/poincon/1.2.0', { ...stage, state: 'halted' })
  t.same(await versions(), ['1.1.0'])
  t.same(await versions(true), ['1.1.0'], 'halted is halted for everyone')
  repository.stages.clear()
  t.same(await versions(), [], 'published is not rolled out')
})

test('the same repository in a folder: the same checks', async (t) => {
  const { repository, folder } = await stand(t)
  const { path } = repository.release('1.1.0', Buffer.from('one one'))
  repository.publish()
  const stick = join(folder, 'stick of somebody')
  repository.writeTo(stick)
  const client = clientOf(folder, repository, { repository: pathToFileURL(stick) })
  const [offer] = await client.check(signal)
  t.equal(offer?.path, path)
  if (offer === undefined) return
  const served = join(stick, repository.served(path, offer.hash))
  writeFileSync(served, 'one 0ne')
  await t.rejects(client.fetch(offer, { signal }), { name: 'IntegrityError', code: 'mismatch' })
  writeFileSync(served, 'one one')
  const { path: kept } = await client.fetch(offer, { signal })
  t.equal(readFileSync(kept, 'utf8'), 'one one')
  t.same(repository.requests, [], 'nobody was asked over the network')
  const gone = clientOf(folder, repository, { repository: pathToFileURL(join(folder, 'no stick')) })
  await t.rejects(gone.check(signal), { name: 'RepositoryAway', code: 'missing' })
})

test('what was installed meanwhile is not installed again; what was not offered is not brought', async (t) => {
  const { repository, folder } = await stand(t)
  repository.release('1.1.0', Buffer.from('one one'))
  repository.publish()
  let release = '1.0.0'
  const client = clientOf(folder, repository, { device: () => ({ ...DEVICE, release }) })
  const [offer] = await client.check(signal)
  t.ok(offer)
  if (offer === undefined) return
  release = '1.1.0'
  await t.rejects(client.fetch(offer, { signal }), { name: 'IntegrityError', code: 'downgrade' })
  t.same(await client.check(signal), [])
  await t.rejects(client.fetch(offer, { signal }), { name: 'RepositoryAway', code: 'not-offered' })
})

test('a channel that is not there is said by its name', async (t) => {
  const { repository, folder } = await stand(t)
  const client = clientOf(folder, repository, { channel: 'customer-acme' })
  await t.rejects(client.check(signal), { code: 'no-channel', message: /customer-acme/ })
})

test('a clock that runs behind does not make young again what has expired', async (t) => {
  const { repository, folder } = await stand(t)
  const at = (wall: string, clockIsSet: boolean) => ({
    clock: clockAt(Date.parse(wall)),
    clockIsSet: () => clockIsSet,
  })
  const client = (wall: string, set = false) => clientOf(folder, repository, at(wall, set))
  t.same(await client('1970-01-01T00:00:10Z').check(signal), [], 'first boot: valid since it was built')
  await client(new Date(NOW).toISOString(), true).check(signal)
  repository.top.timestamp.expires = '2026-05-20T00:00:00Z'
  repository.publish()
  await t.rejects(
    client('2026-05-10T00:00:00Z').check(signal),
    { name: 'IntegrityError', code: 'expired' },
    'an earlier refresh has seen a later day than this clock says',
  )
})

test('a clock that runs ahead: no alarm while nobody has set it', async (t) => {
  const { repository, folder } = await stand(t)
  const clock = clockAt(Date.parse('2031-01-01T00:00:00Z'))
  const unset = clientOf(folder, repository, { clock, clockIsSet: () => false })
  await t.rejects(unset.check(signal), { name: 'RepositoryAway', code: 'clock', message: /2031-01-01/ })
  const set = clientOf(folder, repository, { clock, clockIsSet: () => true })
  await t.rejects(set.check(signal), { name: 'IntegrityError', code: 'expired' })
  t.same(await clientOf(folder, repository).check(signal), [], 'and nothing of it stays behind')
})

test('metadata that a power cut left half written is replaced; the root begins again where it was installed', async (t) => {
  const { repository, folder } = await stand(t)
  repository.publishRoot()
  repository.publish()
  await clientOf(folder, repository).check(signal)
  for (const name of filesIn(folder, 'var/tuf')) {
    for (const length of [0, 1, 200]) {
      truncateSync(join(folder, 'var/tuf', name), length)
      t.same(await clientOf(folder, repository).check(signal), [], `${name} cut to ${length} bytes`)
    }
  }
  t.match(readFileSync(join(folder, 'var/tuf/root.json'), 'utf8'), /"version":2/)
})

test('killed between any two files it keeps: the next check accepts what is there', async (t) => {
  const { repository, folder } = await stand(t)
  const cache = join(folder, 'var/tuf')
  await clientOf(folder, repository).check(signal)
  const read = () => new Map(filesIn(cache).map((name) => [name, readFileSync(join(cache, name))]))
  const before = read()
  repository.publishRoot()
  repository.release('1.1.0', Buffer.from('one one'))
  repository.publish()
  await clientOf(folder, repository).check(signal)
  const after = read()
  // The order in which they are replaced: what others are held against comes first.
  const order = [
    'root.json',
    'rollout.json',
    'stable.json',
    'targets.json',
    'snapshot.json',
    'timestamp.json',
    '.trust',
  ]
  t.same([...order].sort(), [...after.keys()].sort())
  for (let done = 0; done <= order.length; done++) {
    for (const [place, name] of order.entries()) {
      writeFileSync(join(cache, name), (place < done ? after : before).get(name) ?? '')
    }
    const offers = await clientOf(folder, repository).check(signal)
    t.same(
      offers.map(({ facts }) => facts.version),
      ['1.1.0'],
      `killed after ${done} files`,
    )
  }
})

test('a killed write leaves a file beside, which goes', async (t) => {
  const { repository, folder } = await stand(t)
  await clientOf(folder, repository).check(signal)
  const beside = join(folder, 'var/tuf', `timestamp.json.${process.pid}`)
  writeFileSync(beside, 'half')
  repository.publish()
  await clientOf(folder, repository).check(signal)
  t.notOk(existsSync(beside))
  t.match(readFileSync(join(folder, 'var/tuf/timestamp.json'), 'utf8'), /"version":3/)
})

test('another installed root begins another chain of trust', async (t) => {
  const { repository, folder } = await stand(t)
  await clientOf(folder, repository).check(signal)
  // All keys lost: a new root, on the device by hand.
  repository.top.root.keys = [testKey(), testKey()]
  repository.top.root.version = 0
  repository.publishRoot()
  repository.publishRoot()
  await t.rejects(clientOf(folder, repository).check(signal), IntegrityError)
  install(folder, repository)
  t.same(await clientOf(folder, repository).check(signal), [])
})

test('no root, no updates', async (t) => {
  const { repository, folder } = await stand(t)
  const root = join(folder, 'root.json')
  const broken = ['', '{}', readFileSync(root, 'utf8').replace('"version":1', '"version":7')]
  for (const text of broken) {
    writeFileSync(root, text)
    await t.rejects(clientOf(folder, repository).check(signal), { name: 'IntegrityError', code: 'no-root' })
  }
  t.same(repository.requests, [], 'nothing was asked')
})

test('a check can be given up', async (t) => {
  const { repository, folder } = await stand(t)
  const stop = new AbortController()
  repository.handlers.set('metadata/timestamp.json', () => stop.abort(new Error('enough')))
  await t.rejects(clientOf(folder, repository).check(stop.signal), { message: 'enough' })
  repository.handlers.clear()
  t.same(await clientOf(folder, repository).check(signal), [])
})

test('a repository that is away is away', async (t) => {
  const { repository, folder } = await stand(t)
  const client = clientOf(folder, repository)
  repository.handlers.set('metadata/timestamp.json', (_, response) => void response.writeHead(503).end())
  await t.rejects(client.check(signal), { name: 'RepositoryAway', code: 'answer' })
  repository.handlers.set('metadata/timestamp.json', (_, response) => void response.destroy())
  await t.rejects(client.check(signal), RepositoryAway)
  const nobody = clientOf(folder, repository, { repository: new URL('http://127.0.0.1:1/') })
  await t.rejects(nobody.check(signal), { name: 'RepositoryAway', code: 'unreachable' })
})
