import type { X509Certificate } from 'node:crypto'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { fingerprint, parsePem, toPem } from './certificate.ts'
import type { Curve } from './certificate-request.ts'
import { type DeviceFiles, deviceFiles } from './device-files.ts'
import { EnrolError } from './enrol-error.ts'
import { type DeviceKey, keyOptions, newKey, readKey } from './key-store.ts'
import { pkcs11Key } from './key-store-pkcs11.ts'

/** What `enrol` was told, and `renew` needs again: `device.json`. */
export const deviceSettings = z.strictObject({
  schema: z.literal('poincon.device-settings/1'),
  url: z.string(),
  device_id: z.string().regex(/^[a-z0-9-]{1,64}$/),
  serial: z.string().optional(),
  key: keyOptions,
})
export type DeviceSettings = Readonly<z.infer<typeof deviceSettings>>

/** A certificate with the key it is for and the authorities to trust, as one. */
export interface Pair {
  readonly key: DeviceKey
  /** The device's own first, then what stands between it and a root. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]]
  readonly roots: readonly X509Certificate[]
}

const KEY_MODE = 0o640
const OPEN_MODE = 0o644
const NAMES = ['device.key', 'device.crt', 'ca.crt'] as const

/**
 * The folder of a device's identity. `device.key`, `device.crt` and `ca.crt` lead through one link, `current`, into a
 * folder of `pairs/`: what is there never changes, and the link is replaced in one step, so that at every moment, also
 * after a power cut, key and certificate belong together.
 */
export class DeviceFolder {
  readonly dir: string
  readonly #files: DeviceFiles

  constructor(dir: string, files: DeviceFiles = deviceFiles) {
    this.dir = dir
    this.#files = files
  }

  /** @throws EnrolError `invalid` when the file is there and not ours */
  async settings(): Promise<DeviceSettings | undefined> {
    const text = await optional(join(this.dir, 'device.json'))
    if (text === undefined) return undefined
    const read = deviceSettings.safeParse(parsed(text))
    if (read.success) return read.data
    throw new EnrolError('invalid', `${join(this.dir, 'device.json')}: ${z.prettifyError(read.error)}`)
  }

  async keepSettings(settings: DeviceSettings): Promise<void> {
    await this.#files.folder(this.dir)
    await this.#files.write(
      join(this.dir, 'device.json'),
      `${JSON.stringify(settings, null, 2)}\n`,
      OPEN_MODE,
    )
  }

  /** The pair in use; undefined before the first. @throws EnrolError `invalid` when it cannot be read */
  async pair(settings: DeviceSettings | undefined): Promise<Pair | undefined> {
    const [certificates, roots] = [
      await optional(join(this.dir, 'current/device.crt')),
      await optional(join(this.dir, 'current/ca.crt')),
    ]
    if (certificates === undefined || roots === undefined || settings === undefined) return undefined
    const [own, ...rest] = parsePem(certificates, 'device.crt')
    if (own === undefined) return undefined
    const key =
      settings.key.kind === 'pkcs11'
        ? await pkcs11Key(settings.key, 'find')
        : readKey(await readFile(join(this.dir, 'current/device.key'), 'utf8'))
    return { key, chain: [own, ...rest], roots: parsePem(roots, 'ca.crt') }
  }

  /**
   * The key to ask a certificate for. One in a file is new for every certificate, and kept until the answer came: who
   * asks again after a cut asks for the same key, and may get the same certificate.
   */
  async nextKey(settings: DeviceSettings, curve: Curve): Promise<DeviceKey> {
    if (settings.key.kind === 'pkcs11') return await pkcs11Key(settings.key, 'make')
    await this.#files.folder(this.dir)
    const file = join(this.dir, 'incoming.key')
    const kept = await optional(file)
    if (kept !== undefined) {
      const key = readKey(kept)
      if (key.public.asymmetricKeyDetails?.namedCurve === curve) return key
    }
    const key = newKey(curve)
    await this.#files.write(file, key.pem ?? '', 0o600)
    return key
  }

  /** Puts a pair in place of the one in use, and keeps that one beside. */
  async install({ key, chain, roots }: Pair): Promise<void> {
    const files = this.#files
    const name = fingerprint(chain[0]).slice(0, 16)
    const folder = join(this.dir, 'pairs', name)
    const before = await readlink(join(this.dir, 'current')).catch(() => undefined)
    await files.folder(folder)
    if (key.pem !== undefined) await files.write(join(folder, 'device.key'), key.pem, KEY_MODE)
    await files.write(join(folder, 'device.crt'), toPem(chain), OPEN_MODE)
    await files.write(join(folder, 'ca.crt'), toPem(roots), OPEN_MODE)
    await files.link(join(this.dir, 'current'), `pairs/${name}`)
    for (const one of NAMES) {
      if (one !== 'device.key' || key.pem !== undefined)
        await files.link(join(this.dir, one), `current/${one}`)
    }
    await files.remove(join(this.dir, 'incoming.key'))
    const kept = new Set([`pairs/${name}`, before])
    for (const old of await readdir(join(this.dir, 'pairs'))) {
      if (!kept.has(`pairs/${old}`)) await files.remove(join(this.dir, 'pairs', old))
    }
  }
}

async function optional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
