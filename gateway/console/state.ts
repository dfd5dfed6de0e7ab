import type { Inspection, ServerEvent, Station } from './wire.ts'
import type { Quality } from './wire-quality.ts'

/** Everything the page knows. Times are ms of the browser's monotonic clock, which no clock change moves. */
export interface ConsoleState {
  readonly connection: 'connecting' | 'open' | 'away'
  /** When the connection was last lost, while it is. */
  readonly awaySince: number | undefined
  /** Newest first. */
  readonly inspections: readonly Inspection[]
  /** When the newest inspection was made. */
  readonly newestAt: number | undefined
  readonly station: Station | undefined
  /** Open alerts and key figures, where the gateway tells of them. */
  readonly quality: Quality | undefined
  /** Inspections that the gateway left out because they came faster than a person reads. */
  readonly skipped: number
  /** Wall-clock ms of the gateway less ours, as it was when the connection opened. */
  readonly gatewayAhead: number
  readonly version: string | undefined
}

export type ConsoleEvent =
  | ServerEvent
  | { readonly type: 'quality'; readonly data: Quality | undefined }
  | { readonly type: 'lost' }

/** When an event reached the page. */
export interface Moment {
  /** Monotonic ms. */
  readonly now: number
  /** Wall-clock ms since 1970. */
  readonly wall: number
}

export const SHOWN = 50

/** A verdict is never shown as the present one for longer than this, unless parts are expected more rarely. */
const SHORTEST_STALE_MS = 5000

export const NOTHING_YET: ConsoleState = {
  connection: 'connecting',
  awaySince: undefined,
  inspections: [],
  newestAt: undefined,
  station: undefined,
  quality: undefined,
  skipped: 0,
  gatewayAhead: 0,
  version: undefined,
}

/** What the page knows after an event. */
export function after(state: ConsoleState, event: ConsoleEvent, { now, wall }: Moment): ConsoleState {
  switch (event.type) {
    case 'connection_established': {
      const gatewayAhead = Date.parse(event.timestamp) - wall
      return { ...state, connection: 'open', awaySince: undefined, gatewayAhead, version: event.version }
    }
    case 'latest': {
      const [newest] = event.data
      if (newest === undefined) return { ...state, inspections: [], newestAt: undefined }
      // The gateway's own clock dates its inspections, so their age is told by that clock.
      const age = Math.max(0, wall + state.gatewayAhead - Date.parse(newest.timestamp))
      return { ...state, inspections: event.data.slice(0, SHOWN), newestAt: now - age }
    }
    case 'inspection': {
      const inspections = [event.data, ...state.inspections].slice(0, SHOWN)
      return { ...state, inspections, newestAt: now, skipped: state.skipped + (event.skipped ?? 0) }
    }
    case 'station':
      return { ...state, station: event.data }
    case 'quality':
      return { ...state, quality: event.data }
    case 'lost':
      return { ...state, connection: 'away', awaySince: state.awaySince ?? now }
  }
}

/** What stands where the verdict is read: a present verdict, or how long there has been none. */
export type Outlook =
  | { readonly kind: 'verdict'; readonly inspection: Inspection }
  | { readonly kind: 'no-data'; readonly forMs: number; readonly last: Inspection }
  | { readonly kind: 'no-part-yet' }

/** An old verdict is no verdict: after twice the expected time between parts, at least 5 s, it gives way. */
export function outlook(state: ConsoleState, now: number): Outlook {
  const [inspection] = state.inspections
  if (inspection === undefined || state.newestAt === undefined) return { kind: 'no-part-yet' }
  const age = now - state.newestAt
  const staleAfter = Math.max(SHORTEST_STALE_MS, 2 * (state.station?.period_ms ?? 0))
  return age > staleAfter
    ? { kind: 'no-data', forMs: age, last: inspection }
    : { kind: 'verdict', inspection }
}

/** What keeps parts from passing or from being graded until somebody does something about it. */
export type Alarm = 'gate-failed' | 'line-stopped' | 'not-calibrated'

/** What must be done, the most urgent first; nothing before the station runs, when not all of it is open yet. */
export function alarms({ phase, line_stopped, equipment = [] }: Station): readonly Alarm[] {
  if (phase !== 'running') return line_stopped ? ['line-stopped'] : []
  const failed = (name: string) => equipment.find((unit) => unit.name === name && unit.state === 'failed')
  const calibration = failed('calibration')
  // As long as a head has not said which chip it is, nobody knows whether that chip is calibrated.
  const missing = calibration !== undefined && calibration.facts?.chips !== 'unknown'
  return [
    ...(failed('gate') === undefined ? [] : ['gate-failed' as const]),
    ...(line_stopped ? ['line-stopped' as const] : []),
    ...(missing ? ['not-calibrated' as const] : []),
  ]
}

/** Whether whoever looks after the station should look at its storage: room, old parts held back, parts set aside. */
export function wantsCare({ equipment = [], sinks }: Station): boolean {
  const retention = equipment.find(({ name }) => name === 'retention')
  return (
    (retention !== undefined && retention.state !== 'ok') || sinks.some(({ quarantined }) => quarantined > 0)
  )
}
