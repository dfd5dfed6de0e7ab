import type { Spectrum } from '../drivers/as7341/counts.ts'
import { SensorError, type SensorFault } from '../drivers/sensor.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import type {
  Action,
  Gap,
  HeadKind,
  Judgement,
  Measurement,
  MeasurementKind,
  Trigger,
  UngradedReason,
} from './inspection.ts'
import type { LensSight } from './lens-sight.ts'
import type { Look } from './look.ts'

/** A head, as an inspection sees it. */
export interface MeasuringHead {
  readonly id: string
  readonly kind: MeasurementKind
  /** The first measurement whose exposure began at or after `since`, monotonic ms. @throws SensorError */
  measure(since: number, signal: AbortSignal): Promise<Measurement>
  /** The next one in sequence, where the head measures on its own: sooner, but perhaps begun before the call. */
  next?(signal: AbortSignal): Promise<Measurement>
  /** All looks at one part, oldest first, where there are to be several; measures as `measure` does. */
  looks?(since: number, signal: AbortSignal): Promise<readonly Look[]>
}

/** A head on a bus. */
export type BusHead = MeasuringHead & { readonly kind: HeadKind }

/** What the heads said about one part, by head id, and what was not said. */
export interface Observation {
  /** Of several looks the last. */
  readonly measurements: ReadonlyMap<string, Measurement>
  /** Of heads that looked several times, all of it, oldest first. */
  readonly looks: ReadonlyMap<string, readonly Look[]>
  readonly gaps: readonly Gap[]
}

/** One look at a part, and what is concluded from it. */
export interface Inspected {
  readonly observation: Observation
  readonly evidence: Evidence
  readonly judgement: Judgement
}

/** What the analysis judges: the station's first head of each kind (CONTRACTS). */
export interface Evidence {
  /** Of several looks the last. */
  readonly frame?: RangeFrame
  /** All looks that `frame` is the last of, oldest first; absent: it is the only one. */
  readonly looks?: readonly Look[]
  readonly spectrum?: Spectrum
  readonly sight?: LensSight
  readonly gaps: readonly Gap[]
  /** Ids of the heads that frame, spectrum and sight come from. */
  readonly heads?: { readonly ranging?: string; readonly spectral?: string; readonly camera?: string }
}

const REASONS: Readonly<Record<SensorFault, UngradedReason>> = {
  absent: 'sensor-absent',
  'wrong-chip': 'sensor-absent',
  timeout: 'sensor-timeout',
  frozen: 'sensor-frozen',
  corrupt: 'sensor-corrupt',
  failed: 'sensor-failed',
}

/**
 * One inspection, from the trigger to what is concluded: asks the heads, judges. What a sensor does wrong is a
 * reason in the verdict.
 * @param judge pure
 * @param signal aborts at the part's deadline
 */
export async function inspect(
  trigger: Trigger,
  heads: readonly MeasuringHead[],
  judge: (evidence: Evidence) => Judgement,
  signal: AbortSignal,
): Promise<Inspected> {
  const observation = await observe(heads, trigger.at, signal)
  const evidence = evidenceOf(heads, observation)
  return { observation, evidence, judgement: judge(evidence) }
}

/** A part that nobody looked at. */
export function notInspected(judgement: Judgement): Inspected {
  return {
    observation: { measurements: new Map(), looks: new Map(), gaps: [] },
    evidence: { gaps: [] },
    judgement,
  }
}

/** A verdict without a look. */
export function undecided(reason: UngradedReason, action: Exclude<Action, 'accept'> = 'reject'): Judgement {
  return { verdict: { kind: 'ungraded', action, reasons: [reason] } }
}

/**
 * Asks all heads at once. A head that fails leaves a gap and holds up no other; when `signal` aborts, what is
 * still missing is `late`, and the answer comes at once, whatever the drivers do.
 * @param since exposures begin at or after this monotonic time, ms
 */
export async function observe(
  heads: readonly MeasuringHead[],
  since: number,
  signal: AbortSignal,
): Promise<Observation> {
  const measurements = new Map<string, Measurement>()
  const looks = new Map<string, readonly Look[]>()
  const gaps: Gap[] = []
  let over = false
  const asked = heads.map(async (head) => {
    try {
      const seen = await head.looks?.(since, signal)
      const measurement = seen?.at(-1)?.frame ?? (await head.measure(since, signal))
      if (over) return
      measurements.set(head.id, measurement)
      if (seen !== undefined && seen.length > 1) looks.set(head.id, seen)
    } catch (error) {
      if (!over && !signal.aborted) gaps.push({ head: head.id, reason: reasonOf(error) })
    }
  })
  await settledOrAborted(Promise.all(asked), signal)
  over = true
  for (const { id } of heads) {
    if (!measurements.has(id) && !gaps.some(({ head }) => head === id))
      gaps.push({ head: id, reason: 'late' })
  }
  return { measurements, looks, gaps }
}

function evidenceOf(heads: readonly MeasuringHead[], { measurements, looks, gaps }: Observation): Evidence {
  const ranging = heads.find(({ kind }) => kind === 'vl53l8ch')?.id
  const spectral = heads.find(({ kind }) => kind === 'as7341')?.id
  const camera = heads.find(({ kind }) => kind === 'camera')?.id
  const frame = measurements.get(ranging ?? '')
  const spectrum = measurements.get(spectral ?? '')
  const sight = measurements.get(camera ?? '')
  const seen = looks.get(ranging ?? '')
  // Assigned, not spread: in Node 20 a spread that is not the first of its literal takes a microsecond a member.
  const named: { ranging?: string; spectral?: string; camera?: string } = {}
  if (ranging !== undefined) named.ranging = ranging
  if (spectral !== undefined) named.spectral = spectral
  if (camera !== undefined) named.camera = camera
  const evidence: { -readonly [Key in keyof Evidence]: Evidence[Key] } = { gaps, heads: named }
  if (frame?.kind === 'vl53l8ch') evidence.frame = frame
  if (seen !== undefined) evidence.looks = seen
  if (spectrum?.kind === 'as7341') evidence.spectrum = spectrum
  if (sight?.kind === 'camera') evidence.sight = sight
  return evidence
}

function reasonOf(error: unknown): UngradedReason {
  if (error instanceof SensorError) return REASONS[error.fault]
  throw error
}

/** Waits for whichever comes first, and leaves no listener behind. */
function settledOrAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
    work.then(done, (error: unknown) => {
      signal.removeEventListener('abort', done)
      reject(error)
    })
  })
}
