import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lockedIn, nameOf, reachable, type Unneeded } from './packages.ts'
import { namesOf, type Platform } from './platforms.ts'

/** Named as dependencies, and used only to install, to compile, or to buy more nodes for Node-RED. */
export const UNNEEDED: readonly Unneeded[] = [
  { by: '*', name: 'node-gyp' },
  { by: '*', name: 'prebuild-install' },
  { by: '*', name: 'node-addon-api' },
  { by: '*', name: 'nan' },
  { by: '*', name: '@types/node' },
  // Unpacks SQLite's sources.
  { by: 'sqlite3', name: 'tar' },
  // Node-RED's palette; nothing installs itself on a station (flows/settings.cjs).
  { by: '@node-red/registry', name: 'npm' },
]

/** Folders at the top of a package that nothing loads. */
const FOLDER =
  /^(test|tests|__tests__|example|examples|bench|benchmark|benchmarks|coverage|man|\.github|\.vscode)$/

/** Files that nothing loads, wherever they lie in a package. */
const FILE =
  /(\.(map|ts|cts|mts|tsx|md|markdown|flow|tsbuildinfo|gyp|gypi|c|cc|cpp|h|hpp|py|pyc|o|a|d|mk|Makefile|stamp|coffee|swp)|(^|\/)(Makefile|makefile|Gruntfile\.js|Gulpfile\.js|Jakefile|tsconfig[^/]*\.json|yarn\.lock|bower\.json|component\.json|CHANGELOG|HISTORY|History|AUTHORS|CONTRIBUTORS|\.[^/]+))$/

/** Texts of licences stay in their packages, whatever they are called. */
const LICENCE = /(^|\/)(licen[cs]e|copying|notice|third[-_ ]?party)[^/]*$/i

/** What single packages carry and the gateway does not load: builds for browsers, sources, other module systems. */
const NAMED: Readonly<Record<string, RegExp>> = {
  sqlite3: /^(deps|src)\//,
  'i2c-bus': /^(src|doc|integration-test)\//,
  'unix-dgram': /^src\//,
  'node-libgpiod': /^(src|docs?)\//,
  zod: /^src\//,
  moment: /^(src|min|dist)\//,
  'moment-timezone': /^builds\//,
  mqtt: /^dist\/mqtt[^/]*\.js$/,
  axios: /^dist\/(browser|esm)\/|^dist\/axios[^/]*\.js$/,
  protobufjs: /^dist\//,
  bintrees: /^dist\//,
}

/** Node-RED's editor offers these to its user: they are content, not its own declarations and examples. */
const SERVED = /^@node-red\/(editor-client\/public|nodes\/(examples|locales|core))\//

/**
 * Whether a file of a dependency is left out of a release.
 * @param name of the package
 * @param path within the package
 */
export function isSuperfluous(name: string, path: string, platform: Platform): boolean {
  if (name === 'onnxruntime-node' && path.startsWith('bin/')) {
    return !path.startsWith(`bin/napi-v6/linux/${namesOf(platform).arch}/`)
  }
  if (LICENCE.test(path) && !path.endsWith('.js')) return false
  if (SERVED.test(`${name}/${path}`)) return path.endsWith('.map')
  const [top = ''] = path.split('/')
  if (path !== top && FOLDER.test(top)) return true
  return FILE.test(path) || NAMED[name]?.test(path) === true
}

/**
 * Takes out of `node_modules` what does not run: packages that only install or compile, then single files.
 * npm's package.json stays: Node-RED looks for it before it knows that it must install nothing.
 */
export async function prune(stage: string, roots: readonly string[], platform: Platform): Promise<void> {
  const installed = await lockedIn(join(stage, 'node_modules', '.package-lock.json'))
  const kept = reachable(installed, roots, UNNEEDED)
  const gone = Object.keys(installed).filter((path) => path !== '' && !kept.has(path))
  for (const path of gone) {
    if (path === 'node_modules/npm') await onlyManifest(join(stage, path))
    else await rm(join(stage, path), { recursive: true, force: true })
  }
  for (const path of kept) await pruneFiles(join(stage, path), nameOf(path), platform)
  await dropEmpty(join(stage, 'node_modules'))
}

async function onlyManifest(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== 'package.json') await rm(join(folder, name), { recursive: true })
  }
}

async function pruneFiles(folder: string, name: string, platform: Platform): Promise<void> {
  async function walk(within: string): Promise<void> {
    for (const entry of await readdir(join(folder, within), { withFileTypes: true })) {
      const path = within === '' ? entry.name : `${within}/${entry.name}`
      // Packages within the package are their own.
      if (entry.isDirectory() && entry.name === 'node_modules') continue
      if (entry.isDirectory()) await walk(path)
      else if (isSuperfluous(name, path, platform)) await rm(join(folder, path))
    }
  }
  await walk('')
}

/** Takes away folders without a file, and the lists and links that npm keeps for itself. @returns whether it is empty */
async function dropEmpty(folder: string): Promise<boolean> {
  let empty = true
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const own = entry.name === '.bin' || entry.name === '.package-lock.json'
    if (own) await rm(path, { recursive: true })
    else if (!entry.isDirectory() || !(await dropEmpty(path))) empty = false
  }
  if (empty) await rm(folder, { recursive: true })
  return empty
}
