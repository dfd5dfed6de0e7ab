import { readFile } from 'node:fs/promises'
import mqtt from 'mqtt'
import { credentialsOf } from '../mqtt-endpoint.ts'
import { readSecret } from '../secret-file.ts'
import type { Answers } from './answers.ts'

const LIMIT_MS = 5000

/** What came of trying a server: why it does not work, or nothing. */
export type Outcome = string | undefined

/**
 * Comes to the plant's broker as the station will, and writes nothing.
 * @param deviceId the station's client id is made of it; another one is used here, because two throw each other out
 */
export async function tryBroker(broker: NonNullable<Answers['broker']>, deviceId: string): Promise<Outcome> {
  try {
    const credentials = await credentialsOf({
      url: broker.url,
      protocolVersion: '5',
      clientId: `poincon-${deviceId}-setup`,
      username: broker.username,
      passwordFile: broker.password_file,
      caFile: broker.ca_file,
      certFile: broker.cert_file,
      keyFile: broker.key_file,
    })
    const client = await mqtt.connectAsync(
      broker.url,
      { ...credentials, protocolVersion: 5, connectTimeout: LIMIT_MS, reconnectPeriod: 0 },
      false,
    )
    await client.endAsync(true)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** Asks a database whether it is there and whether the token may come in; writes nothing. */
export async function tryInflux(influx: NonNullable<Answers['influx']>): Promise<Outcome> {
  try {
    const token = await readSecret(influx.token_file)
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Token ${token}` }
    const ask = (path: string): Promise<Response> =>
      fetch(new URL(path, influx.url), { headers, redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) })
    const ping = await ask('/ping')
    if (ping.status >= 400) return `GET /ping: ${ping.status}`
    if (influx.version === 1) return undefined
    const buckets = await ask(`/api/v2/buckets?name=${encodeURIComponent(influx.bucket)}`)
    if (buckets.status === 401 || buckets.status === 403)
      return `the token is not accepted (${buckets.status})`
    // InfluxDB 2 knows the bucket or not; InfluxDB 3 and VictoriaMetrics have no such page, and make what they are sent.
    if (buckets.status !== 200) return undefined
    const text = await buckets.text()
    return text.includes(JSON.stringify(influx.bucket)) ? undefined : `bucket ${influx.bucket}: there is none`
  } catch (error) {
    return messageOf(error)
  }
}

/** Whether files that an answer names can be read: asked before any server is. */
export async function unreadable(paths: readonly (string | undefined)[]): Promise<Outcome> {
  for (const path of paths) {
    if (path === undefined) continue
    try {
      await readFile(path)
    } catch (error) {
      return messageOf(error)
    }
  }
  return undefined
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message
}
