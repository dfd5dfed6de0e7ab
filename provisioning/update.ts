import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Offer, Offers } from './client.ts'
import { Journal } from './journal.ts'
import { subjectOf } from './subjects.ts'
import { conclude, type Drive, drive } from './update-drive.ts'
import { UpdateLock } from './update-lock.ts'
import {
  isBeforeSwitch,
  isOver,
  NOTHING,
  next,
  type Running,
  resumed,
  type UpdateRecord,
  updateRecord,
} from './update-machine.ts'
import { LOG_FILE, UpdateLog } from './update-record.ts'
import { StatusWriter, statusOf } from './update-status.ts'
import { stamp, type UpdateTools } from './update-tools.ts'
import { byTurn, endsThePass, staleness } from './update-turns.ts'

/** Names in the updater's folder. */
export const JOURNAL_FILE = 'journal'
export const LOCK_FILE = 'lock'

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
      const status = new StatusWriter(tools, (one) => offers?.steering?.report(one))
      return new Updater({ tools, journal, log, offers, status }, lock)
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

  /** Ends when who sent the update has heard how it stands, or is away. */
  async close(): Promise<void> {
    await this.#drive.offers?.steering?.settled()
    await this.#lock.release()
  }

  /**
   * Carries on what was begun; else takes the newest release that is offered.
   * @returns what became of it; undefined: there was nothing to do
   */
  async run(asked: Asked, signal: AbortSignal): Promise<UpdateRecord | undefined> {
    const carried = await this.resume(signal)
    // What is offered now was asked for by the release before: the next pass looks anew.
    if (carried !== undefined) return carried
    const tried = new Set<string>()
    let [worst, last]: [UpdateRecord | undefined, UpdateRecord | undefined] = [undefined, undefined]
    for (;;) {
      const offer = await this.newest(asked, signal, tried)
      if (offer === undefined) break
      tried.add(offer.hash)
      last = await this.take(offer, asked, signal)
      if (last.phase !== 'committed') worst ??= last
      // It waits; or another release, or another system, goes on from here.
      if (!isOver(last.phase) || (endsThePass(last) && last.phase !== 'failed')) return worst ?? last
    }
    if (last === undefined) await this.#showCurrent()
    return worst ?? last
  }

  /** Carries on what an updater before this one began. @returns undefined: nothing was begun */
  async resume(signal: AbortSignal): Promise<UpdateRecord | undefined> {
    const { tools, journal } = this.#drive
    const last = journal.last
    if (last === undefined) return undefined
    if (isOver(last.phase)) {
      if (!(await this.#drive.log.has(last.id))) await conclude(last, this.#drive)
      // Also how one ended whose updater did not live to tell: recovery after failed starts has no network.
      this.#drive.offers?.steering?.report(statusOf(last))
      return undefined
    }
    const update = resumed(last, await this.#running(last), stamp(tools.clock))
    if (update.phase !== last.phase) await journal.write(`resume ${update.phase}`, update)
    tools.say(`${update.kind} ${update.from} → ${update.to}: goes on with ${update.phase}`)
    return await drive(update, this.#drive, signal)
  }

  /**
   * What comes first of all that is on offer and was not refused before: a release, then what it runs with.
   * @param tried hashes that this pass has seen already @throws as `Offers`
   */
  async newest(
    { again = false }: Asked,
    signal: AbortSignal,
    tried: ReadonlySet<string> = new Set(),
  ): Promise<Offer | undefined> {
    const offered = (await this.#drive.offers?.check(signal)) ?? []
    const current = await this.#drive.tools.slots.pointed('current')
    const refused = again ? new Set<string>() : await this.#drive.log.refused()
    for (const offer of offered.filter(({ hash }) => refused.has(hash)))
      await this.#drive.offers?.steering?.declined(offer, 'it failed here before, or was gone back from')
    return offered
      .filter(
        ({ facts, hash }) =>
          !(facts.kind === 'release' && facts.version === current) && !refused.has(hash) && !tried.has(hash),
      )
      .sort(byTurn)[0]
  }

  /** Begins an update to what is offered, and brings it as far as it goes. */
  async take(offer: Offer, { by }: Asked, signal: AbortSignal): Promise<UpdateRecord> {
    const { path, channel, length, hash, facts } = offer
    const { kind, name, version: to } = facts
    const target = { path, channel, length, hash }
    return await this.#begin({ by, kind, to, name, from: offer.from, target, phase: 'fetching' }, signal)
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
    return await this.#begin(
      { by, kind: 'release', to: previous, name: 'poincon', from: current, target, phase: 'unpacking' },
      signal,
    )
  }

  async #begin(
    what: Pick<UpdateRecord, 'by' | 'kind' | 'to' | 'name' | 'target' | 'phase'> & {
      readonly from: string | undefined
    },
    signal: AbortSignal,
  ): Promise<UpdateRecord> {
    const { tools, journal } = this.#drive
    if (journal.last !== undefined && !isOver(journal.last.phase))
      throw new Error(`an update to ${journal.last.to} is not over`)
    const release = await tools.slots.pointed('current')
    const facts = release === undefined ? undefined : await tools.slots.facts(release)
    if (release === undefined || facts === undefined)
      throw new Error(`${tools.slots.folder}/current leads to no release: install the package anew`)
    const previous = await tools.slots.pointed('previous')
    const now = stamp(tools.clock)
    const from = what.kind === 'release' ? release : (what.from ?? NOTHING)
    const update: UpdateRecord = {
      ...{ schema: 'poincon.update-journal/1', id: randomUUID(), ...what, from },
      ...{ from_schema: facts.store_schema, began: now, since: now, interrupted: 0 },
      ...(previous === undefined ? {} : { previous }),
    }
    await journal.write('begin', update)
    return await drive(update, this.#drive, signal)
  }

  /** Gives up an update that waits for what is not offered any more, or has to let another pass. */
  async reconsider(signal: AbortSignal): Promise<void> {
    const { journal, offers, log } = this.#drive
    // A server that steers says itself what is withdrawn.
    if (offers === undefined || offers.steering !== undefined) return
    const why = await staleness(journal.last, offers, await log.refused(), signal)
    if (why !== undefined) await this.giveUp(why, signal)
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

  /** Which of the two it is now: what is pointed to starts next, what answers runs. */
  async #running(update: UpdateRecord): Promise<Running> {
    const { tools } = this.#drive
    const [subject, { from, to }] = [subjectOf(update), update]
    if ((await subject.current(update, tools)) === from) return 'from'
    const running = await tools.link.running()
    if (running === undefined) return 'none'
    if (subject.runs(running, to, update)) return 'to'
    return subject.runs(running, from, update) ? 'from' : 'none'
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
