import { type ConfirmedMessage, type ConfirmedPlace, MAX_OTHERS } from '../confirmed-message.ts'

/** One epoch of the station's own log, in positions: rows counted over all epochs. */
export interface OwnEpoch {
  readonly epoch: string
  /** Rows before it. */
  readonly base: number
  /** Position of its last row; `base` while it has none. */
  readonly end: number
}

/** The station's own log, as far as a confirmation is read by it. */
export interface OwnLog {
  readonly deviceId: string
  /** Oldest first. */
  readonly epochs: readonly OwnEpoch[]
}

/** One thing that the store says of a row, to be held against the log. */
export interface Claim {
  readonly epoch: string
  readonly sequence: number
  readonly hash: string
}

/** What a confirmation means for the station's own log. */
export interface Reading {
  /** Every row up to this position is in the store, if the claims hold; 0 for none. */
  readonly position: number
  readonly claims: readonly Claim[]
  /** What cannot be true if there is one device and one history; names both. */
  readonly contradiction?: string
  /** The store itself counts fewer rows than its word covers. */
  readonly hole?: string
  /** Another device spoke last for this station. */
  readonly other?: string
}

/**
 * Reads a confirmation by the station's own log, epoch by epoch.
 * @param floor position that was confirmed before: a message has not room for every epoch that is over
 */
export function readConfirmation(message: ConfirmedMessage, log: OwnLog, floor = 0): Reading {
  const places = [message, ...message.others].filter(({ device_id }) => device_id === log.deviceId)
  const full = message.others.length >= MAX_OTHERS
  const claims: Claim[] = []
  let position = 0
  for (const epoch of log.epochs) {
    const place = places.find((one) => one.epoch === epoch.epoch)
    if (place === undefined) {
      if (epoch.end > epoch.base && !(full && epoch.end <= floor)) break
      position = epoch.end
      continue
    }
    const fault = faultOf(place, epoch)
    if (fault !== undefined) return { position, claims, ...fault }
    if (place.up_to >= place.from)
      claims.push({ epoch: place.epoch, sequence: place.up_to, hash: place.hash })
    position = epoch.base + place.up_to
    if (position < epoch.end) break
  }
  const other = places.length > 0 && message.device_id !== log.deviceId ? { other: message.device_id } : {}
  return { position, claims, ...other }
}

function faultOf(
  place: ConfirmedPlace,
  { epoch, base, end }: OwnEpoch,
): Pick<Reading, 'contradiction'> | Pick<Reading, 'hole'> | undefined {
  const { up_to, from, count, conflict, device_id } = place
  const name = `${device_id} ${epoch}`
  if (conflict !== undefined) {
    const { sequence, held, came } = conflict
    return {
      contradiction: `two histories of ${name} at sequence ${sequence}: the store holds ${held}, and ${came} came`,
    }
  }
  if (up_to > end - base) {
    return {
      contradiction: `the store has ${name} up to ${up_to}, this log ends at ${end - base}: another device writes as it, or this log was put back`,
    }
  }
  if (count !== up_to - from + 1) {
    return { hole: `the store says it has ${name} from ${from} up to ${up_to}, and counts ${count}` }
  }
  return undefined
}
