import protobuf from 'protobufjs/light.js'
import { z } from 'zod'

/** The data types that our metrics have, by the index that stands on the wire (Sparkplug 3.0, 6.4.1). */
export const DATA_TYPES = { Int64: 4, Double: 10, Boolean: 11, String: 12, DateTime: 13 } as const
export type DataType = keyof typeof DATA_TYPES

/** A DateTime is ms since 1970, UTC; null: there is no value at present. */
export type MetricValue = number | boolean | string | null

export interface Metric {
  readonly name: string
  /** Stands for the name in data. */
  readonly alias?: number
  readonly type: DataType
  readonly value: MetricValue
  /** When the value was taken, ms since 1970, UTC. */
  readonly timestamp: number
  /** It is told late: hosts keep it as history and leave the present value alone. */
  readonly historical?: boolean
}

export interface Payload {
  /** When it is sent, ms since 1970, UTC. */
  readonly timestamp: number
  /** 0 to 255; a death has none. */
  readonly seq?: number
  readonly metrics: readonly Metric[]
}

/**
 * The part of `sparkplug_b.proto` (proto2) that we write and read: what a command holds besides is skipped. Field
 * numbers are those of the specification, 6.4.1; names never reach the wire. The edition decides that a zero is written:
 * without it, `seq` 0 and `false` would be left out as defaults.
 */
const SCHEMA: protobuf.INamespace = {
  nested: {
    Payload: {
      edition: 'proto2',
      fields: {
        timestamp: { type: 'uint64', id: 1 },
        metrics: { rule: 'repeated', type: 'Metric', id: 2 },
        seq: { type: 'uint64', id: 3 },
      },
    },
    Metric: {
      edition: 'proto2',
      oneofs: { value: { oneof: ['intValue', 'longValue', 'doubleValue', 'booleanValue', 'stringValue'] } },
      fields: {
        name: { type: 'string', id: 1 },
        alias: { type: 'uint64', id: 2 },
        timestamp: { type: 'uint64', id: 3 },
        datatype: { type: 'uint32', id: 4 },
        isHistorical: { type: 'bool', id: 5 },
        isNull: { type: 'bool', id: 7 },
        intValue: { type: 'uint32', id: 10 },
        longValue: { type: 'uint64', id: 11 },
        doubleValue: { type: 'double', id: 13 },
        booleanValue: { type: 'bool', id: 14 },
        stringValue: { type: 'string', id: 15 },
      },
    },
  },
}

const PAYLOAD = protobuf.Root.fromJSON(SCHEMA).lookupType('Payload')

const VALUE_FIELDS = {
  Int64: 'longValue',
  Double: 'doubleValue',
  Boolean: 'booleanValue',
  String: 'stringValue',
  DateTime: 'longValue',
} as const satisfies Record<DataType, string>

/**
 * @param form `birth` and `death` name each metric with its type; `data` has aliases only, so every metric needs one
 * @throws RangeError when a metric of data has no alias, or a value is not of its type
 */
export function encodePayload(payload: Payload, form: 'birth' | 'data' | 'death'): Buffer {
  const { timestamp, seq, metrics } = payload
  const fields = {
    timestamp,
    ...(seq === undefined ? {} : { seq }),
    metrics: metrics.map((metric) => metricFields(metric, form)),
  }
  return Buffer.from(PAYLOAD.encode(PAYLOAD.create(fields)).finish())
}

function metricFields(metric: Metric, form: 'birth' | 'data' | 'death'): Record<string, unknown> {
  const { name, alias, type, value, timestamp, historical } = metric
  if (form === 'data' && alias === undefined) throw new RangeError(`metric ${name} has no alias`)
  if (value !== null && !fits(type, value))
    throw new RangeError(`metric ${name} is ${JSON.stringify(value)}, expected ${type}`)
  return {
    ...(form === 'data' ? {} : { name, datatype: DATA_TYPES[type] }),
    ...(alias === undefined ? {} : { alias }),
    timestamp,
    ...(historical === true ? { isHistorical: true } : {}),
    ...(value === null ? { isNull: true } : { [VALUE_FIELDS[type]]: value }),
  }
}

/** Whether a value can be written as a metric of this type: half a number is none, and what is no number neither. */
export function fits(type: DataType, value: unknown): value is number | boolean | string {
  switch (type) {
    case 'Boolean':
      return typeof value === 'boolean'
    case 'String':
      return typeof value === 'string'
    case 'Double':
      return Number.isFinite(value)
    case 'Int64':
    case 'DateTime':
      return Number.isSafeInteger(value)
  }
}

const command = z.object({
  metrics: z
    .array(
      z.object({
        name: z.string().optional(),
        alias: z.number().optional(),
        booleanValue: z.boolean().optional(),
      }),
    )
    .default([]),
})
/** What a host asks for: metrics to be written. We have boolean ones only. */
export type Command = Readonly<z.infer<typeof command>>

/** Longest command taken, bytes. */
const MAX_COMMAND_BYTES = 65_536

/** @throws when it is no payload of Sparkplug B, or longer than 64 KiB */
export function decodeCommand(payload: Uint8Array): Command {
  if (payload.length > MAX_COMMAND_BYTES)
    throw new RangeError(`a command of ${payload.length} bytes, expected at most ${MAX_COMMAND_BYTES}`)
  return command.parse(PAYLOAD.toObject(PAYLOAD.decode(payload), { longs: Number }))
}
