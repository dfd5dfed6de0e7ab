/**
 * The update client under the command line of the official conformance suite (theupdateframework/tuf-conformance,
 * CLIENT-CLI.md):
 *
 *     node dist/test/tools/tuf-client.js --metadata-dir D init TRUSTED_ROOT
 *     node dist/test/tools/tuf-client.js --metadata-dir D --metadata-url U refresh
 *     node dist/test/tools/tuf-client.js --metadata-dir D --metadata-url U --target-name N --target-base-url B --target-dir T download
 *
 * Exit code 0: done; 1: refused or away, said on standard error; 64: called otherwise.
 */
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { Downloads } from '../../provisioning/download.ts'
import { Fetcher } from '../../provisioning/fetcher.ts'
import { Repository } from '../../provisioning/repository.ts'
import { RepositoryAway } from '../../provisioning/tuf-errors.ts'
import { TrustCache } from '../../provisioning/tuf-trust.ts'

const { values, positionals } = parseArgs({
  options: {
    'metadata-dir': { type: 'string' },
    'metadata-url': { type: 'string' },
    'target-name': { type: 'string' },
    'target-base-url': { type: 'string' },
    'target-dir': { type: 'string' },
  },
  allowPositionals: true,
})

class UsageError extends Error {}

function given(name: keyof typeof values): string {
  const value = values[name]
  if (value === undefined) throw new UsageError(`--${name} is missing`)
  return value
}

function folderUrl(text: string): URL {
  return new URL(text.replace(/\/*$/, '/'))
}

/** Not `.json`: the suite takes every such file for metadata. */
function installedRoot(folder: string): string {
  return join(folder, '.installed-root')
}

async function init(root: string | undefined): Promise<void> {
  if (root === undefined) throw new UsageError('init needs a file: TRUSTED_ROOT')
  const folder = given('metadata-dir')
  await mkdir(folder, { recursive: true })
  await copyFile(root, installedRoot(folder))
  await copyFile(root, join(folder, 'root.json'))
}

function repository(fetcher: Fetcher, targets: URL): Repository {
  const folder = given('metadata-dir')
  return new Repository({
    metadata: folderUrl(given('metadata-url')),
    targets,
    cache: new TrustCache({ root: installedRoot(folder), folder }),
    fetcher,
    clock: systemClock,
    // The suite's oldest repositories are of another year, and it sets the clock to match.
    builtAt: 0,
  })
}

async function download(fetcher: Fetcher, signal: AbortSignal): Promise<void> {
  const folder = join(given('metadata-dir'), '.downloads')
  const downloads = new Downloads({ fetcher, folder, clock: systemClock, reserveBytes: 0 })
  const name = given('target-name')
  const source = repository(fetcher, folderUrl(given('target-base-url')))
  const path = await source.refreshed(signal, async (trusted) => {
    const target = await trusted.find(name)
    if (target === undefined) throw new RepositoryAway('not-offered', `no target ${name}`)
    return await downloads.bring({ target, url: trusted.address(target), signal })
  })
  await mkdir(given('target-dir'), { recursive: true })
  await copyFile(path, join(given('target-dir'), encodeURIComponent(name)))
}

async function main(): Promise<void> {
  const fetcher = new Fetcher({ clock: systemClock, proxy: () => undefined })
  const { signal } = new AbortController()
  const [command, operand] = positionals
  if (command === 'init') await init(operand)
  else if (command === 'refresh') {
    await repository(fetcher, folderUrl(given('metadata-url'))).refreshed(signal, () => Promise.resolve())
  } else if (command === 'download') await download(fetcher, signal)
  else throw new UsageError('expected init, refresh or download')
}

try {
  await main()
} catch (error) {
  const code = error instanceof Error && 'code' in error ? ` ${error.code}` : ''
  console.error(error instanceof Error ? `${error.name}${code}: ${error.message}` : String(error))
  process.exitCode = error instanceof UsageError ? 64 : 1
}
