import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'
import { codeOf, isThere, syncFolder } from './slots-pointer.ts'
import type { UpdateTools } from './update-tools.ts'

/** A gateway that starts and finds it keeps the line locked (`poincon.trial/1`). */
export const TRIAL_FILE = 'trial.json'
export const trialNote = z.looseObject({ version: z.string(), until: z.iso.datetime() })

/** A gateway that starts and finds it puts its store back first (`poincon.store-return/1`). */
export const RETURN_FILE = 'store-return.json'
export const returnNote = z.looseObject({
  schema: z.literal('poincon.store-return/1'),
  /** Of the update: a store is put back once for each. */
  id: z.string(),
  /** The release that is to do it: no other touches its store. */
  version: z.string(),
  /** The copy, as `poincon backup --out` made it. */
  backup: z.string(),
})
export type ReturnNote = Readonly<z.infer<typeof returnNote>>

// The gateway's group reads them.
const MODE = 0o640

type Where = Pick<UpdateTools, 'dir' | 'step'>

export async function writeTrial({ dir, step }: Where, version: string, until: string): Promise<void> {
  const note = { schema: 'poincon.trial/1', version, until }
  await step('write trial', () => replaceFile(join(dir, TRIAL_FILE), `${JSON.stringify(note)}\n`, MODE))
}

export async function removeTrial(where: Where): Promise<void> {
  await remove(where, TRIAL_FILE, 'remove trial')
}

export async function writeReturn({ dir, step }: Where, note: Omit<ReturnNote, 'schema'>): Promise<void> {
  const text = `${JSON.stringify({ schema: 'poincon.store-return/1', ...note })}\n`
  await step('write store return', () => replaceFile(join(dir, RETURN_FILE), text, MODE))
}

export async function removeReturn(where: Where): Promise<void> {
  await remove(where, RETURN_FILE, 'remove store return')
}

/** What a gateway that starts has to put back; undefined: nothing, or not by this release. */
export async function readReturn(dir: string, version: string): Promise<ReturnNote | undefined> {
  try {
    const note = returnNote.parse(JSON.parse(await readFile(join(dir, RETURN_FILE), 'utf8')))
    return note.version === version ? note : undefined
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function remove({ dir, step }: Where, name: string, as: string): Promise<void> {
  const file = join(dir, name)
  if (!(await isThere(file))) return
  await step(as, async () => {
    await rm(file, { force: true })
    await syncFolder(dir)
  })
}
