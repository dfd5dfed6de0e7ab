import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { arOf } from './ar.ts'
import { collected, gzipped, xz } from './compress.ts'
import { namesOf, type Target } from './platforms.ts'
import { debianVersion, type Source } from './source.ts'
import { tarOf } from './tar.ts'
import type { Tools } from './tools.ts'
import { below, complete, type Entry, type PlainFile, textFile } from './tree.ts'

/** Where systemd and its friends look for what a package brings; the folder's own name → the place. */
const PLACES: Readonly<Record<string, string>> = {
  sysusers: 'usr/lib/sysusers.d',
  tmpfiles: 'usr/lib/tmpfiles.d',
  udev: 'usr/lib/udev/rules.d',
  journald: 'usr/lib/systemd/journald.conf.d',
  bin: 'usr/lib/poincon',
}

const UNIT = /\.(service|timer|path|slice|socket|target|mount)$/

/**
 * Runs the release that is switched on, on the data of the station as its unit does (config.ts, `data_dir`), and leaves files
 * in it that the updater's group can put back. Small semi-spaces keep the process near 100 MB (systemd/README.md).
 */
export const WRAPPER = `#!/bin/sh
STATE_DIRECTORY=\${STATE_DIRECTORY:-/var/lib/poincon}
export STATE_DIRECTORY
umask 0002
exec /opt/poincon/current/bin/node --max-semi-space-size=4 /opt/poincon/current/dist/gateway/cli.js "$@"
`

/** Without a template of its own: what every package must say (Debian Policy 5.3). */
const CONTROL = `Package: @PACKAGE@
Version: @VERSION@
Architecture: @ARCH@
Maintainer: Poincon <poincon@localhost>
Installed-Size: @INSTALLED_SIZE@
Depends: @DEPENDS@
Section: misc
Priority: optional
Description: runtime of an edge gateway for production lines
 Measures, grades and gates every part, and loses nothing.
`

const SCRIPTS = ['preinst', 'postinst', 'prerm', 'postrm', 'config'] as const

/** What goes into a Debian package. */
export interface DebContent {
  readonly source: Source
  readonly target: Target
  /** The slot. */
  readonly tree: readonly Entry[]
  /** Version of the C library that the newest symbol of any program in the slot asks for. */
  readonly glibc: string
  /** `licences.txt`. */
  readonly licences: string
}

/** The name of the package: the Jetson's takes the place of the plain one. */
export function packageName({ variant }: Target): string {
  return variant === undefined ? 'poincon' : `poincon-${variant}`
}

/** The name of its file. */
export function debName(source: Source, target: Target): string {
  return `${packageName(target)}_${debianVersion(source.version)}_${namesOf(target.platform).debian}.deb`
}

/** A Debian package (deb(5)): root's files, the commit's time, in order. */
export async function debOf(content: DebContent, tools: Tools): Promise<Uint8Array> {
  const { source } = content
  const files = await dataOf(content)
  const data = await xz(await collected(tarOf(files, source.seconds, './')), tools)
  const control = await gzipped(tarOf(await controlOf(content, files), source.seconds, './'))
  return arOf(
    [
      { name: 'debian-binary', content: Buffer.from('2.0\n') },
      { name: 'control.tar.gz', content: control },
      { name: 'data.tar.xz', content: data },
    ],
    source.seconds,
  )
}

async function dataOf({ source, target, tree, licences }: DebContent): Promise<Entry[]> {
  const copyright = `usr/share/doc/${packageName(target)}/copyright`
  return complete([
    ...below(`opt/poincon/releases/${source.version}`, tree),
    ...(await systemdFiles(join(source.root, 'systemd'))),
    ...jetsonFiles(target),
    textFile('usr/bin/poincon', WRAPPER, 0o755),
    textFile(copyright, licences),
  ])
}

/** Where the JetPack build of the library lies, it is found before the bundled one, which has a RUNPATH and no RPATH. */
function jetsonFiles({ variant }: Target): Entry[] {
  if (variant !== 'jetson') return []
  const text = '[Service]\nEnvironment=LD_LIBRARY_PATH=/usr/local/lib/poincon-jetpack\n'
  return [textFile('usr/lib/systemd/system/poincon.service.d/jetson.conf', text)]
}

/** Units, and what lies in the folders of `PLACES`, each at its place. */
export async function systemdFiles(folder: string): Promise<Entry[]> {
  const found: Entry[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const place = entry.isDirectory() ? PLACES[entry.name] : 'usr/lib/systemd/system'
    if (place !== undefined && entry.isDirectory()) {
      for (const name of await readdir(path)) {
        const mode = entry.name === 'bin' ? 0o755 : 0o644
        found.push(textFile(`${place}/${name}`, await readFile(join(path, name)), mode))
      }
    } else if (place !== undefined && UNIT.test(entry.name)) {
      found.push(textFile(`${place}/${entry.name}`, await readFile(path)))
    }
  }
  return found
}

async function controlOf(content: DebContent, data: readonly Entry[]): Promise<Entry[]> {
  const { source, target, glibc } = content
  const folder = join(source.root, 'systemd', 'debian')
  const plain = data.filter((entry) => entry.kind === 'file')
  const bytes = plain.reduce((total, { size }) => total + size, 0)
  const told: Readonly<Record<string, string>> = {
    PACKAGE: packageName(target),
    VERSION: debianVersion(source.version),
    RELEASE: source.version,
    ARCH: namesOf(target.platform).debian,
    INSTALLED_SIZE: String(Math.ceil(bytes / 1024)),
    DEPENDS: `libc6 (>= ${glibc}), libstdc++6`,
  }
  const template = await readFile(join(folder, 'control.in'), 'utf8').catch(() => CONTROL)
  const entries: Entry[] = [
    textFile('control', controlText(template, told, target)),
    textFile('md5sums', await md5sums(plain)),
  ]
  for (const name of SCRIPTS) {
    const path = join(folder, name)
    if (existsSync(path)) entries.push(textFile(name, filled(await readFile(path, 'utf8'), told), 0o755))
  }
  for (const name of ['conffiles', 'templates', 'triggers']) {
    const path = join(folder, name)
    if (existsSync(path)) entries.push(textFile(name, await readFile(path, 'utf8')))
  }
  return complete(entries)
}

function controlText(template: string, told: Readonly<Record<string, string>>, target: Target): string {
  const text = filled(template, told)
  if (target.variant === undefined) return text
  const instead = 'Provides: poincon\nConflicts: poincon\nReplaces: poincon\n'
  return text.replace(/^Package: .*\n/m, `Package: ${packageName(target)}\n${instead}`)
}

/** A template with every `@NAME@` it knows said. */
export function filled(template: string, told: Readonly<Record<string, string>>): string {
  return template.replace(/@([A-Z_]+)@/g, (whole, name: string) => told[name] ?? whole)
}

async function md5sums(files: readonly PlainFile[]): Promise<string> {
  const lines: string[] = []
  for (const file of files) {
    const hash = createHash('md5')
    for await (const piece of file.content()) hash.update(piece)
    lines.push(`${hash.digest('hex')}  ${file.path}\n`)
  }
  return lines.join('')
}
