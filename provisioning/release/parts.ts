import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ReleaseError } from './error.ts'
import type { Licensed } from './licences.ts'
import type { Platform } from './platforms.ts'
import { NODE_VERSION, RUNTIMES } from './runtime.ts'
import type { Component } from './sbom.ts'
import { modelsIn } from './stage.ts'

/** Libraries that Node carries within, and where its headers tell their versions (POSIX paths below include/node). */
const WITHIN_NODE: Readonly<Record<string, readonly [file: string, version: RegExp]>> = {
  // The same for every machine; this one is there in the headers of all.
  openssl: [
    'openssl/archs/linux-x86_64/asm/include/openssl/opensslv.h',
    /define OPENSSL_VERSION_STR "([^"]+)"/,
  ],
  zlib: ['zlib.h', /define ZLIB_VERSION "([^"]+)"/],
}

/** The Node in a release and what it carries. */
export async function nodeParts(platform: Platform, runtime: string): Promise<readonly Component[]> {
  const { name, integrity } = RUNTIMES[platform]
  const content = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
  const found: Component[] = [
    {
      type: 'platform',
      name: 'node',
      version: NODE_VERSION,
      'bom-ref': `node@${NODE_VERSION}`,
      cpe: `cpe:2.3:a:nodejs:node.js:${NODE_VERSION}:*:*:*:*:*:*:*`,
      purl: `pkg:generic/node@${NODE_VERSION}`,
      properties: [{ name: 'poincon:packed-as', value: `pkg:npm/${name}@${NODE_VERSION}` }],
      hashes: [{ alg: 'SHA-512', content }],
      licenses: [{ license: { id: 'MIT' } }],
    },
  ]
  for (const [library, [file, pattern]] of Object.entries(WITHIN_NODE)) {
    const text = await readFile(join(runtime, 'include', 'node', file), 'utf8').catch(() => '')
    const version = pattern.exec(text)?.[1]
    if (version !== undefined) found.push(bundled(library, version, `node@${NODE_VERSION}`))
  }
  return found
}

const VERSIONS = z.record(z.string(), z.string())

/** Libraries of C within packages: SQLite in sqlite3, and what libvips is made of. */
export async function libraryParts(stage: string, sqlite: string): Promise<readonly Component[]> {
  const images = join(stage, 'node_modules', '@img')
  const vips = (await readdir(images)).find((name) => name.startsWith('sharp-libvips-'))
  if (vips === undefined) throw new ReleaseError(`${images}: no sharp-libvips for this platform`)
  const versions = VERSIONS.parse(JSON.parse(await readFile(join(images, vips, 'versions.json'), 'utf8')))
  return [
    bundled('sqlite', sqlite, 'sqlite3'),
    ...Object.entries(versions).map(([name, version]) => bundled(name, version, `@img/${vips}`)),
  ]
}

/** `3520000` → `3.52.0`, as SQLite numbers its archives (https://www.sqlite.org/versionnumbers.html). */
export async function sqliteVersion(stage: string): Promise<string> {
  const names = await readdir(join(stage, 'node_modules', 'sqlite3', 'deps'))
  const number = names
    .map((name) => /^sqlite-autoconf-(\d)(\d\d)(\d\d)\d\d\./.exec(name))
    .find((match) => match)
  if (!number) throw new ReleaseError('sqlite3: no archive of SQLite in deps/')
  return number.slice(1, 4).map(Number).join('.')
}

function bundled(name: string, version: string, within: string): Component {
  return {
    type: 'library',
    name,
    version,
    'bom-ref': `${within}|${name}@${version}`,
    purl: `pkg:generic/${name}@${version}`,
    properties: [{ name: 'poincon:bundled-in', value: within }],
  }
}

const MODEL = z.looseObject({ name: z.string(), file: z.string(), licence: z.string() })

/** The networks, each with the digest of its file. */
export async function modelParts(root: string): Promise<readonly Component[]> {
  const found: Component[] = []
  for (const folder of await modelsIn(root)) {
    const at = join(root, 'models', folder)
    const { name, file, licence } = MODEL.parse(JSON.parse(await readFile(join(at, 'manifest.json'), 'utf8')))
    const content = createHash('sha256')
      .update(await readFile(join(at, file)))
      .digest('hex')
    found.push({
      type: 'machine-learning-model',
      name,
      // A network has no number: its bytes name it.
      version: content.slice(0, 12),
      'bom-ref': `model:${name}`,
      licenses: [{ license: { id: licence } }],
      hashes: [{ alg: 'SHA-256', content }],
      properties: [{ name: 'poincon:path', value: `models/${folder}/${file}` }],
    })
  }
  return found
}

/** Whose rights npm does not tell: Node's, with all that it carries, SQLite's, and our own. */
export async function otherLicences(
  root: string,
  runtime: string,
  version: string,
  sqlite: string,
): Promise<Licensed[]> {
  const text = await readFile(join(runtime, 'LICENSE'), 'utf8')
  return [
    {
      name: 'poincon',
      version,
      licence: 'MIT',
      text: (await readFile(join(root, 'LICENSE'), 'utf8')).trim(),
    },
    { name: 'node', version: NODE_VERSION, licence: 'MIT', text: text.trim() },
    {
      name: 'sqlite',
      version: sqlite,
      licence: 'CC0-1.0',
      text: 'Public domain: https://www.sqlite.org/copyright.html',
    },
  ]
}
