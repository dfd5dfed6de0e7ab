import { lstat, readdir, realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { DeviceFolder } from './device.ts'
import { type DeviceFiles, deviceFiles } from './device-files.ts'
import { EnrolError } from './enrol-error.ts'
import type { KeyOptions } from './key-store.ts'
import { removePkcs11Key } from './key-store-pkcs11.ts'

/** What a wipe takes away. */
export interface WipePlan {
  /** Files and folders, with all that is in them. */
  readonly paths: readonly string[]
  /** A key in a token, removed there. */
  readonly token: Extract<KeyOptions, { kind: 'pkcs11' }> | undefined
}

/** Nothing of these is ever a device's own folder. */
const NEVER = [
  '/',
  '/etc',
  '/var',
  '/var/lib',
  '/usr',
  '/opt',
  '/home',
  '/root',
  '/tmp',
  '/run',
  '/boot',
  '/srv',
]

/**
 * What there is to remove: the content of the identity's folder, and of each other folder given. The folders themselves
 * stay, with their owners.
 * @throws EnrolError `invalid` when a folder is one of the system's
 */
export async function wipePlan(dir: string, others: readonly string[]): Promise<WipePlan> {
  const paths: string[] = []
  for (const folder of [dir, ...others]) {
    const real = await realpath(resolve(folder)).catch(() => undefined)
    if (real === undefined) continue
    if (NEVER.includes(real) || real === homedir()) {
      throw new EnrolError('invalid', `${folder}: a folder of the system is not wiped`)
    }
    for (const name of (await readdir(real)).toSorted()) paths.push(join(real, name))
  }
  // Settings that cannot be read any more must not keep what they speak of alive.
  const settings = await new DeviceFolder(dir).settings().catch(() => undefined)
  return { paths, token: settings?.key.kind === 'pkcs11' ? settings.key : undefined }
}

/**
 * Removes what the plan names: the key in the token first, the certificate last, so that a wipe that was cut off can be
 * begun again. Removed is not overwritten: flash keeps old blocks until it needs them.
 * @returns what could not be removed, with the reason
 */
export async function wipe(plan: WipePlan, files: DeviceFiles = deviceFiles): Promise<string[]> {
  const left: string[] = []
  const attempt = async (what: string, act: () => Promise<void>): Promise<void> => {
    await act().catch(
      (error: unknown) => void left.push(`${what}: ${error instanceof Error ? error.message : error}`),
    )
  }
  const { token } = plan
  if (token !== undefined) await attempt(`token ${token.token}`, () => removePkcs11Key(token))
  // With a key left in its token the settings, which say where it is, stay as well.
  const kept = left.length > 0 ? 'device.json' : undefined
  for (const path of plan.paths) {
    if (kept !== undefined && path.endsWith(`/${kept}`)) continue
    await attempt(path, () => files.remove(path))
    if (
      (await lstat(path).catch(() => undefined)) !== undefined &&
      !left.some((one) => one.startsWith(path))
    ) {
      left.push(`${path}: still there`)
    }
  }
  return left
}
