import { spawnSync } from 'node:child_process'
import { existsSync, renameSync } from 'node:fs'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SUITE = 'bookworm'
/** Fetched once for every run on this machine; may be deleted. */
const CACHE = join(tmpdir(), `poincon-machine-${SUITE}`)
/** What a machine has beyond Debian's smallest system: it finds devices, loads drivers, has addresses. */
const PACKAGES = 'systemd,init-system-helpers,udev,kmod,iproute2,libgpiod2'
const DISK_BYTES = 4 * 2 ** 30

const PATH = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

/** What lacks for such a disk, as the reason of a skip. */
export function diskMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'SKIPPED: a Debian disk is made by root'
  const packages = ['mmdebstrap', 'mkfs.ext4']
    .filter((program) => spawnSync('sh', ['-c', `command -v ${program}`], { env: PATH }).status !== 0)
    .map((program) => (program === 'mkfs.ext4' ? 'e2fsprogs' : program))
  return packages.length === 0 ? undefined : `SKIPPED: apt-get install ${packages.join(' ')}`
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { env: PATH, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

/** A clean Debian system with systemd, as an ext4 image, sparse. @throws where no mirror of Debian answers */
export async function debianDisk(file: string): Promise<void> {
  if (!existsSync(CACHE)) {
    const fresh = await mkdtemp(`${CACHE}-`)
    must('mmdebstrap', '--quiet', '--format=dir', '--variant=minbase', `--include=${PACKAGES}`, SUITE, fresh)
    await rm(CACHE, { recursive: true, force: true })
    renameSync(fresh, CACHE)
  }
  await writeFile(file, '')
  await truncate(file, DISK_BYTES)
  // All of it now: what the kernel would do later in the background is not the station's.
  must('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', '-d', CACHE, file)
}
