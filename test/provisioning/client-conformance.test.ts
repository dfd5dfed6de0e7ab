import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { HostileRepository, LONG_AGO, testKey } from '../fakes/hostile-repository.ts'
import { filesIn, memoryFolder } from '../fakes/hostile-repository-client.ts'

// A dozen processes, each of which loads the client anew.
t.setTimeout(120_000)

const CLIENT = join(import.meta.dirname, '../tools/tuf-client.js')
/** The command asks the system for the time, as the suite (it runs clients under faketime) wants it. */
const NEXT_YEAR = new Date(Date.now() + 365 * 86_400_000).toISOString().replace(/\.\d+/, '')

function run(...args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLIENT, ...args], (error) =>
      resolve(typeof error?.code === 'number' ? error.code : 0),
    )
  })
}

class Suite {
  readonly repository: HostileRepository
  readonly folder: string

  constructor(repository: HostileRepository, folder: string) {
    this.repository = repository
    this.folder = folder
  }

  get metadata(): string {
    return join(this.folder, 'metadata')
  }

  /** Each test of the suite begins so. */
  async init(): Promise<number> {
    const root = join(this.folder, 'initial_root.json')
    writeFileSync(root, this.repository.text('metadata/1.root.json'))
    return await run('--metadata-dir', this.metadata, 'init', root)
  }

  async refresh(): Promise<number> {
    const url = new URL('metadata', this.repository.url).href
    return await run('--metadata-url', url, '--metadata-dir', this.metadata, 'refresh')
  }

  async download(name: string): Promise<number> {
    const where = [
      '--metadata-url',
      new URL('metadata/', this.repository.url).href,
      '--metadata-dir',
      this.metadata,
    ]
    const what = ['--target-name', name, '--target-dir', join(this.folder, 'targets')]
    return await run(
      ...where,
      ...what,
      '--target-base-url',
      new URL('targets/', this.repository.url).href,
      'download',
    )
  }

  /** Versions of the roles it trusts, as the suite reads them: every `.json` file. */
  trusted(): Record<string, number> {
    const names = filesIn(this.metadata).filter((name) => name.endsWith('.json'))
    const version = (name: string): number =>
      JSON.parse(readFileSync(join(this.metadata, name), 'utf8')).signed.version
    return Object.fromEntries(names.map((name) => [decodeURIComponent(name.slice(0, -5)), version(name)]))
  }

  artifacts(): string[] {
    return filesIn(this.folder, 'targets').map((name) =>
      readFileSync(join(this.folder, 'targets', name), 'utf8'),
    )
  }
}

async function suite(t: Test): Promise<Suite> {
  const repository = await HostileRepository.open()
  t.teardown(() => repository.close())
  for (const role of [...Object.values(repository.top), ...repository.delegations]) role.expires = NEXT_YEAR
  repository.top.root.version = 0
  repository.publishRoot()
  repository.publish()
  return new Suite(repository, memoryFolder(t))
}

test('init, refresh, download: exit codes, requests, files', async (t) => {
  const client = await suite(t)
  const { repository } = client
  repository.add('targets', 'path/to/a/target file.txt', Buffer.from('of the top'))
  repository.publish()
  t.equal(await client.init(), 0)
  t.same(repository.requests, [], 'init asks nothing')
  t.equal(await client.refresh(), 0)
  t.same(repository.requests, [
    'metadata/2.root.json',
    'metadata/timestamp.json',
    'metadata/4.snapshot.json',
    'metadata/4.targets.json',
  ])
  t.same(client.trusted(), { root: 1, timestamp: 4, snapshot: 4, targets: 4 })
  for (const role of ['root', 'timestamp']) {
    const served = repository.text(`metadata/${role === 'root' ? '1.root' : role}.json`)
    t.equal(readFileSync(join(client.metadata, `${role}.json`), 'utf8'), served, 'byte for byte')
  }
  t.same(client.artifacts(), [])
  t.equal(await client.download('nonexistent artifact'), 1)
  t.equal(await client.download('path/to/a/target file.txt'), 0)
  t.same(client.artifacts(), ['of the top'])
  repository.requests.length = 0
  t.equal(await client.download('path/to/a/target file.txt'), 0)
  t.notOk(
    repository.requests.some((path) => path.startsWith('targets/')),
    'what it has is not asked for again',
  )
})

test('what the suite expects refused is refused, and only what was in order is kept', async (t) => {
  const client = await suite(t)
  const { repository } = client
  await client.init()
  await client.refresh()
  const accepted = client.trusted()
  repository.replay('metadata/timestamp.json')
  t.equal(await client.refresh(), 1, 'test_new_timestamp_version_rollback')
  t.same(client.trusted(), accepted)
  repository.publishSnapshot({}, [testKey()])
  repository.publishTimestamp()
  t.equal(await client.refresh(), 1, 'test_non_root_rotations: not signed with the expected key')
  t.same(client.trusted(), { ...accepted, timestamp: 4 })
  repository.top.root.expires = LONG_AGO
  repository.publishRoot()
  t.equal(await client.refresh(), 1, 'test_root_expired')
  t.same(client.trusted(), { ...accepted, root: 2, timestamp: 4 })
})

test('delegations: the order of the search, and names that are no file names', async (t) => {
  const client = await suite(t)
  const { repository } = client
  const star = { paths: ['*'], expires: NEXT_YEAR }
  for (const name of ['A', '../B', '?#']) repository.delegate({ ...star, name })
  repository.delegate({ ...star, name: 'C', by: 'A' })
  repository.publish()
  await client.init()
  t.equal(await client.download('missingpath'), 1)
  t.same(
    repository.requests.slice(4),
    ['A', 'C', '../B', '?#'].map((name) => `metadata/1.${name}.json`),
  )
  t.same(Object.keys(client.trusted()).length, 8)
  t.same(
    filesIn(client.folder).filter((name) => name !== 'initial_root.json'),
    ['metadata'],
    'nothing beside the folder it was given',
  )
})

test('called otherwise: exit code 64', async (t) => {
  t.equal(await run('--metadata-dir', '/nonexistent', 'upgrade'), 64)
  t.equal(await run('refresh'), 64)
})
