import { pino } from 'pino'
import { z } from 'zod'
import type { Clock } from '../../../drivers/clock.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import type { HeadPlan } from '../../../gateway/hardware.ts'
import { SupervisedHead } from '../../../gateway/head.ts'
import type { Log } from '../../../gateway/log.ts'
import type { UnitStatus } from '../../../gateway/station.ts'
import { type Chip, exposedAt, rigFor } from './rig.ts'
import { DEADLINE_MS, type Scenario } from './scenarios.ts'

/** What a fault did to a station with two heads. Times are virtual ms. */
export interface Observation {
  /** Until the head was in the state that the scenario names; undefined where it never was. */
  readonly detectedMs: number | undefined
  /** From the end of the fault until the head measured; undefined where it did not. */
  readonly recoveredMs: number | undefined
  /** What the head said of itself at the end of the fault, and when all was over. */
  readonly during: UnitStatus
  readonly after: UnitStatus
  readonly warnings: readonly Line[]
  readonly infos: readonly Line[]
  /** Ms from the beginning of the fault to each attempt to open the chip. */
  readonly openedAt: readonly number[]
  /** The most by which the exposure of a frame began before it was asked for; a step of 1 ms is nothing. */
  readonly staleMs: number
  /** The longest that a caller had to wait past its deadline. */
  readonly overdueMs: number
  /** Of the head that nothing was wrong with. */
  readonly other: {
    readonly frames: number
    /** Frames that its chip made and it did not deliver. */
    readonly missed: number
    readonly perSecond: number
    readonly faults: number
  }
  /** How long stopping both took. */
  readonly stoppedMs: number
}

export interface Line {
  readonly at: number
  readonly level: number
  readonly head: string
  readonly message: string
  readonly fault: string | undefined
}

const WARM_UP_MS = 1000
/** A head that is told to be away is asked again after this. */
const PAUSE_MS = 20
/** What nobody mends is watched for so long. */
const FOR_EVER_MS = 60_000
/** How long the head is watched after it must be back. */
const AFTERWARDS_MS = 2000
const never = new AbortController().signal
const line = z.looseObject({
  level: z.number(),
  msg: z.string(),
  head: z.string(),
  fault: z.string().optional(),
})

/** Lets one fault happen to a head that is asked over and over, beside one that sends every frame it has. */
export async function observe(chip: Chip, scenario: Scenario, seed = 1): Promise<Observation> {
  const { clock, subject, other, missed } = rigFor(chip, scenario.ownBus !== true)
  const random = new Random(seed)
  const lines: Line[] = []
  const log = listening(clock, lines)
  const opened: number[] = []
  const supervised = (plan: HeadPlan): SupervisedHead =>
    new SupervisedHead({ ...plan, clock, log, random: () => random.uniform() })
  const open = (signal: AbortSignal) => {
    opened.push(clock.now())
    return subject.plan.open(signal)
  }
  const head = supervised({ ...subject.plan, open })
  const neighbour = supervised(other)
  await Promise.all([head.start(never), neighbour.start(never)])
  const asking = new AbortController()
  const asked = ask(head, clock, scenario.deadlineMs ?? DEADLINE_MS, asking.signal)
  const streamed = stream(neighbour, clock, asking.signal)
  await clock.sleep(WARM_UP_MS)

  const begunAt = clock.now()
  const missedBefore = missed()
  scenario.begin(subject)
  const lastsMs = Math.min(scenario.lastsMs, FOR_EVER_MS)
  if (lastsMs > 0) await clock.sleep(lastsMs)
  const during = head.status()
  const endedAt = clock.now()
  if (scenario.lastsMs < FOR_EVER_MS) {
    scenario.end?.(subject)
    await clock.sleep(scenario.recoverMs + AFTERWARDS_MS)
  }
  const after = head.status()
  asking.abort()
  const [looks, frames] = await Promise.all([asked, streamed])
  const stoppingAt = clock.now()
  await Promise.allSettled([head.stop(), neighbour.stop()])
  const missedFrames = missed() - missedBefore
  const seen = frames.filter((at) => at >= begunAt && at < stoppingAt)
  const told = lines.filter(({ at, level }) => at >= begunAt && level >= 40)
  const named = told.find(({ fault }) => fault === scenario.fault)
  const since = scenario.fault === undefined ? begunAt : Math.max(endedAt, named?.at ?? endedAt)
  const recovered = looks.find(({ at, good }) => good && at > since)
  return {
    detectedMs: named === undefined ? undefined : named.at - begunAt,
    recoveredMs: recovered === undefined ? undefined : recovered.at - endedAt,
    during,
    after,
    warnings: told,
    infos: lines.filter(({ at, level }) => at >= begunAt && level === 30),
    openedAt: opened.filter((at) => at >= begunAt).map((at) => at - begunAt),
    staleMs: Math.max(0, ...looks.map(({ staleMs }) => staleMs)),
    overdueMs: Math.max(...looks.map(({ overdueMs }) => overdueMs)),
    other: {
      frames: seen.length,
      missed: missedFrames,
      perSecond: rateOf(seen),
      faults: Number(neighbour.status().facts?.faults),
    },
    stoppedMs: clock.now() - stoppingAt,
  }
}

/** Frames a second, between the first and the last. */
function rateOf(frames: readonly number[]): number {
  const [first = 0, last = 0] = [frames[0], frames.at(-1)]
  return ((frames.length - 1) * 1000) / (last - first)
}

interface Look {
  /** When it ended. */
  readonly at: number
  readonly good: boolean
  readonly staleMs: number
  readonly overdueMs: number
}

/** One look after the other, each with its deadline, as a line with parts close behind each other does. */
async function ask(
  head: SupervisedHead,
  clock: Clock,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Look[]> {
  const looks: Look[] = []
  while (!signal.aborted) {
    const from = clock.now()
    const late = new AbortController()
    const cancel = clock.after(deadlineMs, () => late.abort(new Error('late')))
    const seen = await head.measure(from, late.signal).catch(() => undefined)
    cancel()
    const at = clock.now()
    const staleMs = seen?.kind === 'vl53l8ch' ? from - exposedAt(seen) : 0
    looks.push({ at, good: seen !== undefined, staleMs, overdueMs: Math.max(0, at - from - deadlineMs) })
    if (seen === undefined) await clock.sleep(PAUSE_MS)
  }
  return looks
}

/** When each frame of a head came. */
async function stream(head: SupervisedHead, clock: Clock, signal: AbortSignal): Promise<number[]> {
  const frames: number[] = []
  while (!signal.aborted) {
    const came = await head.next(signal).then(
      () => true,
      () => false,
    )
    if (came) frames.push(clock.now())
    else await clock.sleep(PAUSE_MS)
  }
  return frames
}

function listening(clock: Clock, lines: Line[]): Log {
  const write = (text: string): void => {
    const { level, msg, head, fault } = line.parse(JSON.parse(text))
    lines.push({ at: clock.now(), level, head, message: msg, fault })
  }
  return pino({ level: 'info' }, { write })
}
