import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { updateCommand } from '../../gateway/commands/update.ts'
import { clockIsSet, thisPlatform, updateTools } from '../../provisioning/main.ts'
import { updateOptions } from '../../provisioning/options.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { selfTest } from '../../provisioning/update-self-test.ts'

const VERSION = '1.1.0'

test('a configuration that came, and cannot be read, keeps nobody from the updater', async (t) => {
  const dir = t.testdir({ slots: { releases: {} }, update: {}, data: {} })
  const place = join(dir, 'update/content/configuration/fleet')
  await mkdir(join(place, '1.0.0'), { recursive: true })
  await writeFile(join(place, '1.0.0/content.json'), '{}')
  await writeFile(join(place, '1.0.0/configuration.yaml'), 'of_tomorrow: 1\n')
  await symlink('1.0.0', join(place, 'current'))
  const config = join(dir, 'poincon.yaml')
  const own = {
    data_dir: join(dir, 'data'),
    update: { dir: join(dir, 'update'), slots_dir: join(dir, 'slots') },
  }
  await writeFile(config, JSON.stringify(own))
  t.equal(await updateCommand(['history', '--config', config]), 0)
  await writeFile(config, JSON.stringify({ ...own, of_yesterday: 1 }))
  await t.rejects(updateCommand(['history', '--config', config]), /of_yesterday|of_tomorrow/)
})

test('the machine is what its release was built for, and tests know where its store is', async (t) => {
  const dir = t.testdir({ slots: { releases: {} }, update: {} })
  const [slots, slot] = [join(dir, 'slots'), join(dir, 'slots/releases', VERSION)]
  await mkdir(join(slot, 'bin'), { recursive: true })
  const said = join(dir, 'said')
  // A release that says what it was asked, and nothing of use.
  await writeFile(join(slot, 'bin/node'), `#!/bin/sh\nprintf '%s ' "$@" >'${said}'\n`)
  await chmod(join(slot, 'bin/node'), 0o755)
  const update = updateOptions.parse({ dir: join(dir, 'update'), slots_dir: slots })
  const settings = { update, http: { host: '::', port: 1 }, configFile: '/etc/poincon/poincon.yaml' }
  t.equal(updateTools(settings).variant, undefined, 'no release is switched on')

  const facts = {
    ...{ schema: 'poincon.release/1', version: VERSION, commit: 'c0ffee', platform: thisPlatform() },
    ...{ variant: 'jetson', node: '22.12.0', store_schema: 1 },
  }
  await writeFile(join(slot, 'release.json'), JSON.stringify(facts))
  await symlink(`releases/${VERSION}`, join(slots, 'current'))
  const tools = updateTools({ ...settings, dataDir: '/srv/poincon' })
  t.equal(tools.variant, 'jetson')

  const asked: UpdateRecord = {
    ...{ schema: 'poincon.update-journal/1', id: 'one', by: 'schedule', kind: 'release', name: 'poincon' },
    ...{ phase: 'testing', from: '1.0.0', to: VERSION, from_schema: 1, interrupted: 0 },
    ...{ began: '2026-11-22T03:00:00.000Z', since: '2026-11-22T03:00:00.000Z' },
    target: { path: 'stable/release/x.tar.gz', channel: 'stable', length: 1, hash: '00' },
  }
  t.match(await selfTest(asked, tools, new AbortController().signal), {
    type: 'refused',
    why: 'its self-test does not answer as one does',
  })
  t.match(
    await readFile(said, 'utf8'),
    /cli\.js self-test --json --config \/etc\/poincon\/poincon\.yaml --data-dir \/srv\/poincon --scratch /,
  )
})

test('a clock is believed unless timesyncd has yet to set it', async (t) => {
  const timesync = join(t.testdir({ timesync: {} }), 'timesync')
  t.equal(clockIsSet(timesync), false)
  await writeFile(join(timesync, 'synchronized'), '')
  t.equal(clockIsSet(timesync), true)
  await rm(timesync, { recursive: true })
  t.equal(clockIsSet(timesync), true, 'somebody else sets it, or nobody')
})
