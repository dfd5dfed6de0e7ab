import { mkdir, mkdtemp, readdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { Slots } from '../../provisioning/slots.ts'
import { plainStep } from '../../provisioning/update-steps.ts'

async function install(folder: string, version: string, at = folder): Promise<void> {
  const slot = join(at, 'releases', version)
  await mkdir(slot, { recursive: true })
  const facts = {
    schema: 'poincon.release/1',
    version,
    commit: 'c',
    platform: 'linux-x64',
    node: '22.1.0',
    store_schema: 6,
  }
  await writeFile(join(slot, 'release.json'), JSON.stringify(facts))
}

async function slotsOf(t: Test, ...versions: readonly string[]): Promise<Slots> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-slots-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'releases'))
  for (const version of versions) await install(folder, version)
  return new Slots(folder, plainStep)
}

test('a pointer leads to a whole release, or stays', async (t) => {
  const slots = await slotsOf(t, '1.0.0', '1.1.0')
  t.equal(await slots.pointed('current'), undefined)
  await slots.point('current', '1.0.0')
  await slots.point('current', '1.1.0')
  t.equal(
    await readlink(join(slots.folder, 'current')),
    'releases/1.1.0',
    'relative: the folder can be mounted elsewhere',
  )
  await t.rejects(slots.point('current', '1.2.0'), /release 1\.2\.0 is not installed/)
  t.equal(await slots.pointed('current'), '1.1.0')
  await rm(join(slots.path('1.1.0'), 'release.json'))
  t.equal(await slots.pointed('current'), undefined, 'half of one is none')
})

test('a release gets its name when all of it is there', async (t) => {
  const slots = await slotsOf(t)
  const incoming = await slots.clearIncoming('1.0.0')
  t.equal(await slots.facts('1.0.0'), undefined)
  await t.rejects(slots.admit('1.0.0'), /release\.json is missing or wrong/)
  await install(slots.folder, '1.0.1')
  await writeFile(join(incoming, 'release.json'), '{"schema":"poincon.release/1"')
  await t.rejects(slots.admit('1.0.0'), /release\.json is missing or wrong/)
  await slots.sweep()
  t.same(await readdir(join(slots.folder, 'releases')), ['1.0.1'], 'halves are swept away')
})

test('a version is no path', async (t) => {
  const slots = await slotsOf(t, '1.0.0')
  for (const version of ['../1.0.0', '1.0.0/..', '', '..', '/etc']) t.throws(() => slots.path(version))
  await symlink('../../etc', join(slots.folder, 'previous'))
  t.equal(await slots.pointed('previous'), undefined)
})

test('the current one, the one before and the one of the package stay', async (t) => {
  const slots = await slotsOf(t, '1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0')
  for (const [index, version] of (await slots.versions()).toSorted().entries())
    await utimes(slots.path(version), 1000 + index, 1000 + index)
  await symlink('releases/1.0.0', join(slots.folder, 'factory'))
  await slots.point('current', '1.2.0')
  await slots.point('previous', '1.1.0')
  t.same(await slots.prune(3, []), ['1.3.0'], 'of the others the oldest go')
  t.same(await slots.prune(2, []), ['1.4.0'])
  t.same((await slots.versions()).toSorted(), ['1.0.0', '1.1.0', '1.2.0'])
  await slots.discard('1.0.0')
  t.ok(await slots.facts('1.0.0'), 'nobody takes away what the package brought')
})
