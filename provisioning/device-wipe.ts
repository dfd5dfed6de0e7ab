import { lstat, readdir, readlink, realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { DeviceFolder } from './device.ts'
import { type DeviceFiles, deviceFiles } from './device-files.ts'
import { EnrolError } from './enrol-error.ts'
import type { KeyOptions } from './key-store.ts'
import { removePkcs11Key } from './key-store-pkcs11.ts'

/** What a wipe takes away. */
export interface WipePlan {
  /** Keys in files, the one in use last: gone before anything by which the next pass finds them. */
  readonly keys: readonly string[]
  /** Files and folders, with all that is in them; the keys are in these. */
  readonly paths: readonly string[]
  /** Those by which a device asks what it is told to do: they stay as long as a key does. */
  readonly identity: readonly string[]
  /** A key in a token, removed there. */
  readonly token: Extract<KeyOptions, { kind: 'pkcs11' }> | undefined
}

/** What a device speaks with, in the order in which it goes; while it goes, the lock keeps others out. */
const IDENTITY = ['device.key', 'ca.crt', 'device.json', 'current', 'device.crt', 'pairs', 'lock']

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
  const own = await realpath(resolve(dir)).catch(() => undefined)
  const identity: string[] = []
  for (const folder of [dir, ...others]) {
    const real = await realpath(resolve(folder)).catch(() => undefined)
    if (real === undefined) continue
    if (NEVER.includes(real) || real === homedir()) {
      throw new EnrolError('invalid', `${folder}: a folder of the system is not wiped`)
    }
    for (const name of (await readdir(real)).toSorted()) {
      const isIdentity = real === own && IDENTITY.includes(name)
      if (!isIdentity) paths.push(join(real, name))
      else identity.push(join(real, name))
    }
  }
  const place = (path: string): number => IDENTITY.indexOf(basename(path))
  identity.sort((one, other) => place(one) - place(other))
  // Settings that cannot be read any more must not keep what they speak of alive.
  const settings = await new DeviceFolder(dir).settings().catch(() => undefined)
  const token = settings?.key.kind === 'pkcs11' ? settings.key : undefined
  return { keys: own === undefined ? [] : await keysIn(own), paths: [...paths, ...identity], identity, token }
}

async function keysIn(dir: string): Promise<string[]> {
  const inUse = basename(await readlink(join(dir, 'current')).catch(() => ''))
  const pairs = await readdir(join(dir, 'pairs')).catch(() => [])
  const names = [...pairs.filter((name) => name !== inUse), ...pairs.filter((name) => name === inUse)]
  return [join(dir, 'incoming.key'), ...names.map((name) => join(dir, 'pairs', name, 'device.key'))]
}

/**
 * Removes what the plan names: the keys first, in the token and in files; the certificate last. With a key left that could
 * not be removed, what it is found by stays: the wipe can be begun again. Removed is not overwritten: flash keeps old
 * blocks until it needs them.
 * @returns what could not be removed, with the reason
 */
export async function wipe(plan: WipePlan, files: DeviceFiles = deviceFiles): Promise<string[]> {
  const left: string[] = []
  const attempt = async (what: string, act: () => Promise<void>): Promise<void> => {
    await act().catch(
      (error: unknown) => void left.push(`${what}: ${error instanceof Error ? error.message : error}`),
    )
  }
  const removed = (path: string): Promise<void> => attempt(path, () => removeThere(path, files))
  const { token } = plan
  if (token !== undefined) await attempt(`token ${token.token}`, () => removePkcs11Key(token))
  // The key in use goes only after all others: with it the device is told once more what it has not done.
  for (const path of plan.keys) if (left.length === 0) await removed(path)
  const kept = left.length > 0 ? plan.identity : []
  for (const path of plan.paths) if (!kept.includes(path)) await removed(path)
  left.push(...kept.map((path) => `${path}: kept as long as a key is`))
  return left
}

async function removeThere(path: string, files: DeviceFiles): Promise<void> {
  if (!(await isThere(path))) return
  await files.remove(path)
  if (await isThere(path)) throw new Error('still there')
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}
