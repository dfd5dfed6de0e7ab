import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Publisher } from '../fakes/publisher.ts'

/** The release that a station is updated to, and the one that cannot start; both are the given one under other numbers. */
export const GOOD = '0.2.0'
export const BROKEN = '0.3.0'

/** Its self-test finds nothing of it: what is loaded by `run` alone. */
const CRASH = "throw new Error('a release that cannot start')\n"

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

/** Another number on an unpacked release, packed. */
async function packAs(version: string, tree: string, dir: string): Promise<string> {
  for (const name of ['release.json', 'package.json']) {
    const facts: unknown = JSON.parse(await readFile(join(tree, name), 'utf8'))
    await writeFile(join(tree, name), JSON.stringify({ ...z.looseObject({}).parse(facts), version }))
  }
  const file = join(dir, `poincon-${version}-linux-x64.tar.gz`)
  must('sh', '-c', 'cd "$1" && tar -c --owner 0 --group 0 * | gzip -1 >"$2"', 'sh', tree, file)
  return file
}

/**
 * A TUF repository at two times: with a good release, and with a broken one after it. Signed and rolled out as a publisher
 * does it.
 * @param archive of the release that both are made of
 * @param dir where `first`, `second` (what a web server shows) and `root.json` come to lie
 */
export async function publishLife(archive: string, dir: string): Promise<void> {
  const publisher = await Publisher.published()
  try {
    const tree = join(dir, 'tree')
    await mkdir(tree, { recursive: true })
    must('tar', '--extract', '--file', archive, '--directory', tree)
    for (const [stage, version] of [
      ['first', GOOD],
      ['second', BROKEN],
    ] as const) {
      if (version === BROKEN) await writeFile(join(tree, 'dist/gateway/commands/run.js'), CRASH)
      const file = await packAs(version, tree, dir)
      await publisher.must('add', file, '--channel', 'stable')
      await publisher.release('root')
      const online = ['--online-key', publisher.path('online.key')]
      const what = `release/poincon/${version}`
      await publisher.must('rollout', what, '--channel', 'stable', '--percent', '100', ...online)
      must('cp', '--recursive', join(publisher.dir, 'public'), join(dir, stage))
      await rm(file)
    }
    must('cp', join(publisher.dir, 'public/metadata/1.root.json'), join(dir, 'root.json'))
    await rm(tree, { recursive: true })
  } finally {
    await publisher.close()
  }
}
