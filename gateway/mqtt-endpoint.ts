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
    cert: await optionalFile(endpoint.certFile),
    key: await optionalFile(endpoint.keyFile),
  }
  return {
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    clientId: endpoint.clientId,
  }
}

async function optionalFile(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path)
}
