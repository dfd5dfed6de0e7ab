import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ENVELOPE, payloadOf } from './dsse.ts'
import { ReleaseError } from './error.ts'
import { PAYLOAD_TYPE, STATEMENT, type Subject } from './provenance.ts'
import { sha256Of, sumsIn } from './sums.ts'

const SUFFIX = '.provenance.json'

/**
 * Checks a folder that `npm run release` filled: every file is as listed, and every file but the statements themselves
 * is named by a statement that the key signed.
 * @returns the files that were checked
 * @throws ReleaseError naming what is wrong
 */
export async function verifyRelease(folder: string, key: KeyObject): Promise<readonly Subject[]> {
  const listed = sumsIn(await readFile(join(folder, 'SHA256SUMS'), 'utf8'))
  const statements = listed.filter(({ name }) => name.endsWith(SUFFIX))
  if (statements.length === 0) throw new ReleaseError(`${folder}: no statement of provenance is listed`)
  const vouched = new Map<string, string>()
  for (const { name } of statements) {
    for (const subject of await subjectsIn(join(folder, name), key)) vouched.set(subject.name, subject.sha256)
  }
  for (const { name, sha256 } of listed) {
    const found = await sha256Of(join(folder, name))
    if (found !== sha256) throw new ReleaseError(`${name}: its SHA-256 is ${found}, listed is ${sha256}`)
    if (name.endsWith(SUFFIX)) continue
    const said = vouched.get(name)
    if (said === undefined) throw new ReleaseError(`${name}: no signed statement names it`)
    if (said !== sha256)
      throw new ReleaseError(`${name}: listed is ${sha256}, the signed statement says ${said}`)
  }
  return listed
}

/** What a signed statement vouches for. */
async function subjectsIn(path: string, key: KeyObject): Promise<readonly Subject[]> {
  const envelope = ENVELOPE.safeParse(JSON.parse(await readFile(path, 'utf8')))
  if (!envelope.success) throw new ReleaseError(`${path}: not signed, or no DSSE envelope`)
  const payload = payloadOf(envelope.data, PAYLOAD_TYPE, key)
  const statement = STATEMENT.safeParse(JSON.parse(Buffer.from(payload).toString()))
  if (!statement.success) throw new ReleaseError(`${path}: ${z.prettifyError(statement.error)}`)
  return statement.data.subject.map(({ name, digest }) => ({ name, sha256: digest.sha256 }))
}
