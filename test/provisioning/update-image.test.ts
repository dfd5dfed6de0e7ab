import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { imageSubject } from '../../provisioning/subject-image.ts'
import { Updater } from '../../provisioning/update.ts'
import { next, type UpdateRecord } from '../../provisioning/update-machine.ts'
import { HastyClock } from '../fakes/hasty-clock.ts'
import { type ToolOptions, toolsOf } from './kills/tools.ts'
import { World } from './kills/world.ts'

tap.setTimeout(120_000)

const NO_RAUC = spawnSync('rauc', ['--version']).error !== undefined && 'no rauc on this machine'
const NEVER = new AbortController().signal

/** What `rauc status` says of a system with two slots, as RAUC 1.13 prints it. */
function statusOf(booted: 'rootfs.0' | 'rootfs.1'): string {
  const slot = (name: string) => ({
    [name]: {
      ...{ class: 'rootfs', device: `/dev/${name}`, type: 'ext4', bootname: name },
      ...{ state: name === booted ? 'booted' : 'inactive', boot_status: 'good' },
    },
  })
  return JSON.stringify({
    ...{ compatible: 'poincon-gateway', variant: '', booted, boot_primary: booted },
    slots: [slot('rootfs.0'), slot('rootfs.1')],
  })
}

/**
 * A system with RAUC: `info` is the real one, `status` and `install`, which need its service and its slots, are
 * written after RAUC's documentation.
 * @returns the program, and the calls that were made
 */
async function system(t: Test, dir: string): Promise<{ rauc: string; calls: () => Promise<string> }> {
  const rauc = join(dir, 'rauc')
  await writeFile(join(dir, 'status.json'), statusOf('rootfs.0'))
  await writeFile(join(dir, 'calls'), '')
  await writeFile(
    rauc,
    `#!/bin/sh
case "$1 $2" in
  info*) exec rauc --keyring='${dir}/cert.pem' "$@" ;;
  'status --output-format=json') cat '${dir}/status.json' ;;
  install*) echo "$1" >>'${dir}/calls'; echo ' 20% Checking bundle'; echo '100% Installing done.' ;;
  status*) echo "$@" >>'${dir}/calls' ;;
  --version*) echo 'rauc 1.13' ;;
esac
`,
  )
  await chmod(rauc, 0o755)
  t.comment(execFileSync('rauc', ['--version']).toString().trim())
  return { rauc, calls: () => readFile(join(dir, 'calls'), 'utf8') }
}

/** Makes a signed bundle with the real RAUC. */
async function bundle(dir: string, compatible: string, file: string): Promise<void> {
  const tree = join(dir, `tree-${compatible}`)
  await mkdir(tree)
  await writeFile(join(tree, 'rootfs.img'), Buffer.alloc(64 * 1024))
  const manifest = `[update]\ncompatible=${compatible}\nversion=2.0.0\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n`
  await writeFile(join(tree, 'manifest.raucm'), manifest)
  const keys = [`--cert=${join(dir, 'cert.pem')}`, `--key=${join(dir, 'key.pem')}`]
  execFileSync('rauc', [...keys, 'bundle', tree, file], { stdio: 'pipe' })
}

async function device(t: Test): Promise<{ world: World; dir: string }> {
  const world = await World.make({ installed: { version: '1.0.0', storeSchema: 1 }, offered: [] })
  t.teardown(() => world.close())
  world.supervisor.boot()
  await world.ready('1.0.0')
  const dir = join(world.dir, 'system')
  await mkdir(dir)
  const subject = ['-subj', '/CN=images', '-days', '2', '-nodes', '-keyout', join(dir, 'key.pem')]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', ...subject, '-out', join(dir, 'cert.pem')],
    {
      stdio: 'pipe',
    },
  )
  return { world, dir }
}

async function pass(world: World, options: ToolOptions): Promise<UpdateRecord | undefined> {
  const updater = await Updater.open(toolsOf(world, options), world.offers())
  try {
    return await updater.run({ by: 'schedule' }, NEVER)
  } finally {
    await updater.close()
  }
}

test('without RAUC an image is refused by name, before it is fetched', async (t) => {
  const { world } = await device(t)
  await world.offer('os-image_system-2.0.0.raucb', 'x')
  const update = await pass(world, { rauc: '/nowhere/rauc' })
  t.match(update, { phase: 'failed', failure: /there is no RAUC on this device/ })
  t.equal(update?.file, undefined)
})

test('a bundle is looked at by RAUC itself', { skip: NO_RAUC }, async (t) => {
  const { world, dir } = await device(t)
  const { rauc, calls } = await system(t, dir)
  await bundle(dir, 'another-board', join(world.repository, 'os-image_system-2.0.0.raucb'))
  t.match(await pass(world, { rauc }), {
    ...{ phase: 'failed', refused: true },
    failure: /it is for another-board: expected poincon-gateway/,
  })
  await world.offer('os-image_system-2.0.1.raucb', 'no bundle at all')
  t.match(await pass(world, { rauc }), { phase: 'failed', failure: /rauc info ended with/ })
  t.equal(await calls(), '', 'nothing was installed')
})

test('an image is installed, the machine restarts, and what comes up decides', {
  skip: NO_RAUC,
}, async (t) => {
  const { world, dir } = await device(t)
  const { rauc, calls } = await system(t, dir)
  const made = join(dir, 'good.raucb')
  await bundle(dir, 'poincon-gateway', made)
  await copyFile(made, join(world.repository, 'os-image_system-2.0.0.raucb'))
  const end = new AbortController()
  const tools = toolsOf(world, { rauc })
  const updater = await Updater.open(
    {
      ...tools,
      supervisor: {
        ...tools.supervisor,
        restart: tools.supervisor.restart,
        restartFlows: tools.supervisor.restartFlows,
        reboot: () => {
          end.abort()
          return Promise.resolve()
        },
      },
    },
    world.offers(),
  )
  // As a machine that goes down takes its processes with it.
  await t.rejects(updater.run({ by: 'schedule' }, end.signal), { name: 'AbortError' })
  const begun = updater.last
  await updater.close()
  t.match(begun, { phase: /restarting|trial/, kind: 'os-image', before: /^rootfs\.0 [0-9a-f-]{36}$/ })
  t.equal(await calls(), 'install\n')

  if (begun === undefined) return
  // The next boot has another id.
  const came = { ...begun, phase: 'trial' as const, before: `rootfs.0 ${'0'.repeat(36)}` }
  t.match(await imageSubject.unwell?.(came, tools, NEVER), /came up with rootfs\.0, as before/)
  await writeFile(join(dir, 'status.json'), statusOf('rootfs.1'))
  t.equal(await imageSubject.unwell?.(came, tools, NEVER), undefined)
  t.equal(await imageSubject.current(came, tools), '2.0.0')
  const back = next(came, { type: 'unwell', why: 'not ready' }, '2026-11-22T00:00:00Z')
  await imageSubject.back(back, tools, NEVER)
  t.match(await calls(), /status mark-active rootfs\.0\n$/, 'the old slot is what starts next')
  const hasty = { ...tools, clock: new HastyClock(), pace: { ...tools.pace, pollMs: 150_000 } }
  t.match(await imageSubject.isBack?.(back, hasty, NEVER), /asked to restart with rootfs\.0, and did not/)
  await writeFile(join(dir, 'status.json'), statusOf('rootfs.0'))
  t.equal(await imageSubject.isBack?.(back, hasty, NEVER), undefined, 'only now it is rolled back')
})
