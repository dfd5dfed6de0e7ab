import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { test } from 'tap'
import { create } from 'tar'
import { systemClock } from '../../drivers/clock.ts'
import { type OpenOptions, openClient } from '../../provisioning/client.ts'
import { DEVICE } from '../fakes/hostile-repository-client.ts'
import { Publisher } from '../fakes/publisher.ts'

t.setTimeout(120_000)

const { signal } = new AbortController()
const KEY = 'release/poincon/1.5.0'

/** A packed release, as far as `repo add` looks into it. */
async function packed(publisher: Publisher, version: string): Promise<string> {
  const tree = publisher.path(`tree-${version}`)
  await mkdir(tree)
  const facts = { schema: 'poincon.release/1', version, platform: 'linux-x64', store_schema: 31 }
  await writeFile(join(tree, 'release.json'), JSON.stringify({ ...facts, commit: 'c0ffee', node: '22.12.0' }))
  const file = publisher.path(`poincon-${version}-linux-x64.tar.gz`)
  await create({ file, cwd: tree, gzip: true }, ['release.json'])
  return file
}

test('what `poincon repo` publishes, a gateway is offered: over the network and from a stick', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const rootFile = publisher.path('update-root.json')
  await cp(join(publisher.dir, 'public/metadata/1.root.json'), rootFile)
  const client = (repository: URL, options: Partial<OpenOptions> = {}) =>
    openClient({
      repository,
      rootFile,
      folder: publisher.path('device'),
      channel: 'stable',
      device: () => DEVICE,
      clock: systemClock,
      builtAt: Date.parse('2026-01-01T00:00:00Z'),
      network: { proxy: () => undefined },
      disk: { reserveBytes: 0 },
      ...options,
    })
  const site = new URL(`${publisher.url}/repo/public`)
  const stick = pathToFileURL(join(publisher.dir, 'public'))
  const offered = async (source: URL, options?: Partial<OpenOptions>): Promise<string[]> => {
    const offers = await client(source, options).check(signal)
    return offers.map(({ path }) => path)
  }
  const file = await packed(publisher, '1.5.0')
  const path = 'stable/release/poincon-1.5.0-linux-x64.tar.gz'
  await publisher.must('add', file, '--channel', 'stable')
  await publisher.release('root')
  t.same(await offered(site), [], 'published is not rolled out')
  t.same(await offered(stick, { everything: true }), [path], 'unless somebody brings it')

  const online = ['--channel', 'stable', '--online-key', publisher.path('online.key')]
  await publisher.must('rollout', KEY, '--percent', '100', ...online)
  t.same(await offered(site), [path])
  t.same(await offered(stick), [path])
  for (const source of [site, stick]) {
    const device = client(source, { folder: publisher.path(`device-${source.protocol}`) })
    const [offer] = await device.check(signal)
    t.match(offer?.facts, { kind: 'release', version: '1.5.0', store_schema: 31 })
    if (offer === undefined) return
    const brought = await device.fetch(offer, { signal })
    t.ok((await readFile(brought.path)).equals(await readFile(file)))
  }

  await publisher.must('rollout', KEY, '--halt', ...online)
  t.same(await offered(site), [])
  t.same(await offered(stick, { everything: true }), [], 'halted is halted')
  await publisher.must('rollout', KEY, '--resume', ...online)
  t.same(await offered(site), [path])
  await publisher.must('revoke', 'target', KEY, ...online)
  t.same(await offered(site), [], 'revoked: from this moment')
})
