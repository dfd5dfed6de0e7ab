/**
 * `node dist/test/systemd/package.js [PACKAGE.deb [NEWER.deb]]`: the life of the package on a clean Debian root, told as a
 * table. Without arguments two small packages are made from this tree's systemd folder. A minute, and a mirror of Debian once.
 */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DebianRoot, debianMissing, debianTarball } from './debian-root.ts'
import { smallDeb } from './small-deb.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const USERS = ['poincon', 'poincon-flows', 'poincon-update', 'poincon-device']
const ENABLED = {
  'multi-user.target.wants': ['poincon.service', 'poincon-flows.service'],
  'timers.target.wants': ['poincon-update.timer', 'poincon-device-renew.timer'],
  'paths.target.wants': ['poincon-restart.path', 'poincon-reboot.path'],
}
const OWNERS = {
  '/opt/poincon': '755 poincon-update:root',
  '/opt/poincon/releases': '755 poincon-update:root',
  '/etc/poincon': '2755 root:poincon',
  '/etc/poincon/secrets': '2750 root:poincon',
  '/var/lib/poincon': '770 poincon:poincon',
  '/var/lib/poincon-flows': '700 poincon-flows:poincon-flows',
  '/var/lib/poincon-update': '750 poincon-update:poincon',
  '/var/lib/poincon-device': '750 poincon-device:poincon',
}

interface Packages {
  readonly first: { readonly path: string; readonly release: string }
  readonly newer: { readonly path: string; readonly release: string } | undefined
}

type Step = (root: DebianRoot, packages: Packages) => Promise<string>

/** What the package's scripts said, or the error in full. */
function apt(root: DebianRoot, words: string): string {
  const { status, stdout, stderr } = root.run(`apt-get -y --no-install-recommends ${words}`)
  assert.equal(status, 0, `apt-get ${words}\n${stdout}\n${stderr}`)
  const said = `${stdout}\n${stderr}`.split('\n').filter((line) => line.startsWith('poincon: '))
  return said.map((line) => line.slice('poincon: '.length)).join('; ')
}

async function enabledUnits(root: DebianRoot): Promise<number> {
  let count = 0
  for (const [wants, units] of Object.entries(ENABLED)) {
    for (const unit of units) if (await root.has(`etc/systemd/system/${wants}/${unit}`)) count += 1
  }
  return count
}

const install: Step = async (root, { first }) => {
  const said = apt(root, `install ${first.path}`)
  for (const user of USERS) assert.match(root.run(`getent passwd ${user}`).stdout, /nologin/, user)
  assert.match(root.run('id -nG poincon-update').stdout, /\bpoincon\b/)
  for (const [path, owner] of Object.entries(OWNERS)) assert.equal(root.owner(path), owner, path)
  assert.equal(await root.link('opt/poincon/current'), `releases/${first.release}`)
  assert.equal(await root.link('opt/poincon/previous'), undefined)
  assert.equal(await enabledUnits(root), 6)
  for (const path of [
    'usr/lib/udev/rules.d/70-poincon.rules',
    'usr/lib/systemd/journald.conf.d/poincon.conf',
    'usr/lib/poincon/fallback',
    'usr/bin/poincon',
  ])
    assert.ok(await root.has(path), path)
  assert.equal(root.run('ps -e 2>/dev/null | grep -c poincon').stdout.trim() || '0', '0')
  return said
}

const again: Step = (root, { first }) => {
  const before = root.run(
    'find /opt/poincon /var/lib/poincon* /etc/poincon /etc/systemd -printf "%p %m %u:%g %l\\n" | sort',
  ).stdout
  const said = apt(root, `install --reinstall ${first.path}`)
  const after = root.run(
    'find /opt/poincon /var/lib/poincon* /etc/poincon /etc/systemd -printf "%p %m %u:%g %l\\n" | sort',
  ).stdout
  assert.equal(after, before)
  return Promise.resolve(`nothing differs; ${said}`)
}

