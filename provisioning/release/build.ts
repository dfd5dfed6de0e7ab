import { createHash, type KeyObject } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeGzip } from './compress.ts'
import { debName, debOf } from './deb.ts'
import { signed } from './dsse.ts'
import { inspectTree } from './inspect-tree.ts'
import { checkLicences, licencesBelow, licenceText } from './licences.ts'
import { buildNatives, compilersFor, compilerVersion } from './native.ts'
import { libraryParts, modelParts, nodeParts, otherLicences, sqliteVersion } from './parts.ts'
import { namesOf, type Target, targetName } from './platforms.ts'
import { PAYLOAD_TYPE, provenanceOf, type Subject } from './provenance.ts'
import { prune } from './prune.ts'
import { textOf } from './run.ts'
import { fetchRuntime } from './runtime.ts'
import { bomText, packagesBom, withComponents } from './sbom.ts'
import { megabytes, sharesOf } from './sizes.ts'
import type { Source } from './source.ts'
import { copyOwn, installPackages, manifestOf, releaseText, rootsOf } from './stage.ts'
import { tarOf } from './tar.ts'
import type { Tools } from './tools.ts'
import { entriesBelow } from './tree.ts'
import { statementsIn, vexText } from './vex.ts'

export interface BuildOptions {
  readonly source: Source
  readonly target: Target
  /** Where the files of the release are put. */
  readonly out: string
  /** A folder of its own for the build; emptied before. */
  readonly work: string
  /** Signs the statement of provenance; without it there is a statement and no signature. */
  readonly key?: KeyObject
  readonly tools: Tools
  readonly say: (line: string) => void
}

/** What is put together before it is described and packed. */
export interface Prepared {
  /** Packages, compiled and pruned. */
  readonly stage: string
  /** The shipped Node's folder. */
  readonly runtime: string
  /** Version of the SQLite in sqlite3. */
  readonly sqlite: string
}

/** Builds one target. @returns the files it wrote, by name */
export async function build(options: BuildOptions): Promise<readonly Subject[]> {
  return finish(options, await prepare(options))
}

/** Fetches, installs, compiles and prunes. */
export async function prepare({ source, target, work, tools, say }: BuildOptions): Promise<Prepared> {
  const stage = join(work, 'stage')
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  say(`${targetName(target)}: fetching Node.js`)
  const runtime = await fetchRuntime(target.platform, work, tools)
  say('installing packages')
  await installPackages(source, target, stage, tools)
  const sqlite = await sqliteVersion(stage)
  await buildNatives({ platform: target.platform, stage, runtime, tools, say })
  say('pruning')
  await prune(stage, rootsOf(await manifestOf(source.root)), target.platform)
  return { stage, runtime, sqlite }
}

/** Describes what was prepared, adds what is ours, and packs it. */
export async function finish(options: BuildOptions, prepared: Prepared): Promise<readonly Subject[]> {
  const { source, target, tools } = options
  const { stage, runtime } = prepared
  const licences = await describe(options, prepared)
  await copyOwn(source, stage, runtime, compilersFor(target.platform, process.arch).strip, tools)
  return pack(options, stage, licences)
}

/** Writes down what is in the stage: bill of materials, licences, known vulnerabilities, and what release it is. */
async function describe(options: BuildOptions, { stage, runtime, sqlite }: Prepared): Promise<string> {
  const { source, target, tools } = options
  const { root, version } = source
  const at = new Date(source.seconds * 1000).toISOString()
  const bom = withComponents(await packagesBom(stage, root, tools), [
    ...(await nodeParts(target.platform, runtime)),
    ...(await libraryParts(stage, sqlite)),
    ...(await modelParts(root)),
  ])
  const licensed = [...(await otherLicences(root, runtime, version, sqlite)), ...(await licencesBelow(stage))]
  checkLicences(licensed)
  const licences = licenceText(`Poinçon ${version} and what it is made of`, licensed)
  const statements = await statementsIn(join(root, 'provisioning', 'release', 'vex.json'))
  await writeFile(join(stage, 'sbom.cdx.json'), bomText(bom, at))
  await writeFile(join(stage, 'licences.txt'), licences)
  const product = `pkg:generic/poincon@${version}`
  await writeFile(join(stage, 'vex.json'), vexText(statements, product, bom.components, at))
  await writeFile(join(stage, 'release.json'), releaseText(source, target))
  return licences
}

async function pack(options: BuildOptions, stage: string, licences: string): Promise<readonly Subject[]> {
  const { source, target, out, tools, say } = options
  const tree = await entriesBelow(stage, (path) => path === 'bin/node' || path.startsWith('systemd/bin/'))
  const { glibc, glibcxx, programs } = await inspectTree(stage, tree, namesOf(target.platform).machine)
  say(
    `${programs} programs and libraries, all of ${target.platform}; they need glibc ${glibc}, libstdc++ ${glibcxx ?? 'none'}`,
  )
  for (const [name, bytes] of sharesOf(tree)) say(`  ${megabytes(bytes).padStart(9)}  ${name}`)
  await mkdir(out, { recursive: true })
  const base = `poincon-${source.version}-${targetName(target)}`
  say('packing')
  const subjects: Subject[] = []
  const archive = await writeGzip(join(out, `${base}.tar.gz`), tarOf(tree, source.seconds))
  subjects.push({ name: `${base}.tar.gz`, sha256: archive.sha256 })
  say(`  ${megabytes(archive.bytes).padStart(9)}  ${base}.tar.gz`)
  const deb = await debOf({ source, target, tree, glibc, licences }, tools)
  subjects.push(await put(out, debName(source, target), deb))
  say(`  ${megabytes(deb.length).padStart(9)}  ${debName(source, target)}`)
  for (const name of ['sbom.cdx.json', 'vex.json', 'licences.txt']) {
    subjects.push(await put(out, `${base}.${name}`, await readFile(join(stage, name))))
  }
  return [...subjects, await provenance(options, `${base}.provenance.json`, subjects)]
}

async function provenance(
  options: BuildOptions,
  name: string,
  subjects: readonly Subject[],
): Promise<Subject> {
  const { source, target, out, key, tools } = options
  const lockfile = sha256(await readFile(join(source.root, 'package-lock.json')))
  const statement = provenanceOf(subjects, {
    source,
    target,
    lockfile,
    builtWith: {
      node: process.version,
      npm: await textOf(tools.node, [tools.npm, '--version'], { env: tools.env }),
      compiler: await compilerVersion(target.platform, tools),
      zlib: process.versions.zlib ?? 'unknown',
      xz: (await textOf('xz', ['--version'], { env: tools.env })).split('\n')[0] ?? 'unknown',
    },
  })
  const told = key === undefined ? statement : JSON.stringify(signed(PAYLOAD_TYPE, statement, key))
  return put(out, name, Buffer.from(told))
}

async function put(out: string, name: string, content: Uint8Array): Promise<Subject> {
  await writeFile(join(out, name), content)
  return { name, sha256: sha256(content) }
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
