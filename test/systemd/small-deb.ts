import { debOf } from '../../provisioning/release/deb.ts'
import type { Source } from '../../provisioning/release/source.ts'
import { type Entry, textFile } from '../../provisioning/release/tree.ts'

/**
 * A package as the release makes it, with everything but the release in it: what dpkg and its scripts do takes seconds then.
 * Its `node` is a shell that says what it was asked for.
 * @param root the repository's
 */
export async function smallDeb(root: string, version: string): Promise<Uint8Array> {
  const source: Source = {
    root,
    version,
    commit: '0'.repeat(40),
    seconds: 1_700_000_000,
    clean: true,
    storeSchema: 1,
  }
  const facts = {
    schema: 'poincon.release/1',
    version,
    commit: source.commit,
    platform: 'linux-x64',
    node: '20',
    store_schema: 1,
  }
  const tree: Entry[] = [
    textFile('release.json', `${JSON.stringify(facts)}\n`),
    textFile('bin/node', '#!/bin/sh\necho "node of" "$0" "$@"\n', 0o755),
    textFile('dist/gateway/cli.js', `// ${version}\n`),
  ]
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  const content = {
    source,
    target: { platform: 'linux-x64' as const },
    tree,
    glibc: '2.28',
    licences: 'MIT\n',
  }
  return await debOf(content, { node: process.execPath, npm: '', gyp: '', env })
}
