import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { secretsIn } from '../config-secrets.ts'

/** No password or key is longer; what is longer is no secret of one line, and is not read. */
const LONGEST_BYTES = 64 * 1024
/** Names under which a configuration says where a secret lies; certificates and authorities are none. */
const SECRET_FILE = /(?:password|token|secret|key|credentials|users|header)_files?$/
/** Those bits of a mode that let others read. */
const OTHERS = 0o007

/**
 * Every secret that a station has: in its configuration, in the files that this names, and in its data directory, where
 * files that only their owner's group may read and that are small are taken for secrets. What cannot be read is left out:
 * then it can stand in nothing that this user collects, either.
 */
export async function secretsOf({
  schema,
  config,
  folders,
}: {
  readonly schema: z.ZodType
  readonly config: unknown
  /** Where secrets lie by themselves. */
  readonly folders: readonly string[]
}): Promise<readonly string[]> {
  const named = filesNamedIn(config)
  const lying = await Promise.all(folders.map(guardedIn))
  const texts = await Promise.all([...named, ...lying.flat()].map(textOf))
  return [...secretsIn(schema, config), ...texts.flatMap(secretLines)]
}

function filesNamedIn(value: unknown, key = ''): readonly string[] {
  if (typeof value === 'string') return SECRET_FILE.test(key) ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  // Of `header_files` the keys are names of headers.
  return Object.entries(value).flatMap(([name, inner]) =>
    filesNamedIn(inner, SECRET_FILE.test(key) ? key : name),
  )
}

/** A file of one word, or one with a word in each line: also the words beside the names. */
function secretLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('-----'))
  return [text.trim(), ...lines.flatMap((line) => [line, line.slice(line.search(/[:=]/) + 1).trim()])]
}

async function guardedIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => [])
  const guarded = await Promise.all(
    names.map(async (name) => {
      const { mode, size } = await lstat(join(folder, name))
      const small = size > 0 && size <= LONGEST_BYTES
      return (mode & OTHERS) === 0 && small && /key|token|secret|pass|credential|users/i.test(name)
        ? [join(folder, name)]
        : []
    }),
  )
  return guarded.flat()
}

async function textOf(path: string): Promise<string> {
  try {
    const { size } = await lstat(path)
    return size > LONGEST_BYTES ? '' : await readFile(path, 'utf8')
  } catch {
    return ''
  }
}
