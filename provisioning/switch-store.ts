import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { codeOf, isThere } from './slots-pointer.ts'
import { runChild, troubleOf } from './update-child.ts'
import type { UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

const MAX_SAID = 64 * 1024

/** Whether the new release moves the store to where the old one cannot follow. */
export function storeMoves({ from_schema: from, to_schema: to }: UpdateRecord): boolean {
  return to !== undefined && to !== from
}

/** The copy of the store that an update can put back. */
export function storeCopy({ id }: UpdateRecord, { dir }: Pick<UpdateTools, 'dir'>): string {
  return join(dir, 'store', `${id}.db`)
}

/**
 * Copies the store by the release that runs: verified, readable by the gateway's group.
 * @throws Error with what that release says
 */
export async function keepStore(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<void> {
  const { slots, pace, step, configFile, dataDir, dir } = tools
  await dropStore(update, tools)
  const slot = slots.path(update.from)
  const config = configFile === undefined ? [] : ['--config', configFile]
  const copy = storeCopy(update, tools)
  const end = await step('copy store', async () => {
    await mkdir(join(dir, 'store'), { recursive: true, mode: 0o750 })
    const args = [join(slot, 'dist/gateway/cli.js'), 'backup', '--out', copy, ...config]
    const limits = { timeoutMs: pace.backupMs, maxBytes: MAX_SAID, signal }
    const env = dataDir === undefined ? {} : { POINCON_DATA_DIR: dataDir }
    return await runChild({ command: join(slot, 'bin/node'), args, env, ...limits })
  })
  signal.throwIfAborted()
  const trouble = troubleOf('the copy of the store', end, pace.backupMs)
  if (trouble !== undefined) throw new Error(trouble)
  for (const file of await filesOf(copy)) await chmod(file, 0o640)
}

/** Whether the copy is there to be put back. */
export async function hasStore(update: UpdateRecord, tools: Pick<UpdateTools, 'dir'>): Promise<boolean> {
  return await isThere(storeCopy(update, tools))
}

export async function dropStore(
  update: UpdateRecord,
  tools: Pick<UpdateTools, 'dir' | 'step'>,
): Promise<void> {
  const files = await filesOf(storeCopy(update, tools))
  if (files.length === 0) return
  await tools.step('drop store copy', async () => {
    for (const file of files) await rm(file, { force: true })
  })
}

/** A backup and what stands beside it: manifest, catalogue. */
async function filesOf(copy: string): Promise<readonly string[]> {
  const folder = join(copy, '..')
  const stem = basename(copy, '.db')
  try {
    const names = await readdir(folder)
    return names.filter((name) => name.includes(stem)).map((name) => join(folder, name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
