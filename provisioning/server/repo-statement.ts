import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { replaceFile } from '../../gateway/replace-file.ts'
import { STATEMENT_SUFFIX, type Statement, statementSchema } from '../hawkbit-statement.ts'
import { RepoError } from './repo-error.ts'
import { mustBePublished, type RepoFolder } from './repo-folder.ts'
import { meant } from './repo-targets.ts'

/**
 * Writes, for each target that is meant, the statement that goes beside its file to a server that is no TUF repository
 * (hawkBit).
 * @returns the files
 * @throws RepoError when the channel does not list it
 */
export async function writeStatements(
  folder: RepoFolder,
  { named, channel, out }: { readonly named: string; readonly channel: string; readonly out: string },
): Promise<string[]> {
  const published = await mustBePublished(folder)
  const role = published.roles.get(channel)
  if (role === undefined)
    throw new RepoError(`channel ${JSON.stringify(channel)}: nothing is published in it`)
  const roots: unknown[] = []
  for (let version = 2; version <= published.root.signed.version; version++) {
    roots.push(JSON.parse(await readFile(join(folder.metadata, `${version}.root.json`), 'utf8')))
  }
  const written: string[] = []
  for (const { path } of meant(role.signed, channel, named)) {
    const statement: Statement = statementSchema.parse({
      ...{ schema: 'poincon.statement/1', path, roots },
      targets: JSON.parse(JSON.stringify(published.targets.toJSON())),
      channel: JSON.parse(JSON.stringify(role.toJSON())),
    })
    const file = join(out, `${posix.basename(path)}${STATEMENT_SUFFIX}`)
    await replaceFile(file, `${JSON.stringify(statement)}\n`)
    written.push(file)
  }
  return written
}
