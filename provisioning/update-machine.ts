import { z } from 'zod'
import { type Change, change, differingVerdict, UPDATE_KINDS, type UpdateState } from './status.ts'

/**
 * Where an update is, whatever its kind. Up to `held` what runs is untouched; from `switching` on the pointers may lead to
 * the new one; `committing` and `returning` are decisions that are carried through, however often the power goes.
 */
export const PHASES = [
  'fetching',
  'unpacking',
  'testing',
  'waiting',
  /** The line is locked; the store is copied where its schema will move. */
  'held',
  'switching',
  'restarting',
  'trial',
  'committing',
  /** Nothing was restarted yet: the pointers go back, and it waits again. */
  'undoing',
  'returning',
  /** The old release has been asked to start again. */
  'returned',
  /** Nothing was switched: the line is freed, what was unpacked goes. */
  'leaving',
  'committed',
  'rolled_back',
  'failed',
] as const
export type Phase = (typeof PHASES)[number]

/** One update, whole: what the journal holds. */
export const updateRecord = z.object({
  schema: z.literal('poincon.update-journal/1'),
  id: z.string(),
  /** Who asked for it: `schedule`, or a person. */
  by: z.string(),
  kind: z.enum(UPDATE_KINDS),
  name: z.string(),
  phase: z.enum(PHASES),
  from: z.string(),
  to: z.string(),
  /** What `previous` pointed to before; of releases. */
  previous: z.string().optional(),
  /** What its kind needs to go back, as it was when the line was locked: a revision, a slot of the system. */
  before: z.string().optional(),
  from_schema: z.int(),
  to_schema: z.int().optional(),
  target: z.object({ path: z.string(), channel: z.string(), length: z.int(), hash: z.string() }),
  /** The fetched file. */
  file: z.string().optional(),
  began: z.iso.datetime(),
  since: z.iso.datetime(),
  /** Whether the line was locked for it. */
  held: z.boolean().optional(),
  /** When a new release on trial takes the line by itself. */
  until: z.iso.datetime().optional(),
  /** Units that were well before the switch. */
  well: z.array(z.string()).optional(),
  waiting_for: z.array(z.string()).optional(),
  differing: z.array(differingVerdict).optional(),
  changes: z.array(change).optional(),
  /** Why a person has to agree, also where the operator asks for nobody's consent otherwise. */
  ask: z.string().optional(),
  /** What there was when it was tested: a revision. */
  tested: z.string().optional(),
  failure: z.string().optional(),
  /** The release itself is at fault: not tried again by itself. */
  refused: z.boolean().optional(),
  /** How often its switch was cut short. */
  interrupted: z.int(),
  /** How often taking it back has failed. */
  attempts: z.int().optional(),
  /** Who gave consent for this version. */
  consent: z.string().optional(),
})
export type UpdateRecord = Readonly<z.infer<typeof updateRecord>>

/** `from` of what the device has none of yet. */
export const NOTHING = 'none'

/** What happened. */
export type UpdateEvent =
  | { readonly type: 'fetched'; readonly file: string }
  | { readonly type: 'lost' }
  | { readonly type: 'unpacked'; readonly storeSchema: number }
  | {
      readonly type: 'tested'
      readonly differing: NonNullable<UpdateRecord['differing']>
      readonly changes?: readonly Change[]
      readonly ask?: string
      readonly tested?: string
    }
  | { readonly type: 'blocked'; readonly waitingFor: readonly string[] }
  | { readonly type: 'locked'; readonly well: readonly string[]; readonly consent?: string }
  /** `until`: when the new release takes the line by itself. `before`: what its kind needs to go back. */
  | { readonly type: 'done'; readonly until?: string; readonly before?: string }
  /** The new release is as it should be. */
  | { readonly type: 'well' }
  /** The new release is not as it should be; it goes back. */
  | { readonly type: 'unwell'; readonly why: string }
  /** It does not come to a switch. `final`: the release is at fault, another attempt would end alike. */
  | { readonly type: 'refused'; readonly why: string; readonly final: boolean }
  /** It failed at the switch: no room, a broken disk. `final`: what came is at fault, not this device. */
  | { readonly type: 'broken'; readonly why: string; readonly final: boolean }
  /** The old release is not as it should be either, or it cannot be taken back. */
  | { readonly type: 'stuck'; readonly why: string }

/** How often a switch may be cut short before the version is left alone. */
export const MAX_INTERRUPTED = 5

/** What follows. @param at now, RFC 3339 @throws TypeError for an event that cannot happen there */
export function next(update: UpdateRecord, event: UpdateEvent, at: string): UpdateRecord {
  const { waiting_for: _, ...rest } = update
  const to = (phase: Phase, more: Partial<UpdateRecord> = {}): UpdateRecord => ({
    ...rest,
    since: at,
    ...more,
    phase,
  })
  if (event.type === 'refused' && isBeforeSwitch(update.phase))
    return to('leaving', { failure: event.why, refused: event.final })
  if (event.type === 'unwell' && isSwitched(update.phase))
    return to('returning', { failure: event.why, refused: true })
  if (event.type === 'broken') return broken(update, event, to)
  switch (`${update.phase} ${event.type}`) {
    case 'unpacking lost':
      return to('fetching')
    case 'undoing done':
      if (update.failure !== undefined) return to('leaving', { refused: update.refused ?? false })
      return update.interrupted >= MAX_INTERRUPTED
        ? to('leaving', { failure: `cut short ${update.interrupted} times`, refused: true })
        : waitingAnew(to('waiting'))
    case 'undoing stuck':
    case 'returning stuck':
      return to('leaving', { failure: [update.failure, whyOf(event)].filter(Boolean).join('; ') })
    case 'restarting done':
      return to('trial')
    case 'trial well':
      return to('committing')
    case 'committing done':
      return to('committed')
    case 'returning done':
      return to('returned')
    case 'returned well':
      return to('rolled_back')
    case 'leaving done':
      return to('failed')
  }
  return withFacts(update, event, to)
}

