import { checkBusTime } from './bus-time.ts'
import {
  checkIntegrationTime,
  exposureMs,
  type RangingMode,
  setIntegrationTime,
  setRangingMode,
} from './exposure.ts'
import { type HistogramConfig, planHistograms, setHistograms } from './histogram-plan.ts'
import type { Link } from './mailbox.ts'
import { checkMotionWindow, type MotionWindow, setMotion } from './motion.ts'
import { type Layout, type Output, type OutputPlan, planOutputs, withBlock } from './outputs.ts'
import { checkFrequency, setExternalSync, setFrequency } from './settings.ts'
import {
  checkGlareFilter,
  checkSharpener,
  type GlareFilter,
  setGlareFilter,
  setSharpener,
  setTargetOrder,
  type TargetOrder,
} from './targets.ts'
import {
  enableThresholds,
  encodeThresholds,
  setAutoStop,
  setThresholds,
  type Threshold,
} from './thresholds.ts'
import { checkXtalkMargin, setXtalkMargin } from './xtalk-calibration.ts'

/** How a chip shall range. What is not given stays at the firmware's default. */
export interface RangingSettings {
  readonly zones: 16 | 64
  /** Frames a second: 2…60 with 16 zones, 2…15 with 64. */
  readonly rateHz: number
  /** Default 1. */
  readonly targetsPerZone?: 1 | 2 | 3 | 4
  /** Default `compact`. */
  readonly layout?: Layout
  /** What a frame carries; default: everything. Without `targets` a zone's status is what the chip sends. */
  readonly outputs?: readonly Output[]
  /** Default `autonomous`. */
  readonly rangingMode?: RangingMode
  /** 2…1000; in `autonomous` mode only, and four times it must fit into a period with 64 zones. Default 10. */
  readonly integrationMs?: number
  /** 0…99; default 1. */
  readonly sharpenerPercent?: number
  /** Default `strongest`. */
  readonly targetOrder?: TargetOrder
  readonly glareFilter?: GlareFilter
  /** 0…10 000; default 50. */
  readonly xtalkMarginKcpsPerSpad?: number
  /** 776 bytes of a crosstalk calibration; default: the firmware image's. */
  readonly xtalk?: Uint8Array
  /** With them, only a frame that meets one is delivered, and `next` waits for it as long as its signal lets it. */
  readonly thresholds?: readonly Threshold[]
  /** Whether the chip stops with the first frame that meets a threshold, until the next one is asked for. */
  readonly autoStop?: boolean
  /** Excludes `histograms`. */
  readonly motion?: MotionWindow
  readonly histograms?: HistogramConfig
  /** Whether a frame waits for a pulse at the SYNC pin: then `next` waits as with thresholds. */
  readonly externalSync?: boolean
  /** The bus's clock: given, a rate that it cannot carry is refused. */
  readonly busHz?: number
}

/** Of a crosstalk calibration. */
const XTALK_BYTES = 776

/**
 * Checks settings as a whole, before the chip hears of them. Pure.
 * @returns what the frames will be
 * @throws RangeError naming the setting, its value and what is expected
 */
export function planRanging(settings: RangingSettings): OutputPlan {
  const { zones, rateHz, targetsPerZone = 1, layout = 'compact', outputs, histograms, busHz } = settings
  checkFrequency(rateHz, zones)
  checkExposure(settings)
  checkTargets(settings)
  checkConditions(settings)
  const ranges = planOutputs(zones, targetsPerZone, layout, outputs)
  const plan = histograms === undefined ? ranges : withBlock(ranges, planHistograms(histograms, zones).header)
  if (busHz !== undefined) checkBusTime(plan, rateHz, busHz)
  return plan
}

function checkExposure({ zones, rateHz, integrationMs, rangingMode = 'autonomous' }: RangingSettings): void {
  if (integrationMs === undefined) return
  if (rangingMode !== 'autonomous') {
    throw new RangeError(`integrationMs ${integrationMs} in ${rangingMode} mode, which has none`)
  }
  checkIntegrationTime(integrationMs)
  const needed = exposureMs(integrationMs, zones)
  if (needed <= 1000 / rateHz) return
  const what = `integrationMs ${integrationMs} takes ${needed} ms with ${zones} zones`
  throw new RangeError(`${what}, the period of rateHz ${rateHz} is ${(1000 / rateHz).toFixed(1)} ms`)
}

function checkTargets(settings: RangingSettings): void {
  const { sharpenerPercent, glareFilter, xtalkMarginKcpsPerSpad, xtalk } = settings
  if (sharpenerPercent !== undefined) checkSharpener(sharpenerPercent)
  if (glareFilter !== undefined) checkGlareFilter(glareFilter)
  if (xtalkMarginKcpsPerSpad !== undefined) checkXtalkMargin(xtalkMarginKcpsPerSpad)
  if (xtalk !== undefined && xtalk.length !== XTALK_BYTES) {
    throw new RangeError(`xtalk has ${xtalk.length} bytes, ${XTALK_BYTES} of a calibration expected`)
  }
}

function checkConditions({ zones, thresholds, autoStop, motion, histograms }: RangingSettings): void {
  if (thresholds !== undefined) encodeThresholds(thresholds, zones)
  else if (autoStop === true) throw new RangeError('autoStop without thresholds would never stop')
  if (motion === undefined) return
  checkMotionWindow(motion)
  if (histograms !== undefined) throw new RangeError('motion and histograms exclude each other on this chip')
}

/** Whether frames come only when something happens, not with every period. */
export function waitsForEvents({ thresholds, externalSync = false }: RangingSettings): boolean {
  return thresholds !== undefined || externalSync
}

/**
 * Gives a chip in its default state, with its resolution already set, the rest of these settings.
 * @throws SensorError, and RangeError for what `planRanging` refuses
 */
export async function configure(link: Link, settings: RangingSettings): Promise<void> {
  const { zones, rateHz, rangingMode, integrationMs, motion, histograms, externalSync } = settings
  await setFrequency(link, rateHz, zones)
  if (rangingMode !== undefined) await setRangingMode(link, rangingMode)
  if (integrationMs !== undefined) await setIntegrationTime(link, integrationMs)
  if (externalSync !== undefined) await setExternalSync(link, externalSync)
  await configureTargets(link, settings)
  await configureThresholds(link, settings)
  if (motion !== undefined) await setMotion(link, zones, motion)
  if (histograms !== undefined) await setHistograms(link, planHistograms(histograms, zones))
}

async function configureTargets(link: Link, settings: RangingSettings): Promise<void> {
  const { sharpenerPercent, targetOrder, glareFilter, xtalkMarginKcpsPerSpad } = settings
  if (sharpenerPercent !== undefined) await setSharpener(link, sharpenerPercent)
  if (targetOrder !== undefined) await setTargetOrder(link, targetOrder)
  if (glareFilter !== undefined) await setGlareFilter(link, glareFilter)
  if (xtalkMarginKcpsPerSpad !== undefined) await setXtalkMargin(link, xtalkMarginKcpsPerSpad)
}

async function configureThresholds(
  link: Link,
  { zones, thresholds, autoStop = false }: RangingSettings,
): Promise<void> {
  if (thresholds === undefined) return
  await setThresholds(link, thresholds, zones)
  await enableThresholds(link, true)
  if (autoStop) await setAutoStop(link, true)
}
