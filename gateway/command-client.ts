import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { z } from 'zod'
import type { Config } from './config.ts'
import { commandReply } from './mqtt/commands.ts'
import { replyTopic, stationTopics } from './mqtt/topics.ts'

/** How long a running station may take to answer, ms; its own deadline is 30 s. */
const PATIENCE_MS = 35_000

/** In the data directory, while a station runs whose broker asks people who they are: the door inside. */
export const MQTT_LOCAL_FILE = 'mqtt-local.json'

const localDoor = z.object({
  schema: z.literal('poincon.mqtt-local/1'),
  url: z.string(),
  username: z.string(),
  password: z.string(),
})

/**
 * Asks the station that runs with this configuration, over its own broker.
 * @param name as in the topic: `lot/start`
 * @returns what the command gave
 * @throws Error with the station's own words where it refuses, or with what keeps it from answering
 */
export async function askStation(config: Config, name: string, payload: object): Promise<unknown> {
  if (!config.mqtt.enabled) throw new Error('mqtt.enabled is false: commands come over the embedded broker')
  const { url, ...credentials } = await doorOf(config)
  const clientId = `poincon-cli-${randomUUID().slice(0, 8)}`
  const options = {
    ...credentials,
    clientId,
    protocolVersion: 4,
    connectTimeout: 5000,
    reconnectPeriod: 0,
  } as const
  const client = await mqtt.connectAsync(url, options).catch((error: unknown) => {
    throw new Error(`${url}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  })
  try {
    const topics = stationTopics(config)
    const answered = answer(client, replyTopic(topics, name, clientId))
    answered.catch(() => {})
    await client.subscribeAsync(replyTopic(topics, name, clientId), { qos: 1 })
    await client.publishAsync(`${topics.base}/cmd/${name}`, JSON.stringify(payload), { qos: 1 })
    const reply = commandReply.parse(JSON.parse(await answered))
    if (reply.ok) return reply.result
    const wrong = reply.error.errors?.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ')
    throw new Error([reply.error.detail, wrong].filter((text) => text !== undefined).join(': '))
  } finally {
    await client.endAsync(true)
  }
}

/** @throws Error for somebody who may not read what this station's own clients know */
async function doorOf(config: Config): Promise<{ url: string; username?: string; password?: string }> {
  const { host, port, users_file, tls } = config.mqtt
  if (users_file === undefined && tls === undefined) return { url: `mqtt://${host}:${port}` }
  const { url, username, password } = localDoor.parse(
    JSON.parse(await readFile(join(config.data_dir, MQTT_LOCAL_FILE), 'utf8')),
  )
  return { url, username, password }
}

function answer(client: MqttClient, topic: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
    client.on('message', (where, payload) => {
      if (where !== topic) return
      clearTimeout(late)
      resolve(payload.toString())
    })
    client.once('close', () => {
      clearTimeout(late)
      reject(new Error('the connection was closed before the answer'))
    })
  })
}
