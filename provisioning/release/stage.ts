import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { z } from 'zod'
import { ReleaseError } from './error.ts'
import { withoutDev } from './packages.ts'
import { JETPACK, namesOf, type Target } from './platforms.ts'
import { outputOf } from './run.ts'
import { NODE_VERSION } from './runtime.ts'
import type { Source } from './source.ts'
import type { Tools } from './tools.ts'

const MANIFEST = z.looseObject({
  name: z.string(),
  description: z.string(),
  license: z.string(),
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  overrides: z.unknown().optional(),
})

/** What package.json says of the project. */
export type Manifest = z.infer<typeof MANIFEST>

/** Reads package.json. */
export async function manifestOf(root: string): Promise<Manifest> {
  return MANIFEST.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
}

/** Names of what the gateway imports. */
export function rootsOf({ dependencies, optionalDependencies }: Manifest): readonly string[] {
  return Object.keys({ ...dependencies, ...optionalDependencies })
}

/**
 * Installs the packages of the lockfile that run, for one platform; nothing of them is started meanwhile.
 * @param stage an empty folder
 */
export async function installPackages(
  source: Source,
  { platform }: Target,
  stage: string,
  tools: Tools,
): Promise<void> {
  const { name, description, license, dependencies, optionalDependencies, overrides } = await manifestOf(
    source.root,
  )
  const shipped = {
    name,
    version: source.version,
    description,
    license,
    private: true,
    type: 'module',
    engines: { node: NODE_VERSION },
    dependencies,
    optionalDependencies,
    overrides,
  }
  const lock: unknown = JSON.parse(await readFile(join(source.root, 'package-lock.json'), 'utf8'))
  await mkdir(stage, { recursive: true })
  await writeFile(join(stage, 'package.json'), `${JSON.stringify(shipped, null, 2)}\n`)
  await writeFile(join(stage, 'package-lock.json'), `${JSON.stringify(withoutDev(lock), null, 2)}\n`)
  const { arch } = namesOf(platform)
  const flags = [
    '--omit=dev',
    '--ignore-scripts',
    '--os=linux',
    `--cpu=${arch}`,
    '--libc=glibc',
    '--no-audit',
  ]
  await outputOf(tools.node, [tools.npm, 'ci', ...flags, '--no-fund'], { cwd: stage, env: tools.env })
}

/** What of `dist/` a device runs. The tool that makes releases stays with those who make them. */
const COMPILED = ['drivers', 'gateway', 'provisioning', 'console']
const NOT_COMPILED = /\.map$|^provisioning\/release(\/|$)/

/** What of a model a device needs: the network, what it promises, and the answer that proves it computes. */
const MODEL = /^(manifest\.json|golden\.json|README\.md|.*\.onnx)$/

/** Puts Node and what is ours beside the packages. */
export async function copyOwn(
  source: Source,
  stage: string,
  runtime: string,
  strip: string,
  tools: Tools,
): Promise<void> {
  const { root } = source
  if (!existsSync(join(root, 'dist', 'gateway', 'cli.js'))) {
    throw new ReleaseError('dist/gateway/cli.js is missing: npm run build comes first')
  }
  await mkdir(join(stage, 'bin'), { recursive: true })
  await cp(join(runtime, 'bin', 'node'), join(stage, 'bin', 'node'))
  await chmod(join(stage, 'bin', 'node'), 0o755)
  await outputOf(strip, ['--strip-all', join(stage, 'bin', 'node')], { env: tools.env })
  const dist = join(root, 'dist')
  for (const part of COMPILED) {
    const kept = (path: string): boolean => !NOT_COMPILED.test(relative(dist, path))
    if (existsSync(join(dist, part))) {
      await cp(join(dist, part), join(stage, 'dist', part), { recursive: true, filter: kept })
    }
  }
  await copyMatching(join(root, 'flows'), join(stage, 'flows'), /(?<!\.md)$/)
  await copyMatching(join(root, 'docs'), join(stage, 'docs'), /\.md$/)
  await cp(join(root, 'systemd'), join(stage, 'systemd'), { recursive: true })
  await cp(join(root, 'LICENSE'), join(stage, 'LICENSE'))
  for (const model of await modelsIn(root)) {
    await copyMatching(join(root, 'models', model), join(stage, 'models', model), MODEL)
  }
  await rm(join(stage, 'package-lock.json'))
}

/** The folders below `models/` that hold a network. */
export async function modelsIn(root: string): Promise<readonly string[]> {
  const names = await readdir(join(root, 'models'))
  return names.filter((name) => existsSync(join(root, 'models', name, 'manifest.json'))).sort()
}

/** Copies the files of a folder whose names match, and whole folders within it. */
async function copyMatching(from: string, to: string, wanted: RegExp): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const folder = entry.isDirectory() && wanted.test('')
    if (folder || (entry.isFile() && wanted.test(entry.name))) {
      await cp(join(from, entry.name), join(to, entry.name), { recursive: true })
    }
  }
}

/** `release.json`: what a slot is, for the updater. */
export function releaseText(source: Source, { platform, variant }: Target): string {
  const told = {
    schema: 'poincon.release/1',
    version: source.version,
    commit: source.commit,
    platform,
    ...(variant === undefined ? {} : { variant, jetpack: JETPACK }),
    node: NODE_VERSION,
    // A clock that says less was never set; the commit's time, so that the same commit is the same release.
    built: new Date(source.seconds * 1000).toISOString(),
    store_schema: source.storeSchema,
  }
  return `${JSON.stringify(told, null, 2)}\n`
}
