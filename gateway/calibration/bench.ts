import { As7341 } from '../../drivers/as7341/as7341.ts'
import type { Spectrum } from '../../drivers/as7341/counts.ts'
import type { Clock } from '../../drivers/clock.ts'
import type { Hardware, HeadPlan } from '../hardware.ts'
import type { MeasuringHead } from '../inspect.ts'
import type { HeadKind } from '../inspection.ts'
import type { Conditions } from './rows.ts'

/** A head that can be calibrated. */
export interface BenchHead extends MeasuringHead {
  /** Which chip it is, where chips of its kind can be told apart. */
  readonly identity?: string | undefined
  /** A spectrum with the chip's own lamp held off; absent where the lamp is another's. */
  measureDark?(since: number, signal: AbortSignal): Promise<Spectrum>
}

/** What calibrations are taken with. */
export interface Bench {
  readonly heads: readonly BenchHead[]
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Of the air, where it is known. */
  readonly conditions: Conditions
}

/** What a calibration of one head belongs to: the chip's serial where it has one, else the head itself. */
export function subjectOf({ id, identity }: Pick<BenchHead, 'id' | 'identity'>): string {
  return identity ?? id
}

/** Digits of an identity that tell chips apart. */
const SHOWN = 16

/**
 * Names the chips of all heads, as an empty tray is kept by: `tof=vl53l8ch@3f2a… spectral=as7341`.
 * @returns undefined as long as a ranging head has not said which chip it is
 */
export function chipsOf(heads: readonly Pick<BenchHead, 'id' | 'kind' | 'identity'>[]): string | undefined {
  if (heads.some(({ kind, identity }) => kind === 'vl53l8ch' && identity === undefined)) return undefined
  return heads
    .map(({ id, kind, identity }) =>
      identity === undefined ? `${id}=${kind}` : `${id}=${kind}@${identity.slice(0, SHOWN)}`,
    )
    .join(' ')
}

/** Whether a chip's row is for one of these. @param subject its serial @param chips as `chipsOf` names them */
export function isOfChip(subject: string, chips: string): boolean {
  return chips.split(' ').some((chip) => chip.endsWith(`@${subject.slice(0, SHOWN)}`))
}

export interface OpenBench extends Bench {
  close(): Promise<void>
}

/**
 * Opens heads outside the running station, as the station would.
 * @param wanted which of them; default all
 * @throws SensorError, BusError: what was opened is closed again
 */
export async function openBench(
  hardware: Pick<Hardware, 'heads' | 'climate'>,
  { clock, signal, wanted = () => true }: OpenOptions,
): Promise<OpenBench> {
  const opened: Opened[] = []
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0)) await one.close()
  }
  try {
    // One after the other: heads on one bus are told apart at power-up.
    for (const plan of hardware.heads.filter(wanted)) opened.push(await openHead(plan, signal))
    const conditions = await conditionsOf(hardware.climate, clock, signal)
    return { heads: opened.map(({ head }) => head), clock, signal, conditions, close }
  } catch (error) {
    await close().catch(() => {})
    throw error
  }
}

export interface OpenOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly wanted?: (plan: { readonly id: string; readonly kind: HeadKind }) => boolean
}

interface Opened {
  readonly head: BenchHead
  readonly close: () => Promise<void>
}

async function openHead({ id, kind, open }: HeadPlan, signal: AbortSignal): Promise<Opened> {
  const instrument = await open(signal)
  const { identity } = instrument
  const head: BenchHead = {
    id,
    kind,
    measure: (since, until) => instrument.measure(since, until),
    ...(instrument.next === undefined
      ? {}
      : { next: (until: AbortSignal) => instrument.next?.(until) ?? instrument.measure(0, until) }),
    ...(identity === undefined ? {} : { identity }),
    ...(instrument instanceof As7341
      ? { measureDark: (since: number, until: AbortSignal) => instrument.measureDark(since, until) }
      : {}),
  }
  return { head, close: () => instrument.close() }
}

/** A sensor of the air that is away is no reason not to calibrate: the row then says nothing of it. */
async function conditionsOf(
  climate: Hardware['climate'],
  clock: Clock,
  signal: AbortSignal,
): Promise<Conditions> {
  if (climate === undefined) return {}
  try {
    const sensor = await climate.open(signal)
    try {
      const { temperatureC, humidityPercent } = await sensor.measure(clock.now(), signal)
      return { temperature_c: temperatureC, humidity_percent: humidityPercent }
    } finally {
      await sensor.close()
    }
  } catch {
    signal.throwIfAborted()
    return {}
  }
}
