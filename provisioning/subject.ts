import type { Running } from './link.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

/** Of an update: what is meant. */
export type Named = Pick<UpdateRecord, 'kind' | 'name'>

/**
 * What an update switches: a release, a configuration, a recipe. The states, the journal, the line's lock, the trial and
 * the way back are the same for all of them; this is the rest. Each member can be done again.
 */
export interface Subject {
  /** Disks that it writes to, besides the updater's own folder. */
  readonly folders: (tools: UpdateTools) => readonly string[]
  /** Why this device cannot take such a thing at all, before anything is fetched. */
  readonly unfit?: (update: UpdateRecord, tools: UpdateTools) => Promise<string | undefined>
  /** What the next start finds; `NOTHING`: none. */
  readonly current: (update: UpdateRecord, tools: UpdateTools) => Promise<string>
  /** Whether `update.to` lies where it belongs, whole. */
  readonly has: (update: UpdateRecord, tools: UpdateTools) => Promise<boolean>
  /** Brings the verified file to where it belongs: complete, or not there. */
  readonly unpack: (
    update: UpdateRecord,
    file: string,
    tools: UpdateTools,
    signal: AbortSignal,
  ) => Promise<void>
  /** @returns `unpacked`, or `refused` where what lies there is not for this device */
  readonly unpacked: (update: UpdateRecord, tools: UpdateTools) => Promise<UpdateEvent>
  /** Tries it beside what runs. @returns `tested` or `refused` */
  readonly test: (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<UpdateEvent>
  /** While the line is locked: what is there to come back to; kept as `before`. */
  readonly before?: (update: UpdateRecord, tools: UpdateTools) => Promise<string>
  /** The line goes on meanwhile: it need not be idle, and is not locked. */
  readonly besideTheLine?: true
  /** Whether `put` takes longer than the lock of the line lasts. */
  readonly slow?: true
  readonly put: (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<void>
  /** Undoes `put`, however far that came. */
  readonly back: (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<void>
  /** What else is done after `back`, where nothing was restarted for all that is known. */
  readonly undone?: (tools: UpdateTools, signal: AbortSignal) => Promise<void>
  /** Has whoever is to use it start anew; does not wait for it. */
  readonly restart: (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<void>
  /** After `back` and `restart`: waits until what was before runs again, where a gateway cannot tell. @returns why it does not */
  readonly isBack?: (
    update: UpdateRecord,
    tools: UpdateTools,
    signal: AbortSignal,
  ) => Promise<string | undefined>
  /** Whether a gateway that answers does so with this version. */
  readonly runs: (running: Running, version: string, update: UpdateRecord) => boolean
  /** What else is asked of it on trial. @returns why it is not well */
  readonly unwell?: (
    update: UpdateRecord,
    tools: UpdateTools,
    signal: AbortSignal,
  ) => Promise<string | undefined>
  /** Clears up what no update comes back to. @param bad `update.to` itself goes, where nothing leads to it */
  readonly tidy: (update: UpdateRecord, tools: UpdateTools, bad: boolean) => Promise<void>
}
