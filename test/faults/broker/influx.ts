import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { systemClock } from '../../../drivers/clock.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { influxOptions } from '../../../gateway/influx/options.ts'
import { InfluxSink } from '../../../gateway/influx/sink.ts'
import { silentLog } from '../../../gateway/log.ts'
import { countOf, figure, type Outcome, type Scale } from '../outcome.ts'
import { Delivery } from './delivery.ts'

const INSPECTIONS = 5000
/** One line in so many is refused at first. */
const POISON = 50
/** How often, before the server takes it after all. */
const REFUSALS = 3

/** A server of the write API in a bad mood: it keeps lines by their time stamp, as InfluxDB does. */
class MoodyServer {
  /** Lines by series and time. */
  readonly points = new Map<string, string>()
  readonly answers = new Map<string, number>()
  readonly #random: Random
  readonly #refusals = new Map<string, number>()

  constructor(random: Random) {
    this.#random = random
  }

  answer(body: string, response: ServerResponse): void {
    const mood = this.#random.uniform()
    if (mood < 0.1) this.#say(response, 429, { 'retry-after': '0.02' })
    else if (mood < 0.2) this.#say(response, 500)
    else if (mood < 0.25) this.#say(response, 503, { 'retry-after': '0.01' })
    else if (mood < 0.3) this.#hangUp(response, 'reset before the write')
    else {
      const refused = body.split('\n').filter((line) => !this.#keep(line))
      if (refused.length > 0)
        this.#say(response, 400, {}, `partial write: field type conflict dropped=${refused.length}`)
      else if (this.#random.chance(0.1)) this.#hangUp(response, 'reset after the write')
      else this.#say(response, 204)
    }
  }

  /** @returns whether the line is written */
  #keep(line: string): boolean {
    const sequence = Number(/[ ,]sequence=(\d+)/.exec(line)?.[1])
    const refusals = this.#refusals.get(line) ?? 0
    if (sequence % POISON === 0 && refusals < REFUSALS) {
      this.#refusals.set(line, refusals + 1)
      return false
    }
    this.points.set(`${line.slice(0, line.indexOf(' '))} ${line.slice(line.lastIndexOf(' '))}`, line)
    return true
  }

  #hangUp(response: ServerResponse, name: string): void {
    this.#count(name)
    response.destroy()
  }

  #say(response: ServerResponse, status: number, headers: Record<string, string> = {}, message = ''): void {
    this.#count(status === 400 ? 'partial writes' : `${status}`)
    response.writeHead(status, headers).end(message === '' ? undefined : JSON.stringify({ message }))
  }

  #count(name: string): void {
    this.answers.set(name, (this.answers.get(name) ?? 0) + 1)
  }
}

/** InfluxDB that says 429, 500, 503, hangs up before and after a write, and writes in part. */
export async function moodyInflux(scale: Scale, folder: string): Promise<Outcome> {
  const count = countOf(scale, INSPECTIONS)
  const influx = new MoodyServer(new Random(scale.seed, 4))
  const server = createServer((request, response) => {
    void buffer(request).then((bytes) => {
      const zipped = request.headers['content-encoding'] === 'gzip'
      influx.answer((zipped ? gunzipSync(bytes) : bytes).toString(), response)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const sink = new InfluxSink({
    influx: influxOptions.parse({ url }),
    clock: systemClock,
    log: silentLog,
    window: 20,
  })
  const delivery = await Delivery.to(join(folder, 'store'), sink, () => sink.stop())
  try {
    await delivery.append(count)
    await delivery.delivered()
    const written = new Set<number>()
    for (const line of influx.points.values()) written.add(Number(/[ ,]sequence=(\d+)/.exec(line)?.[1]))
    const violations: string[] = []
    for await (const { sequence } of delivery.entries()) {
      if (!written.has(sequence)) violations.push(`sequence ${sequence} was not written`)
    }
    if (influx.points.size !== count) violations.push(`${influx.points.size} points of ${count} inspections`)
    const answers = [...influx.answers].map(([name, times]) => `${times} × ${name}`).join(', ')
    const seen = `${figure(influx.points.size)} points, each once after repeats; answers: ${answers}`
    return { family: 'influx', fault: '429, 500, 503, hang-ups, partial writes', count, seen, violations }
  } finally {
    await delivery.close()
    server.close()
    server.closeAllConnections()
  }
}
