import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Offer, Offers } from './client.ts'
import { Journal } from './journal.ts'
import { compareVersions } from './targets.ts'
import { conclude, type Drive, drive } from './update-drive.ts'
import { UpdateLock } from './update-lock.ts'
import {
  isBeforeSwitch,
  isOver,
  next,
  type Running,
  resumed,
  type UpdateRecord,
  updateRecord,
} from './update-machine.ts'
import { UpdateLog } from './update-record.ts'
import { StatusWriter } from './update-status.ts'
import { stamp, type UpdateTools } from './update-tools.ts'

/** Names in the updater's folder. */
export const JOURNAL_FILE = 'journal'
export const LOCK_FILE = 'lock'
export const LOG_FILE = 'updates.ndjson'

export interface Asked {
  /** `schedule`, or a person. */
  readonly by: string
  /** Takes also what was refused before. */
  readonly again?: boolean
}

/** One updater at work: it has the lock, and has read the journal. */
export class Updater {
  readonly #drive: Drive
  readonly #lock: UpdateLock

  private constructor(on: Drive, lock: UpdateLock) {
    this.#drive = on
    this.#lock = lock
  }

  /** @throws LockedError when another updater works */
  static async open(tools: UpdateTools, offers: Offers | undefined): Promise<Updater> {
    const lock = await UpdateLock.take(join(tools.dir, LOCK_FILE))
    try {
      const journal = await Journal.open({
        file: join(tools.dir, JOURNAL_FILE),
        schema: updateRecord,
        step: tools.step,
        permitted: () => lock.assertHeld(),
      })
      if (journal.tornBytes > 0)
        tools.say(`${journal.tornBytes} bytes of the journal were torn, and do not count`)
      const log = new UpdateLog(join(tools.dir, LOG_FILE), tools.step)
      return new Updater({ tools, journal, log, offers, status: new StatusWriter(tools) }, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  get drive(): Drive {
    return this.#drive
  }

  /** The update that was begun last, over or not. */
  get last(): UpdateRecord | undefined {
    return this.#drive.journal.last
  }

  close(): Promise<void> {
    return this.#lock.release()
  }

  /**
   * Carries on what was begun; else takes the newest release that is offered.
   * @returns what became of it; undefined: there was nothing to do
   */
  async run(asked: Asked, signal: AbortSignal): Promise<UpdateRecord | undefined> {
    const carried = await this.resume(signal)
    // What is offered now was asked for by the release before: the next pass looks anew.
    if (carried !== undefined) return carried
    const offer = await this.newest(asked, signal)
    if (offer === undefined) {
      await this.#showCurrent()
      return undefined
    }
    return await this.take(offer, asked, signal)
  }

  /** Carries on what an updater before this one began. @returns undefined: nothing was begun */
  async resume(signal: AbortSignal): Promise<UpdateRecord | undefined> {
    const { tools, journal } = this.#drive
    const last = journal.last
    if (last === undefined) return undefined
    if (isOver(last.phase)) {
      if (!(await this.#drive.log.has(last.id))) await conclude(last, this.#drive)
      return undefined
    }
    const update = resumed(last, await this.#running(last), stamp(tools.clock))
    if (update.phase !== last.phase) await journal.write(`resume ${update.phase}`, update)
    tools.say(`${update.kind} ${update.from} → ${update.to}: goes on with ${update.phase}`)
    return await drive(update, this.#drive, signal)
  }

  /** The newest release on offer that was not refused before. @throws as `Offers` */
  async newest({ again = false }: Asked, signal: AbortSignal): Promise<Offer | undefined> {
    const offered = (await this.#drive.offers?.check(signal)) ?? []
    const current = await this.#drive.tools.slots.pointed('current')
    const refused = again ? new Set<string>() : await this.#drive.log.refused()
    return offered
      .filter(
        ({ facts, hash }) => facts.kind === 'release' && facts.version !== current && !refused.has(hash),
      )
      .sort((a, b) => compareVersions(b.facts.version, a.facts.version))[0]
  }

  /** Begins an update to what is offered, and brings it as far as it goes. */
  async take(offer: Offer, { by }: Asked, signal: AbortSignal): Promise<UpdateRecord> {
    const { path, channel, length, hash, facts } = offer
    const target = { path, channel, length, hash }
    return await this.#begin({ by, to: facts.version, name: facts.name, target, phase: 'fetching' }, signal)
  }

  /** Begins an update back to the release before this one; the line and its people are asked as for any other. */
  async back({ by }: Asked, signal: AbortSignal): Promise<UpdateRecord> {
    const { slots } = this.#drive.tools
    const [current, previous] = [await slots.pointed('current'), await slots.pointed('previous')]
    if (previous === undefined || previous === current)
      throw new Error(`${slots.folder}: no release to go back to`)
    const [now, then] = await Promise.all([slots.facts(current ?? ''), slots.facts(previous)])
    if (now !== undefined && then !== undefined && now.store_schema > then.store_schema) {
      throw new Error(
        `${previous} cannot open the store of ${current} (schema ${now.store_schema}, it has ${then.store_schema}): ` +
          'stop the station, `poincon restore` a backup of that time, and install it',
      )
    }
    const target = { path: `installed/${previous}`, channel: 'installed', length: 0, hash: '' }
    return await this.#begin({ by, to: previous, name: 'poincon', target, phase: 'unpacking' }, signal)
  }

  async #begin(
    what: Pick<UpdateRecord, 'by' | 'to' | 'name' | 'target' | 'phase'>,
    signal: AbortSignal,
  ): Promise<UpdateRecord> {
    const { tools, journal } = this.#drive
    if (journal.last !== undefined && !isOver(journal.last.phase))
      throw new Error(`an update to ${journal.last.to} is not over`)
    const from = await tools.slots.pointed('current')
    const facts = from === undefined ? undefined : await tools.slots.facts(from)
    if (from === undefined || facts === undefined)
      throw new Error(`${tools.slots.folder}/current leads to no release: install the package anew`)
    const previous = await tools.slots.pointed('previous')
    const now = stamp(tools.clock)
    const update: UpdateRecord = {
      ...{ schema: 'poincon.update-journal/1', id: randomUUID(), kind: 'release', ...what, from },
      ...{ from_schema: facts.store_schema, began: now, since: now, interrupted: 0 },
      ...(previous === undefined ? {} : { previous }),
    }
    await journal.write('begin', update)
    return await drive(update, this.#drive, signal)
  }

  /** Gives up an update that was not switched to yet. @returns undefined: there is none */
  async giveUp(why: string, signal: AbortSignal): Promise<UpdateRecord | undefined> {
    const { journal, tools } = this.#drive
    const last = journal.last
    if (last === undefined || !isBeforeSwitch(last.phase)) return undefined
    const update = next(last, { type: 'refused', why, final: false }, stamp(tools.clock))
    await journal.write('give up', update)
    return await drive(update, this.#drive, signal)
  }

  /** Which of two releases it is now: what is pointed to starts next, what answers runs. */
  async #running({ from, to }: UpdateRecord): Promise<Running> {
    const { slots, link } = this.#drive.tools
    if ((await slots.pointed('current')) === from) return 'from'
    const running = await link.running()
    if (running?.version === from) return 'from'
    return running?.version === to ? 'to' : 'none'
  }

  async #showCurrent(): Promise<void> {
    const { tools, status, journal } = this.#drive
    const current = await tools.slots.pointed('current')
    if (current === undefined || journal.last?.phase === 'rolled_back' || journal.last?.phase === 'failed')
      return
    const since = journal.last?.since ?? stamp(tools.clock)
    await status.write({
      schema: 'poincon.update/1',
      state: 'current',
      kind: 'release',
      from: current,
      since,
    })
  }
}
