import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ReleaseError } from './error.ts'
import { namesOf, type Platform } from './platforms.ts'
import { outputOf, textOf } from './run.ts'
import { NODE_VERSION } from './runtime.ts'
import type { Tools } from './tools.ts'

/** A package that is compiled for a release; its module is found by `bindings` in `build/Release`. */
interface Native {
  readonly name: string
  readonly module: string
  /** Said to node-gyp on top of the rest. */
  readonly flags?: readonly string[]
  /** The library of the device that it must name. */
  readonly needs?: string
}

/** sqlite3's own installer would rather download a build that no lockfile knows: node-gyp is called directly. */
const NATIVES: readonly Native[] = [
  { name: 'sqlite3', module: 'node_sqlite3.node', flags: ['--napi_build_version=6'] },
  { name: 'i2c-bus', module: 'i2c.node' },
  { name: 'unix-dgram', module: 'unix_dgram.node' },
  { name: 'node-libgpiod', module: 'node-libgpiod.node', needs: 'libgpiod.so.2' },
]

/** libgpiod 1.x, as node-libgpiod 0.5 wants it. */
const GPIOD = { header: '/usr/include/gpiod.h', soname: 'libgpiod.so.2', marker: 'gpiod_line_request_bulk' }

export interface NativeOptions {
  readonly platform: Platform
  /** The folder with `node_modules`. */
  readonly stage: string
  /** The shipped Node's folder: its headers. */
  readonly runtime: string
  readonly tools: Tools
  readonly say: (line: string) => void
}

/** What compiles and strips for a platform: the builder's own tools, or those with the platform's name before them. */
export function compilersFor(
  platform: Platform,
  own: string,
): Readonly<Record<'cc' | 'cxx' | 'ar' | 'strip', string>> {
  const { arch, triplet } = namesOf(platform)
  const prefix = arch === own ? '' : `${triplet}-`
  return { cc: `${prefix}gcc`, cxx: `${prefix}g++`, ar: `${prefix}ar`, strip: `${prefix}strip` }
}

/**
 * Compiles every native package for the platform, leaves of each its module and takes away all else of its build.
 * @returns the names of those that were compiled
 */
export async function buildNatives(options: NativeOptions): Promise<readonly string[]> {
  const { platform, stage, tools, say } = options
  const folder = await gpiodStub(stage, compilersFor(platform, process.arch).cc, tools)
  const built: string[] = []
  for (const native of NATIVES) {
    const at = join(stage, 'node_modules', native.name)
    if (!existsSync(at)) throw new ReleaseError(`${native.name}: not installed in ${stage}`)
    say(`compiling ${native.name} for ${platform}`)
    await compile(native, at, folder, options)
    built.push(native.name)
  }
  await rm(folder, { recursive: true })
  return built
}

async function compile(native: Native, at: string, gpiod: string, options: NativeOptions): Promise<void> {
  const { platform, stage, runtime, tools } = options
  const { cc, cxx, ar, strip } = compilersFor(platform, process.arch)
  // Paths of the builder must not get into the module. libstdc++ is the device's: a static one of Debian 12 asks for
  // glibc 2.36 (arc4random, _dl_find_object), which JetPack 6 has not.
  const mapped = `-ffile-prefix-map=${stage}=. -ffile-prefix-map=${runtime}=node`
  const env = {
    ...tools.env,
    CC: cc,
    CXX: cxx,
    AR: ar,
    LINK: cxx,
    CFLAGS: mapped,
    CXXFLAGS: `${mapped} -I${gpiod}`,
    LDFLAGS: `-L${gpiod}`,
  }
  const flags = [`--arch=${namesOf(platform).arch}`, `--target=${NODE_VERSION}`, `--nodedir=${runtime}`]
  const args = [tools.gyp, 'rebuild', '--release', ...flags, ...(native.flags ?? [])]
  await outputOf(tools.node, args, { cwd: at, env })
  const built = join(at, 'build', 'Release', native.module)
  const kept = join(at, native.module)
  await outputOf(strip, ['--strip-unneeded', built], { env: tools.env })
  await needs(native, built, tools)
  await copyFile(built, kept)
  await rm(join(at, 'build'), { recursive: true })
  await mkdir(join(at, 'build', 'Release'), { recursive: true })
  await copyFile(kept, built)
  await rm(kept)
}

/** @throws ReleaseError where a module does not name its library */
async function needs({ name, needs: library }: Native, module: string, tools: Tools): Promise<void> {
  if (library === undefined) return
  const said = await textOf('readelf', ['--dynamic', '--wide', module], { env: tools.env })
  if (!said.includes(`[${library}]`)) throw new ReleaseError(`${name}: ${module} does not name ${library}`)
}

/**
 * A folder with gpiod.h and a library of libgpiod's name whose functions do nothing: the module is linked against the name,
 * for any platform, and finds the functions on the device. An empty one would be left out by linkers that keep only what is
 * used, and a module that does not name its library loads, and takes its process down at the first call.
 */
async function gpiodStub(stage: string, cc: string, tools: Tools): Promise<string> {
  const header = await readFile(GPIOD.header, 'utf8').catch(() => '')
  if (!header.includes(GPIOD.marker)) {
    throw new ReleaseError(
      `${GPIOD.header}: the headers of libgpiod 1.x are needed (Debian: libgpiod-dev 1.6)`,
    )
  }
  const folder = join(stage, '.gpiod')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'gpiod.h'), header)
  const functions = new Set(header.match(/\bgpiod_\w+(?=\()/g))
  const source = [...functions].map((name) => `void ${name}(void) {}\n`).join('')
  await writeFile(join(folder, 'stub.c'), source)
  const library = ['-shared', '-fPIC', `-Wl,-soname,${GPIOD.soname}`, '-o', 'libgpiod.so', 'stub.c']
  await outputOf(cc, library, { cwd: folder, env: tools.env })
  return folder
}

/** What the compiler for a platform calls itself, for the statement of provenance. */
export async function compilerVersion(platform: Platform, tools: Tools): Promise<string> {
  const { cc } = compilersFor(platform, process.arch)
  const version = await textOf(cc, ['-dumpfullversion'], { env: tools.env })
  return `${cc} ${version}`
}
