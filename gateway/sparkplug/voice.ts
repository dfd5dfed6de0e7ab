import type { MqttClient } from 'mqtt'
import type { Clock } from '../../drivers/clock.ts'
import { type OutboxEntry, RefusedError } from '../outbox.ts'
import type { Death } from './connection.ts'
import type { DeviceMetrics, FlatInspection } from './device-metrics.ts'
import { bdSeqMetric, deviceRebirthMetric, type NodeMetrics, nodeRebirthMetric } from './node-metrics.ts'
import { encodePayload, type Metric } from './payload.ts'
import type { EdgeNodeTopics } from './topics.ts'

export interface VoiceOptions {
  /** The connection that all goes out on; nobody else publishes on it. */
  readonly client: MqttClient
  /** The same as in the will of this connection. */
  readonly bdSeq: number
  readonly topics: EdgeNodeTopics
  readonly node: NodeMetrics
  readonly device: DeviceMetrics
  readonly clock: Clock
  /** Over all connections. */
  readonly counts: VoiceCounts
}

export interface VoiceCounts {
  births: number
  /** Inspections told as history. */
  historical: number
}

/** An inspection that can be told. */
interface Ready {
  readonly sequence: number
  readonly inspection: FlatInspection
}

/** What a PUBLISH holds besides topic and payload. */
const OVERHEAD_BYTES = 16

/** What an edge node says on one connection, numbered by one `seq` through all of it. Everything is QoS 0. */
export class Voice {
  readonly #options: VoiceOptions
  #seq = 0

  constructor(options: VoiceOptions) {
    this.#options = options
  }

  /** The whole sequence of births: a lone one of the device after data is not allowed (tck-id-payloads-dbirth-order). */
  birth(): void {
    const { topics, node, device, bdSeq, clock, counts } = this.#options
    const now = clock.wall()
    counts.births += 1
    this.#seq = 0
    const ofNode = [bdSeqMetric(bdSeq, now, true), nodeRebirthMetric(now), ...node.birth(now)]
    this.#publish(topics.nodeBirth, this.#encode(ofNode, 'birth'))
    // Oldest first (tck-id-operational-behavior-data-publish-dbirth-order).
    const ofDevice = [...device.birth(), deviceRebirthMetric(now)]
    this.#publish(topics.deviceBirth, this.#encode(ofDevice, 'birth'))
  }

  /** Tells what the node says of itself, as far as it changed. */
  announce(): void {
    const { node, topics, clock } = this.#options
    const metrics = node.changed(clock.wall())
    if (metrics.length > 0) this.#publish(topics.nodeData, this.#encode(metrics, 'data'))
  }

  /**
   * Tells inspections, with a rebirth before them where they bring metrics that no birth told.
   * @param historical so many of them, from the first on, are history
   * @returns how many were told: all, or those before the first that can never be
   * @throws RefusedError when that is the first
   */
  tell(batch: readonly OutboxEntry[], historical: number): number {
    const { device, client, topics, counts } = this.#options
    const ready = this.#ready(batch)
    // One rebirth for the whole batch.
    if (ready.map(({ inspection }) => device.extend(inspection)).includes(true)) this.birth()
    const largest = client.serverProperties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
    for (const [place, { sequence, inspection }] of ready.entries()) {
      const late = place < historical
      const payload = this.#encode(device.data(inspection, late), 'data')
      if (payload.length + Buffer.byteLength(topics.deviceData) + OVERHEAD_BYTES > largest) {
        if (place > 0) return place
        throw new RefusedError(sequence, `the broker takes at most ${largest} bytes a packet`)
      }
      this.#publish(topics.deviceData, payload)
      if (late) counts.historical += 1
    }
    return ready.length
  }

  /** @returns what can be encoded, up to the first that cannot */
  #ready(batch: readonly OutboxEntry[]): Ready[] {
    const ready: Ready[] = []
    for (const { sequence, payload } of batch) {
      try {
        ready.push({ sequence, inspection: this.#options.device.parse(payload) })
      } catch (cause) {
        if (ready.length > 0) return ready
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new RefusedError(sequence, `it cannot be encoded: ${why}`, { cause })
      }
    }
    return ready
  }

  /** The payload that `publish` sends next. */
  #encode(metrics: readonly Metric[], form: 'birth' | 'data'): Buffer {
    return encodePayload({ timestamp: this.#options.clock.wall(), seq: this.#seq, metrics }, form)
  }

  #publish(topic: string, payload: Buffer): void {
    this.#seq = (this.#seq + 1) & 0xff
    // Its callback would say no more than that it was written: `Connection.flushed` asks the broker.
    this.#options.client.publish(topic, payload, { qos: 0, retain: false }, () => {})
  }
}

/** The certificate of death, as will and as farewell: the number alone, and no `seq`. */
export function deathOf(topics: EdgeNodeTopics, bdSeq: number, wallMs: number): Death {
  const payload = encodePayload({ timestamp: wallMs, metrics: [bdSeqMetric(bdSeq, wallMs, false)] }, 'death')
  return { topic: topics.nodeDeath, payload }
}
