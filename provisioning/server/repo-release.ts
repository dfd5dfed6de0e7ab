import { list } from 'tar'
import { z } from 'zod'
import { platform, version } from '../targets.ts'
import { messageOf, RepoError } from './repo-error.ts'

const LONGEST_BYTES = 64 * 1024

const releaseSchema = z.looseObject({
  schema: z.literal('poincon.release/1'),
  version,
  platform,
  variant: z.literal('jetson').exactOptional(),
  store_schema: z.int().nonnegative(),
})
export type ReleaseFacts = z.infer<typeof releaseSchema>

/**
 * What the release.json of a release's tarball says of it.
 * @returns undefined when the file is no tarball, or has no release.json at its top
 * @throws RepoError when it has one that is wrong
 */
export async function releaseFacts(file: string): Promise<ReleaseFacts | undefined> {
  if (!/\.tar(?:\.[a-z0-9]+)?$/.test(file)) return undefined
  const chunks: Buffer[] = []
  let tooLong = false
  try {
    await list({
      file,
      strict: true,
      filter: (path) => /^(?:\.\/)?(?:[^/]+\/)?release\.json$/.test(path),
      onReadEntry: (entry) => {
        tooLong ||= entry.size > LONGEST_BYTES
        entry.on('data', (chunk: Buffer) => {
          if (!tooLong) chunks.push(chunk)
        })
      },
    })
  } catch (error) {
    throw new RepoError(`${file}: ${messageOf(error)}: expected a whole tarball`)
  }
  if (chunks.length === 0 && !tooLong) return undefined
  if (tooLong) throw new RepoError(`${file}: release.json: longer than ${LONGEST_BYTES} bytes`)
  return parseRelease(file, Buffer.concat(chunks).toString('utf8'))
}

function parseRelease(file: string, text: string): ReleaseFacts {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new RepoError(`${file}: release.json: ${messageOf(error)}`)
  }
  const checked = releaseSchema.safeParse(content)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw new RepoError(`${file}: release.json: ${issue?.path.join('.')}: ${issue?.message}`)
}
