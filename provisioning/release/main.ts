import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from './build.ts'
import { keyIdOf } from './dsse.ts'
import { ReleaseError } from './error.ts'
import { TARGETS, targetName, targetNamed } from './platforms.ts'
import type { Subject } from './provenance.ts'
import { smoke } from './smoke.ts'
import { sourceOf } from './source.ts'
import { sumsText } from './sums.ts'
import { toolsIn } from './tools.ts'
import { verifyRelease } from './verify.ts'

const USAGE = `npm run release -- [--platform NAME…] [--out DIR] [--work DIR] [--as VERSION]
                  (--key FILE | --unsigned)
npm run release -- smoke ARCHIVE [--work DIR]
npm run release -- verify DIR --public-key FILE

Builds the releases of this commit: for each platform an archive, a Debian package, bill of materials, licences, known
vulnerabilities and a statement of provenance, and SHA256SUMS for all.

  --platform NAME    ${Object.keys(TARGETS).join(', ')} (default: the first two)
  --out DIR          where they are put (default: release/)
  --work DIR         where they are built (default: release/work/)
  --as VERSION       another version than that of package.json
  --key FILE         ed25519 private key (PEM) that signs the statement of provenance
  --unsigned         does without; nobody can verify such a release
smoke runs the archive, apart from this tree and without a Node of the machine, until its first verdict.

Exit codes: 0 done · 1 something failed · 2 wrong usage
`

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      platform: { type: 'string', multiple: true, default: ['linux-x64', 'linux-arm64'] },
      out: { type: 'string', default: join(ROOT, 'release') },
      work: { type: 'string' },
      as: { type: 'string' },
      key: { type: 'string' },
      unsigned: { type: 'boolean', default: false },
      'public-key': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [verb, path, ...rest] = positionals
  const work = resolve(values.work ?? join(values.out, 'work'))
  if (values.help) return usage(process.stdout, 0)
  if (verb === undefined) return await release({ ...values, out: resolve(values.out), work })
  if (path === undefined || rest.length > 0) return usage(process.stderr, 2)
  if (verb === 'smoke') return await smoke(resolve(path), join(work, 'smoke'), say)
  if (verb !== 'verify' || values['public-key'] === undefined) return usage(process.stderr, 2)
  const key = createPublicKey(await readFile(values['public-key']))
  const checked = await verifyRelease(resolve(path), key)
  say(`${checked.length} files are as key ${keyIdOf(key)} vouches for`)
  return 0
}

function usage(stream: NodeJS.WriteStream, code: number): number {
  stream.write(USAGE)
  return code
}

interface Wanted {
  readonly platform: readonly string[]
  readonly out: string
  readonly work: string
  readonly as?: string | undefined
  readonly key?: string | undefined
  readonly unsigned: boolean
}

async function release({ platform, out, work, as, key: file, unsigned }: Wanted): Promise<number> {
  if ((file === undefined) !== unsigned) {
    throw new ReleaseError('either --key FILE, or --unsigned: a release that nobody can verify')
  }
  const key = file === undefined ? undefined : privateKey(await readFile(file))
  const tools = toolsIn(process.env, process.execPath)
  const source = await sourceOf(ROOT, tools, as)
  say(`poincon ${source.version} of ${source.commit}`)
  if (!source.clean) say('THE TREE IS NOT CLEAN: what is built is not what the commit says')
  if (key === undefined) say('NOT SIGNED: nobody can verify this release')
  const subjects: Subject[] = []
  for (const target of platform.map(targetNamed)) {
    const folder = join(work, targetName(target))
    const options = { source, target, out, work: folder, tools, say }
    subjects.push(...(await build(key === undefined ? options : { ...options, key })))
  }
  await writeFile(join(out, 'SHA256SUMS'), sumsText(subjects))
  return 0
}

function privateKey(pem: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(pem), format: 'pem' })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const told = error instanceof ReleaseError ? error.message : error instanceof Error ? error.stack : error
  process.stderr.write(`release: ${told}\n`)
  process.exitCode = 1
}
