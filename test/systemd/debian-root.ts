import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { cp, lstat, mkdtemp, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SUITE = 'bookworm'
/** Fetched once for every run on this machine; may be deleted. */
const CACHE = join(tmpdir(), `poincon-debian-${SUITE}.tar`)
const NEEDED = { mmdebstrap: 'mmdebstrap', 'dpkg-deb': 'dpkg', chroot: 'coreutils', tar: 'tar' }

/** What lacks for a Debian root on this machine, as the reason of a skip. */
export function debianMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'SKIPPED: a Debian root is made by root'
  const packages = Object.entries(NEEDED)
    .filter(([program]) => spawnSync('sh', ['-c', `command -v ${program}`], { env: PATH }).status !== 0)
    .map(([, name]) => name)
  return packages.length === 0
    ? undefined
    : `SKIPPED: no Debian root without packages: apt-get install ${packages.join(' ')}`
}

const PATH = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

/**
 * The clean root as a tarball: Debian's smallest system, with systemd and nothing else that it lacks.
 * @returns undefined where no mirror answers
 */
export function debianTarball(): string | undefined {
  if (existsSync(CACHE)) return CACHE
  const fresh = `${CACHE}.${process.pid}`
  const words = [
    '--quiet',
    '--format=tar',
    '--variant=minbase',
    '--include=systemd,init-system-helpers',
    SUITE,
    fresh,
  ]
  const { status } = spawnSync('mmdebstrap', words, {
    env: { ...process.env, ...PATH },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) return undefined
  renameSync(fresh, CACHE)
  return CACHE
}

/** A Debian system in a folder, in which nothing runs. */
export class DebianRoot {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async make(tarball: string): Promise<DebianRoot> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-debian-'))
    const { status, stderr } = spawnSync('tar', [
      '--extract',
      '--file',
      tarball,
      '--directory',
      folder,
      '--exclude=./dev/*',
    ])
    if (status !== 0) throw new Error(`${tarball}: ${stderr}`)
    for (const name of ['null', 'zero', 'urandom']) {
      spawnSync('mknod', [
        '-m',
        '666',
        join(folder, 'dev', name),
        'c',
        '1',
        { null: '3', zero: '5', urandom: '9' }[name] ?? '3',
      ])
    }
    // As the builders of images do it.
    writeFileSync(join(folder, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    mkdirSync(join(folder, 'root/debs'), { recursive: true })
    return new DebianRoot(folder)
  }

  run(command: string): SpawnSyncReturns<string> {
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      DEBIAN_FRONTEND: 'noninteractive',
      LC_ALL: 'C.UTF-8',
    }
    return spawnSync('chroot', [this.folder, 'sh', '-c', command], { encoding: 'utf8', env })
  }

  async take(file: string, name: string): Promise<string> {
    await cp(file, join(this.folder, 'root/debs', name))
    return `/root/debs/${name}`
  }

  put(path: string, text: string | Uint8Array): void {
    writeFileSync(join(this.folder, path), text)
  }

  has(path: string): Promise<boolean> {
    return lstat(join(this.folder, path)).then(
      () => true,
      () => false,
    )
  }

  /** Where a link leads, as it is written there. */
  link(path: string): Promise<string | undefined> {
    return readlink(join(this.folder, path)).catch(() => undefined)
  }

  /** `mode owner:group` by the names of this root. */
  owner(path: string): string {
    return this.run(`stat -c '%a %U:%G' ${path}`).stdout.trim()
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
