import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Contents, contentKey } from './content.ts'
import { syncFolder } from './slots-pointer.ts'
import type { Subject } from './subject.ts'
import type { TargetKind } from './targets.ts'
import { IntegrityError, storageError } from './tuf-errors.ts'
import { unpack } from './unpack.ts'
import { NOTHING, type UpdateRecord } from './update-machine.ts'
import { contentTest } from './update-self-test.ts'
import type { UpdateTools } from './update-tools.ts'

/** A kind that lies below `content/`, as its only file is called there. */
export type ContentKind = Extract<TargetKind, 'configuration' | 'model' | 'firmware' | 'flow' | 'recipe'>
const FILES: Readonly<Record<ContentKind, string>> = {
  configuration: 'configuration.yaml',
  model: 'manifest.json',
  firmware: 'firmware.bin',
  flow: 'flows.json',
  recipe: 'recipe.yaml',
}
// The largest of our networks has 2 MB; others may have larger ones.
const ARCHIVE_LIMITS = { bytes: 1e9, entries: 10_000, links: false }
const MAX_FILE_BYTES = 16e6

/** Content that the gateway reads when it starts. */
export function contentSubject(kind: ContentKind): Subject {
  return {
    folders: () => [],
    current: async (update, tools) => (await new Contents(tools).current(update)) ?? NOTHING,
    has: (update, tools) => new Contents(tools).has(update, update.to, update.target.hash),
    unpack: (update, file, tools, signal) => bring(kind, { update, file }, tools, signal),
    // The store stays as it is.
    unpacked: ({ from_schema: storeSchema }) => Promise.resolve({ type: 'unpacked', storeSchema }),
    test: contentTest,
    put: (update, tools) => new Contents(tools).put(update, update.to),
    back: async (update, tools) => {
      const contents = new Contents(tools)
      if (update.from === NOTHING) await contents.clear(update)
      else await contents.put(update, update.from)
    },
    restart: (_update, { supervisor }, signal) => supervisor.restart(signal),
    runs: ({ content }, version, update) => (content.get(contentKey(update)) ?? NOTHING) === version,
    // What was refused may be looked at no more; the one before may be come back to.
    tidy: async (update, tools, bad) =>
      await new Contents(tools).prune(update, bad ? [update.from] : [update.from, update.to]),
  }
}

/** Unpacks an archive, or copies the one file, beside the others, and gives it its name. */
export async function bring(
  kind: ContentKind,
  { update, file }: { readonly update: UpdateRecord; readonly file: string },
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<void> {
  const contents = new Contents(tools)
  const incoming = await contents.clearIncoming(update, update.to)
  const isArchive = /\.(?:tar|tgz|tar\.[a-z0-9]+)$/.test(update.target.path)
  if (kind === 'model' && !isArchive)
    throw new IntegrityError('malformed', `${update.target.path}: expected a .tar or .tar.gz of the model`)
  if (isArchive) await tools.step('unpack', () => unpack(file, incoming, { limits: ARCHIVE_LIMITS, signal }))
  else await tools.step('copy content', () => copy(file, join(incoming, FILES[kind]), incoming))
  if (!(await stat(join(incoming, FILES[kind])).catch(() => undefined))?.isFile())
    throw new IntegrityError('malformed', `${update.target.path}: expected ${FILES[kind]} in it`)
  await contents.admit(update, update.to, update.target.hash)
}

async function copy(from: string, to: string, folder: string): Promise<void> {
  const { size } = await stat(from)
  if (size > MAX_FILE_BYTES)
    throw new IntegrityError('malformed', `${from}: ${size} bytes: expected at most ${MAX_FILE_BYTES}`)
  try {
    const file = await open(to, 'wx', 0o640)
    try {
      await file.writeFile(await readFile(from))
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(folder)
  } catch (error) {
    throw storageError(error, `copying to ${to}`)
  }
}
