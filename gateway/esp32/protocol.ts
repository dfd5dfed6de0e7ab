import { z } from 'zod'
import { deviceId, saidText } from './device.ts'
import { type OldSample, sampleOf, sensorData } from './sample.ts'

const hello = z.looseObject({
  type: z.literal('esp32_hello'),
  device_id: deviceId,
  mac_address: saidText.nullish(),
  firmware_version: saidText.nullish(),
  location: saidText.nullish(),
})

/** A device says who it is. */
export interface Hello {
  readonly deviceId: string
  readonly mac?: string
  readonly firmware?: string
}

/** What a device can say. A heartbeat asks for as little as a ping: that somebody is there. */
export type OldMessage =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'sample'; readonly sample: OldSample }
  | { readonly kind: 'alive' }

/** Why a message was not taken. */
export type Refusal =
  | 'not-json'
  | 'invalid'
  | 'unknown-type'
  | 'too-large'
  | 'rate-limit'
  | 'queue-full'
  | 'connections'
  | 'no-hello'
  | 'other-device'
  | 'device-taken'
  | 'sample-id-taken'
  | 'not-stored'
  | 'updating'

/** What is wrong, for the device's log and for a person. */
export interface OldError {
  readonly code: Refusal
  readonly error: string
  /** Of the message that was refused, where it said so. */
  readonly sampleId?: string
}

const TYPES = 'esp32_hello, sensor_data, heartbeat or ping'
/** Issues that one reply names. */
const MOST_ISSUES = 3
/** Of a wrong value, and of a refused message: what is told of it. */
const SHOWN = 60
export const ECHO = 200

/** Reads one text message; never throws. */
export function readMessage(text: string): OldMessage | OldError {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { code: 'not-json', error: `not JSON: ${reason.slice(0, ECHO)}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { code: 'invalid', error: `message: ${shown(value)}: expected an object` }
  }
  return messageOf(value)
}

function messageOf(value: object): OldMessage | OldError {
  const type: unknown = Reflect.get(value, 'type')
  switch (type) {
    case 'ping':
    case 'heartbeat':
      return { kind: 'alive' }
    case 'esp32_hello':
      return helloOf(value)
    case 'sensor_data':
      return sampleIn(value)
    default:
      // The simulators of old send their samples without a type.
      return type === undefined && 'sample_id' in value
        ? sampleIn(value)
        : { code: 'unknown-type', error: `type: ${shown(type)}: expected ${TYPES}` }
  }
}

function helloOf(value: object): OldMessage | OldError {
  const parsed = hello.safeParse(value, { reportInput: true })
  if (!parsed.success) return invalid(parsed.error, value)
  const { device_id, mac_address: mac, firmware_version: firmware } = parsed.data
  return {
    kind: 'hello',
    hello: {
      deviceId: device_id,
      ...(typeof mac === 'string' ? { mac } : {}),
      ...(typeof firmware === 'string' ? { firmware } : {}),
    },
  }
}

function sampleIn(value: object): OldMessage | OldError {
  const parsed = sensorData.safeParse(value, { reportInput: true })
  return parsed.success
    ? { kind: 'sample', sample: sampleOf(parsed.data, value) }
    : invalid(parsed.error, value)
}

/** Field, value and expectation of the first issues. */
function invalid({ issues }: z.ZodError, value: object): OldError {
  const told = issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
    const expectation = message.replace(/^Invalid \w+: /, '')
    return `${path.join('.') || 'message'}: ${shown(valueAt(value, path))}: ${expectation}`
  })
  const more = issues.length - told.length
  const error = `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
  const sampleId: unknown = Reflect.get(value, 'sample_id')
  return {
    code: 'invalid',
    error,
    ...(typeof sampleId === 'string' ? { sampleId: sampleId.slice(0, 128) } : {}),
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value
  for (const key of path) {
    inner =
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? Reflect.get(inner, key)
        : undefined
  }
  return inner
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return `${value.length} elements`
  // To write out what a stranger nested can take any depth of the stack.
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, SHOWN) : value)
  return typeof value === 'string' && value.length > SHOWN ? `${text}…` : text
}

/** The reply to a message that was not taken. @param heard the message, of which the beginning goes back */
export function errorReply({ code, error, sampleId }: OldError, heard?: string): string {
  return JSON.stringify({
    type: 'error',
    code,
    error,
    ...(sampleId === undefined ? {} : { sample_id: sampleId }),
    ...(heard === undefined ? {} : { data: heard.slice(0, ECHO) }),
  })
}

/** What is stored of a sample, as its acknowledgement says it. */
export interface StoredSample {
  /** Of the inspection. */
  readonly id: string
  readonly sequence: number
  readonly measuredSha256: string
  readonly verdict: {
    readonly kind: 'graded' | 'ungraded'
    readonly action: string
    readonly grade?: string | undefined
    readonly score?: number | undefined
    readonly reasons: readonly string[]
  }
}

/** The same text however often the sample is repeated. */
export function ackReply(sampleId: string, { id, sequence, verdict }: StoredSample): string {
  const { kind, action, grade, score, reasons } = verdict
  return JSON.stringify({
    type: 'ack',
    sample_id: sampleId,
    status: 'saved',
    ...(score === undefined ? {} : { fusion_score: score }),
    ...(grade === undefined ? {} : { fusion_grade: grade }),
    id,
    sequence,
    verdict: { kind, action, reasons },
  })
}