const upgrade: Step = async (root, { first, newer }) => {
  if (newer === undefined) return 'no newer package was given'
  root.put('var/lib/poincon/kept', 'a store\n')
  root.put('etc/poincon/poincon.yaml', 'site: here\n')
  assert.equal(root.run('systemctl disable poincon-device-renew.timer').status, 0)
  apt(root, `install ${newer.path}`)
  assert.equal(await root.link('opt/poincon/current'), `releases/${newer.release}`)
  assert.equal(await root.link('opt/poincon/previous'), `releases/${first.release}`)
  assert.ok(
    await root.has(`opt/poincon/releases/${first.release}/bin/node`),
    'the release before it is whole',
  )
  assert.equal(await root.has(`opt/poincon/releases/.kept-${first.release}`), false)
  assert.equal(
    root.run('cat /etc/poincon/poincon.yaml /var/lib/poincon/kept').stdout,
    'site: here\na store\n',
  )
  assert.equal(await enabledUnits(root), 4)
  return 'current and previous switched; what was disabled stays so'
}

const newerStays: Step = async (root, { newer, first }) => {
  const package_ = newer ?? first
  root.run(
    'mkdir /opt/poincon/releases/9.0.0; echo "{}" >/opt/poincon/releases/9.0.0/release.json; chown -R poincon-update: /opt/poincon/releases/9.0.0; ln -sfn releases/9.0.0 /opt/poincon/current',
  )
  const said = apt(root, `install --reinstall ${package_.path}`)
  assert.equal(await root.link('opt/poincon/current'), 'releases/9.0.0')
  return said
}

const remove: Step = async (root) => {
  const said = apt(root, 'remove poincon')
  assert.equal(await root.has('opt/poincon'), false)
  assert.equal(await root.has('usr/bin/poincon'), false)
  for (const path of ['var/lib/poincon', 'etc/poincon/secrets']) assert.ok(await root.has(path), path)
  return said
}

const reinstall: Step = async (root, { first }) => {
  apt(root, `install ${first.path}`)
  assert.equal(await root.link('opt/poincon/current'), `releases/${first.release}`)
  assert.ok((await enabledUnits(root)) >= 4)
  return 'data found again'
}

const purge: Step = async (root) => {
  const said = apt(root, 'purge poincon')
  for (const path of [
    'opt/poincon',
    'etc/poincon',
    'var/lib/poincon',
    'var/lib/poincon-flows',
    'var/lib/poincon-update',
    'var/lib/poincon-device',
  ])
    assert.equal(await root.has(path), false, path)
  const left = root.run(
    'find /etc /usr /var /opt -name "*poincon*" ! -path "/var/lib/dpkg/*" ! -path "/var/cache/*" ! -path "/var/log/*"',
  ).stdout
  assert.equal(left, '')
  return said
}

const STEPS: Readonly<Record<string, Step>> = {
  'apt install on a clean root': install,
  'second install': again,
  upgrade,
  'an update brought a newer release': newerStays,
  remove,
  'install after remove': reinstall,
  purge,
}

async function packagesIn(root: DebianRoot, files: readonly string[]): Promise<Packages> {
  const taken = await Promise.all(
    ['0.1.0', '0.2.0'].map(async (version, index) => {
      const name = `${index}.deb`
      const given = files[index]
      if (given === undefined && files.length > 0) return undefined
      if (given === undefined)
        await writeFile(join(root.folder, 'root/debs', name), await smallDeb(ROOT, version))
      const path = given === undefined ? `/root/debs/${name}` : await root.take(resolve(given), name)
      const listed = spawnSync('dpkg-deb', ['--contents', join(root.folder, path)], {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      }).stdout
      const [, release = ''] = /\.\/opt\/poincon\/releases\/([^/\n]+)\/\n/.exec(listed) ?? []
      return { path, release }
    }),
  )
  const [first, newer] = taken
  if (first === undefined) throw new Error('no package')
  return { first, newer }
}

async function main(files: readonly string[]): Promise<number> {
  const missing = debianMissing()
  const tarball = missing === undefined ? debianTarball() : undefined
  if (tarball === undefined) {
    process.stdout.write(`${missing ?? 'SKIPPED: no mirror of Debian answers'}\n`)
    return 0
  }
  const root = await DebianRoot.make(tarball)
  try {
    const packages = await packagesIn(root, files)
    for (const [name, step] of Object.entries(STEPS)) {
      const began = performance.now()
      const said = await step(root, packages)
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      process.stdout.write(`| ${name} | ${seconds} s | ${said} |\n`)
    }
    return 0
  } finally {
    await root.remove()
  }
}

process.exitCode = await main(process.argv.slice(2))
