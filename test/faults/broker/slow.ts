import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Aedes } from 'aedes'
import { countOf, figure, type Outcome, type Scale } from '../outcome.ts'
import { Delivery, until } from './delivery.ts'

/** Acknowledgements that the broker gives a second. */
const PER_SECOND = 10
const MESSAGES = 300

/** A broker that acknowledges ten messages a second, while the store takes many times as much. */
export async function slowBroker(scale: Scale, folder: string): Promise<Outcome> {
  const count = countOf(scale, MESSAGES)
  const taken: number[] = []
  const aedes = await Aedes.createBroker({
    authorizePublish: (_client, packet, done) => {
      if (!packet.topic.endsWith('/inspection')) {
        done(null)
        return
      }
      const sequence = Number(/"sequence":(\d+)/.exec(packet.payload.toString())?.[1])
      last = last
        .then(() => delay(1000 / PER_SECOND))
        .then(() => {
          taken.push(sequence)
          done(null)
        })
    },
  })
  let last: Promise<unknown> = Promise.resolve()
  const server = createServer((socket) => aedes.handle(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const delivery = await Delivery.toBroker(join(folder, 'store'), `mqtt://127.0.0.1:${port}`, {
    endpoint: { protocolVersion: '3.1.1' },
    deadlineMs: 5000,
  })
  try {
    // More than the sink has under way at once, so that most of it must wait on disk.
    const began = performance.now()
    await delivery.append(10 * count)
    const appendMs = performance.now() - began
    await until(() => taken.length >= count, `${count} acknowledgements`)
    const violations = taken.slice(0, count).some((sequence, place) => sequence !== place + 1)
      ? ['out of order']
      : []
    if (delivery.pump.status().state !== 'ok') violations.push(`${delivery.pump.status().detail}`)
    const perSecond = (10 * count) / (appendMs / 1000)
    const seen = `in order; meanwhile ${figure(10 * count)} appended at ${figure(perSecond)}/s, none refused`
    return { family: 'broker', fault: `slow broker, ${PER_SECOND} messages/s`, count, seen, violations }
  } finally {
    await delivery.close()
    await new Promise<void>((closed) => aedes.close(closed))
    server.close()
  }
}
