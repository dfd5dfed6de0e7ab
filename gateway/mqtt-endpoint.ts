import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IClientOptions } from 'mqtt'
import { readSecret } from './secret-file.ts'

/** A broker and how to be let in. Files are read at every connection, so renewed certificates are taken up. */
export interface MqttEndpoint {
  /** `mqtt://host[:port]` or `mqtts://host[:port]`. */
  readonly url: string
  readonly protocolVersion: '5' | '3.1.1'
  readonly clientId: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly passwordFile?: string | undefined
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/**
 * Who the client is, and how it proves it.
 * @throws when a file of the endpoint cannot be read
 */
export async function credentialsOf(
  endpoint: MqttEndpoint,
): Promise<Pick<IClientOptions, 'clientId' | 'username' | 'password' | 'ca' | 'cert' | 'key'>> {
  const optional = {
    username: endpoint.username,
    password: endpoint.password ?? (await readSecret(endpoint.passwordFile)),
    ca: await optionalFile(endpoint.caFile),
    ...(await certificateOf(endpoint)),
  }
  return {
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    clientId: endpoint.clientId,
  }
}

/** Certificate and key are two reads: between them a renewal may have replaced both. */
async function certificateOf({ certFile, keyFile }: MqttEndpoint) {
  const read = async () => ({ cert: await optionalFile(certFile), key: await optionalFile(keyFile) })
  const first = await read()
  return belong(first) ? first : await read()
}

function belong({
  cert,
  key,
}: {
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
}): boolean {
  if (cert === undefined || key === undefined) return true
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    // What is wrong with them is better said by who uses them.
    return true
  }
}

async function optionalFile(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path)
}
