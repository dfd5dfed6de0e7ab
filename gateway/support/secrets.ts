import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { secretsIn } from '../config-secrets.ts'

/** No password or key is longer; what is longer is no secret of one line, and is not read. */
const LONGEST_BYTES = 64 * 1024
/** Names under which a configuration says where a secret lies; certificates and authorities are none. */
const SECRET_FILE = /(?:password|token|secret|key|credentials|users|header)_files?$/
/** Those bits of a mode that let others read. */
const OTHERS = 0o007

/** The secrets of a station, and where some may be that nobody could look for. */
export interface KnownSecrets {
  readonly secrets: readonly string[]
  /** Files and folders, with the reason. */
  readonly unread: readonly string[]
}

/**
 * Every secret that a station has: in its configuration, in the files that this names, and in its data directory, where
 * files that only their owner's group may read and that are small are taken for secrets. What cannot be read is named:
 * whoever gets the bundle knows what it was not searched for.
 * @param config as it was read; of one that is wrong: its values, as far as anybody can tell
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
}): Promise<KnownSecrets> {
  const named = filesNamedIn(config)
  const lying = await Promise.all(folders.map(guardedIn))
  const files = [...new Set([...named, ...lying.flatMap(({ files: own }) => own)])]
  const texts = await Promise.all(files.map(textOf))
  return {
    secrets: [
      ...secretsIn(schema, config),
      ...texts.flatMap((read) => ('text' in read ? secretLines(read.text) : [])),
    ],
    unread: [
      ...lying.flatMap(({ unread }) => unread),
      ...texts.flatMap((read) => ('unread' in read ? [read.unread] : [])),
    ],
  }
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

async function guardedIn(
  folder: string,
): Promise<{ readonly files: readonly string[]; readonly unread: readonly string[] }> {
  const names = await readdir(folder).catch(codeOf)
  if (typeof names === 'string')
    return { files: [], unread: names === 'ENOENT' ? [] : [`${folder}: ${names}`] }
  const unread: string[] = []
  const guarded = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const found = await lstat(path).catch(codeOf)
      if (typeof found === 'string') {
        unread.push(`${path}: ${found}`)
        return []
      }
      const small = found.size > 0 && found.size <= LONGEST_BYTES
      const named = /key|token|secret|pass|credential|users/i.test(name)
      return found.isFile() && (found.mode & OTHERS) === 0 && small && named ? [path] : []
    }),
  )
  return { files: guarded.flat(), unread }
}

async function textOf(path: string): Promise<{ readonly text: string } | { readonly unread: string }> {
  try {
    const { size } = await stat(path)
    if (size > LONGEST_BYTES) return { unread: `${path}: ${size} bytes, expected at most ${LONGEST_BYTES}` }
    return { text: await readFile(path, 'utf8') }
  } catch (error) {
    return { unread: `${path}: ${codeOf(error)}` }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
