import { z } from 'zod'
import type { Subscriber } from './subscriber.ts'

const reply = z.object({
  ok: z.boolean(),
  result: z.unknown().optional(),
  error: z.looseObject({}).optional(),
})

/** Asks a station over MQTT 3.1.1. @param base of its topics @returns what came on the reply topic */
export async function command(
  subscriber: Subscriber,
  base: string,
  name: string,
  payload: object,
): Promise<z.infer<typeof reply>> {
  const correlation = `${name} ${subscriber.packets.length}`
  await subscriber.client.publishAsync(
    `${base}/cmd/${name}`,
    JSON.stringify({ ...payload, client: 'test', correlation }),
    { qos: 1 },
  )
  const packet = await subscriber.packet(`${base}/cmd/${name}/reply/test`, (text) =>
    text.includes(correlation),
  )
  return reply.parse(JSON.parse(packet.payload.toString()))
}
