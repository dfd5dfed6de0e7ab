import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ACPI_TABLE, clockArgs, commandOf, type Kernel, qemuArgs } from './guest-command.ts'

/** What runs in the guest, and what it finds there. */
export interface GuestRun {
  /** Loaded before the script, in this order, with their arguments: `vivid n_devs=1`. Default: none. */
  readonly modules?: readonly string[]
  /** Path of a compiled script of ours (`dist/test/guest/….js`), absolute or from the repository's root. */
  readonly script: string
  readonly args?: readonly string[]
  /** Added to PATH, HOME and POINCON_GUEST, which are all that the guest has. */
  readonly env?: Readonly<Record<string, string>>
  /** Arguments for node itself, before the script. */
  readonly nodeArgs?: readonly string[]
  /**
   * A shell script of ours, from the repository's root: becomes the guest's first process, and sees to it that
   * `/run/lab/command` is run, its output and exit code are left in `/run/lab`, and the machine is switched off.
   */
  readonly firstProcess?: string
  /** Added to QEMU's command line: a disk, a watchdog, a table. */
  readonly qemuArgs?: readonly string[]
  /** An ACPI table that describes one device more. */
  readonly acpiTable?: Uint8Array
  /**
   * An ext4 image whose files are the guest's in place of this machine's, which are below `HOST` then. What the guest
   * writes stays in it.
   */
  readonly disk?: string
  /** Default 2048. */
  readonly memoryMb?: number
  /** Added to the kernel's command line. */
  readonly kernelArgs?: readonly string[]
  /** From the start of QEMU until it is killed. Default 90 000. */
  readonly timeoutMs?: number
}

/** How it ended. */
export interface GuestEnd {
  /** Of the script; 128 and the signal's number where one ended it. */
  readonly exitCode: number
  /** What the script wrote to stdout and stderr, and nothing else. */
  readonly output: string
  /** What the kernel wrote. */
  readonly kernelLog: string
  /** From the start of QEMU to its end. */
  readonly seconds: number
}

/** A guest that did not come to its end: too late, or its kernel died. The message holds what it said last. */
export class GuestError extends Error {
  override readonly name = 'GuestError'
}

const run = promisify(execFile)

const NEEDED: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  cpio: 'cpio',
  modprobe: 'kmod',
  flock: 'util-linux',
  setpriv: 'util-linux',
  xz: 'xz-utils',
  'apt-get': 'apt',
}

/** What lacks for a guest on this machine, for a test to say as it skips; undefined where nothing does. */
export function guestMissing(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `SKIPPED: the guest runs the host's node, and its kernel is for linux x64, not ${process.platform} ${process.arch}`
  if (!/^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')))
    return 'SKIPPED: the kernel of the guest is a package of Debian, which this is not'
  const packages = Object.entries(NEEDED)
    .filter(([command]) => spawnSync('sh', ['-c', `PATH=$PATH:/sbin:/usr/sbin command -v ${command}`]).status)
    .map(([, name]) => name)
  const install = [...new Set(packages)].join(' ')
  return install === '' ? undefined : `SKIPPED: no guest without packages: apt-get install ${install}`
}

/**
 * Boots a Debian kernel in QEMU on a copy-on-write view of this machine's files, runs a script there as root, and
 * switches it off. The guest has no network, and nothing that it does is seen outside; `modprobe` works in it for every
 * module of its kernel. The kernel is fetched at the first call ever (70 MB, `kernel.sh`).
 * @throws GuestError
 */
export async function runInGuest(options: GuestRun): Promise<GuestEnd> {
  await sweep()
  const lab = await mkdtemp(join(tmpdir(), `poincon-guest-${process.pid}-`))
  try {
    const kernel = await fetchKernel()
    await run('sh', [join(SOURCES, 'initramfs.sh'), kernel.folder, join(lab, 'initramfs')], {
      env: hostEnv(),
    })
    await writeFile(join(lab, 'modules'), join(kernel.folder, 'lib/modules', kernel.version))
    await writeFile(join(lab, 'command'), commandOf(ROOT, options))
    if (options.firstProcess !== undefined)
      await copyFile(join(ROOT, options.firstProcess), join(lab, 'init'))
    if (options.acpiTable !== undefined) await writeFile(join(lab, ACPI_TABLE), options.acpiTable)
    const seconds = await boot(lab, kernel, options)
    return { ...(await endOf(lab)), seconds }
  } finally {
    await rm(lab, { recursive: true, force: true })
  }
}

const ROOT = rootAbove(import.meta.dirname)
const SOURCES = join(ROOT, 'test/guest')
const TIMEOUT_MS = 90_000
/** Of what a guest that failed said last. */
const LAST_CHARACTERS = 4000

/** Removes what processes that were killed meanwhile could not. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = /^poincon-guest-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(join(tmpdir(), name), { recursive: true, force: true })
    }
  }
}

/** Compiled or not, this file knows the scripts beside its source. */
function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  if (dirname(folder) === folder) throw new Error('no package.json above the guest')
  return rootAbove(dirname(folder))
}

function hostEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
}

async function fetchKernel(): Promise<Kernel> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'poincon-guest')
  const { stdout } = await run('sh', [join(SOURCES, 'kernel.sh'), cache], { env: hostEnv() })
  const folder = stdout.trim()
  return { folder, version: folder.slice(folder.lastIndexOf('/linux-image-') + '/linux-image-'.length) }
}

/** @returns the seconds it took */
async function boot(lab: string, kernel: Kernel, options: GuestRun): Promise<number> {
  const { timeoutMs = TIMEOUT_MS } = options
  const began = performance.now()
  // Whatever ends this process ends the guest, a signal that nobody can catch included.
  const kernelArgs = [...clockArgs(readFileSync('/proc/cpuinfo', 'utf8')), ...(options.kernelArgs ?? [])]
  const qemuWords = qemuArgs(lab, kernel, { ...options, kernelArgs })
  const command = ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuWords]
  const qemu = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'] })
  const abandon = (): void => void qemu.kill('SIGKILL')
  const timer = setTimeout(abandon, timeoutMs)
  const said = lastWords(qemu)
  try {
    const [code, signal] = await once(qemu, 'close')
    const seconds = (performance.now() - began) / 1000
    if (code !== 0) {
      const why =
        signal === 'SIGKILL' ? `not over after ${timeoutMs} ms` : `QEMU ended with ${code ?? signal}`
      throw new GuestError(`${why}: ${said.join('')}\n${await remains(lab)}`)
    }
    return seconds
  } finally {
    clearTimeout(timer)
    abandon()
  }
}

function lastWords(child: ChildProcess): string[] {
  const said: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  return said
}

async function endOf(lab: string): Promise<Omit<GuestEnd, 'seconds'>> {
  const exit = await told(lab, 'exit')
  if (!/^\d+\n$/.test(exit)) throw new GuestError(`ended before its script did\n${await remains(lab)}`)
  return {
    exitCode: Number(exit),
    output: await told(lab, 'output'),
    kernelLog: await told(lab, 'kernel.log'),
  }
}

function told(lab: string, file: string): Promise<string> {
  return readFile(join(lab, file), 'utf8').catch(() => '')
}

async function remains(lab: string): Promise<string> {
  const output = (await told(lab, 'output')).slice(-LAST_CHARACTERS)
  const kernelLog = (await told(lab, 'kernel.log')).slice(-LAST_CHARACTERS)
  return `the script said: ${output}\nthe kernel said: ${kernelLog}`
}