/** What the disk refused is taken back as far as it got; it can be tried again once there is room. */
function broken(
  { phase, failure }: UpdateRecord,
  { why, final: refused }: Extract<UpdateEvent, { type: 'broken' }>,
  to: (phase: Phase, more?: Partial<UpdateRecord>) => UpdateRecord,
): UpdateRecord {
  if (phase === 'held' || phase === 'switching' || phase === 'restarting')
    return to('undoing', { failure: why, refused })
  if (phase === 'trial') return to('returning', { failure: why, refused })
  if (isBeforeSwitch(phase)) return to('leaving', { failure: why, refused })
  throw new TypeError(`update: broken while ${phase}: ${failure ?? why}`)
}

/** What it went back to is done with: somebody may change that until the line is locked again. */
function waitingAnew({ before: _, attempts: __, ...rest }: UpdateRecord): UpdateRecord {
  return rest
}

function whyOf(event: UpdateEvent): string | undefined {
  return 'why' in event ? event.why : undefined
}

function withFacts(
  update: UpdateRecord,
  event: UpdateEvent,
  to: (phase: Phase, more?: Partial<UpdateRecord>) => UpdateRecord,
): UpdateRecord {
  const { phase } = update
  if (phase === 'fetching' && event.type === 'fetched') return to('unpacking', { file: event.file })
  if (phase === 'unpacking' && event.type === 'unpacked')
    return to('testing', { to_schema: event.storeSchema })
  if (phase === 'testing' && event.type === 'tested') return to('waiting', foundBy(event))
  if (phase === 'waiting' && event.type === 'blocked')
    return { ...to('waiting', { waiting_for: [...event.waitingFor] }), since: update.since }
  if (phase === 'waiting' && event.type === 'locked') {
    const { well, consent } = event
    return to('held', { well: [...well], held: true, ...(consent === undefined ? {} : { consent }) })
  }
  if (phase === 'held' && event.type === 'done')
    return to('switching', event.before === undefined ? {} : { before: event.before })
  if (phase === 'switching' && event.type === 'done')
    return to('restarting', event.until === undefined ? {} : { until: event.until })
  if (phase === 'returned' && event.type === 'stuck')
    return to('failed', { failure: `${update.failure ?? ''}; ${event.why}` })
  throw new TypeError(`update: ${event.type} while ${phase}: expected no such event`)
}

function foundBy({
  differing,
  changes = [],
  ask,
  tested,
}: Extract<UpdateEvent, { type: 'tested' }>): Partial<UpdateRecord> {
  return {
    ...(differing.length === 0 ? {} : { differing }),
    ...(changes.length === 0 ? {} : { changes: [...changes] }),
    ...(ask === undefined ? {} : { ask }),
    ...(tested === undefined ? {} : { tested }),
  }
}

/** What a new process finds on the machine. */
export type Running = 'from' | 'to' | 'none'

/**
 * Where an update goes on after the process that did it has died, or the power went.
 * @param running the release that answers now
 */
export function resumed(update: UpdateRecord, running: Running, at: string): UpdateRecord {
  switch (update.phase) {
    // The lock may have run out, and parts may be on the belt.
    case 'held':
      return again(update, 'undoing', at)
    case 'switching':
    case 'restarting':
      return running === 'from' ? again(update, 'undoing', at) : { ...update, phase: 'trial', since: at }
    default:
      return update
  }
}

function again(update: UpdateRecord, phase: Phase, at: string): UpdateRecord {
  return { ...update, phase, since: at, interrupted: update.interrupted + 1 }
}

/** Whether the pointers have not been touched for it. */
export function isBeforeSwitch(phase: Phase): boolean {
  return ['fetching', 'unpacking', 'testing', 'waiting', 'held'].includes(phase)
}

/** Whether the pointers may lead to the new release, and nothing has been decided. */
export function isSwitched(phase: Phase): boolean {
  return ['switching', 'restarting', 'trial'].includes(phase)
}

export function isOver(phase: Phase): boolean {
  return ['committed', 'rolled_back', 'failed'].includes(phase)
}

/** As people are told. */
export function stateOf(phase: Phase): UpdateState {
  switch (phase) {
    case 'fetching':
    case 'unpacking':
      return 'downloading'
    case 'testing':
      return 'testing'
    case 'waiting':
      return 'waiting'
    case 'held':
    case 'switching':
    case 'restarting':
    case 'undoing':
    case 'returning':
    case 'returned':
    case 'leaving':
      return 'switching'
    case 'trial':
    case 'committing':
      return 'trial'
    default:
      return phase
  }
}
