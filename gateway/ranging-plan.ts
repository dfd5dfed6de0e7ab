import { busTimeMs } from '../drivers/vl53l8ch/bus-time.ts'
import { planRanging, type RangingSettings } from '../drivers/vl53l8ch/configuration.ts'
import type { BusOptions, HeadOptions, RangingHead } from './head-options.ts'
import type { Problem } from './problems.ts'
import { camelKeys } from './recipe-keys.ts'

/** What a ranging head is to do, in the driver's words. */
export function rangingSettings(head: RangingHead): RangingSettings {
  const { zones, rate_hz: rateHz, targets_per_zone: targetsPerZone, glare_filter: glare, histograms } = head
  return {
    zones,
    rateHz,
    targetsPerZone,
    ...given({
      outputs: head.outputs,
      rangingMode: head.ranging_mode,
      integrationMs: head.integration_ms,
      sharpenerPercent: head.sharpener_percent,
      targetOrder: head.target_order,
      xtalkMarginKcpsPerSpad: head.xtalk_margin_kcps_per_spad,
      externalSync: head.external_sync,
      glareFilter:
        glare === undefined
          ? undefined
          : { thresholdPercent: glare.threshold_percent, farthestMm: glare.farthest_mm },
      histograms: histograms === undefined ? undefined : camelKeys(histograms),
    }),
  }
}

/** What is there: an absent key means the chip's default, and `undefined` is no value. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

type Buses = Readonly<Record<string, BusOptions>>
type Heads = Readonly<Record<string, HeadOptions>>

/** The wires that a bus' transfers go over: a multiplexer's channels share those of its host. Undefined: none. */
export function wiresOf(name: string, buses: Buses): string | undefined {
  const bus = buses[name]
  if (bus === undefined) return undefined
  if (bus.kind !== 'multiplexed') return name
  const host = buses[bus.bus]
  return host === undefined || host.kind === 'multiplexed' ? undefined : bus.bus
}

/** Bit rate of a bus, Hz; undefined where there is no such bus. */
export function hertzOf(name: string, buses: Buses): number | undefined {
  const bus = buses[wiresOf(name, buses) ?? '']
  return bus === undefined || bus.kind === 'multiplexed' ? undefined : bus.hz
}

/**
 * Whether every ranging head can do what it is told, and whether its bus carries it together with the others there.
 * Pure.
 * @returns one problem a head, and one a bus that is asked for too much, with the rate that it can carry
 */
export function rangingProblems(heads: Heads, buses: Buses): Problem[] {
  const alone = Object.entries(heads).flatMap(([id, head]) =>
    head.kind === 'vl53l8ch' ? ownProblem(id, head, hertzOf(head.bus, buses)) : [],
  )
  return alone.length > 0 ? alone : sharedProblems(heads, buses)
}

/** Settings that the driver refuses begin its message; here they have other names. */
function ownProblem(id: string, head: RangingHead, hz: number | undefined): Problem[] {
  try {
    planRanging({ ...rangingSettings(head), ...(hz === undefined ? {} : { busHz: hz }) })
    return []
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const setting = /^[A-Za-z]+/.exec(error.message)?.[0] ?? ''
    const key = setting.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const known = key in head
    return [
      {
        path: known ? ['heads', id, key] : ['heads', id],
        value: known ? Reflect.get(head, key) : head.kind,
        expectation: error.message,
      },
    ]
  }
}

/** Ms of one second that the frames of a head keep the wires busy. */
export function busyMsPerSecond(head: RangingHead, hz: number): number {
  return busTimeMs(planRanging(rangingSettings(head)), hz) * head.rate_hz
}

/**
 * Of every second: fuller than that, the reads of several heads queue so long behind each other that frames are
 * replaced while they wait (`npm run bench -- heads`: 98 % loses half of them).
 */
const MOST_BUSY_MS = 900

function sharedProblems(heads: Heads, buses: Buses): Problem[] {
  return Object.keys(buses).flatMap((wires) => {
    const hz = hertzOf(wires, buses)
    if (hz === undefined || wiresOf(wires, buses) !== wires) return []
    const here = Object.entries(heads).flatMap(([id, head]) =>
      head.kind === 'vl53l8ch' && wiresOf(head.bus, buses) === wires ? [{ id, head }] : [],
    )
    const busy = here.reduce((sum, { head }) => sum + busyMsPerSecond(head, hz), 0)
    if (here.length < 2 || busy <= MOST_BUSY_MS) return []
    const share = MOST_BUSY_MS / busy
    const rates = here.map(({ id, head }) => `${id} ${(head.rate_hz * share).toFixed(1)} Hz`).join(', ')
    const ids = here.map(({ id }) => id).join(', ')
    return [
      {
        path: ['buses', wires],
        value: buses[wires]?.kind,
        expectation: `${ids} keep it busy for ${busy.toFixed(0)} ms of every second at ${hz / 1000} kHz, ${MOST_BUSY_MS} can be used; at most ${rates} are achievable together`,
      },
    ]
  })
}
