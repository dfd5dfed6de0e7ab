import { execFile } from 'node:child_process'
import { createHash, createPublicKey } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EnrolError } from './enrol-error.ts'
import type { DeviceKey, KeyOptions, TlsKey } from './key-store.ts'

export type Pkcs11Options = Extract<KeyOptions, { kind: 'pkcs11' }>

/** The name under which `pkcs11-tool` finds the PIN: arguments are seen by everybody, the environment is not. */
const PIN = 'POINCON_PKCS11_PIN'
const PATIENCE_MS = 30_000

/**
 * A key in a PKCS#11 token (a TPM through tpm2-pkcs11, a smart card, SoftHSM), by OpenSC's `pkcs11-tool`: it signs
 * requests; for TLS an OpenSSL engine must be named besides.
 * @throws EnrolError `invalid` when token or tool do not do what they should
 */
export async function pkcs11Key(options: Pkcs11Options, make: 'make' | 'find'): Promise<DeviceKey> {
  await checkPin(options)
  const found = await readPublicKey(options).catch((error: unknown) => {
    if (make === 'find') throw error
    return undefined
  })
  if (found === undefined)
    await tool(options, [...KEY_PAIR, '--label', options.object, '--id', idOf(options)])
  const publicKey = found ?? (await readPublicKey(options))
  return {
    publicKey,
    public: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }),
    pem: undefined,
    tls: tlsKey(options),
    sign: (message) => signWith(options, createHash('sha256').update(message).digest()),
  }
}

/**
 * The engine takes a line end for a part of the PIN (libp11 0.4.12), and a token locks itself after a few wrong ones.
 * @throws EnrolError `invalid`
 */
async function checkPin({ engine, pin_file }: Pkcs11Options): Promise<void> {
  const pin = await readFile(pin_file, 'utf8')
  if (pin === '' || (engine !== undefined && /\s$/.test(pin))) {
    throw new EnrolError(
      'invalid',
      `${pin_file}: expected the PIN and no line end after it: the engine would send it too`,
    )
  }
}

const KEY_PAIR = ['--keypairgen', '--key-type', 'EC:prime256v1', '--usage-sign', '--sensitive', '--private']

/** Takes key and public key out of the token, for good. */
export async function removePkcs11Key(options: Pkcs11Options): Promise<void> {
  for (const type of ['privkey', 'pubkey']) {
    await tool(options, ['--delete-object', '--type', type, '--id', idOf(options)])
  }
}

/** By label alone `pkcs11-tool` signs with whatever key it finds first. */
function idOf({ object }: Pkcs11Options): string {
  return createHash('sha256').update(object).digest('hex').slice(0, 8)
}

function readPublicKey(options: Pkcs11Options): Promise<Uint8Array> {
  return inFolder(async (folder) => {
    const file = join(folder, 'key')
    await tool(options, ['--read-object', '--type', 'pubkey', '--id', idOf(options), '-o', file])
    return await readFile(file)
  })
}

function signWith(options: Pkcs11Options, digest: Uint8Array): Promise<Uint8Array> {
  return inFolder(async (folder) => {
    const [input, output] = [join(folder, 'digest'), join(folder, 'signature')]
    await writeFile(input, digest)
    const how = ['--sign', '--mechanism', 'ECDSA', '--signature-format', 'sequence', '--id', idOf(options)]
    await tool(options, [...how, '-i', input, '-o', output])
    return await readFile(output)
  })
}

function tlsKey({ engine, token, object, pin_file }: Pkcs11Options): TlsKey | undefined {
  if (engine === undefined) return undefined
  const uri = `pkcs11:token=${encodeURIComponent(token)};object=${object};type=private`
  return { privateKeyEngine: engine, privateKeyIdentifier: `${uri}?pin-source=file:${encodeURI(pin_file)}` }
}

async function tool({ module, token, pin_file }: Pkcs11Options, args: readonly string[]): Promise<void> {
  const pin = (await readFile(pin_file, 'utf8')).replace(/\r?\n$/, '')
  const where = ['--module', module, '--token-label', token, '--login', '--pin', `env:${PIN}`]
  try {
    await promisify(execFile)('pkcs11-tool', [...where, ...args], {
      env: { ...process.env, [PIN]: pin },
      timeout: PATIENCE_MS,
    })
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause)
    const reason = said.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
    throw new EnrolError('invalid', `token ${token}: pkcs11-tool ${args[0]}: ${reason}`, { cause })
  }
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-token-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
