import { setTimeout as delay } from 'node:timers/promises'
import { type ChainTip, GENESIS } from '../../../gateway/store/log/chain.ts'
import { StationOut } from '../../gateway/ingest/fleet.ts'
import { type Author, history } from '../../gateway/ingest/history.ts'

/** How often every station makes what is due, ms. */
const TICK_MS = 20
/** What is not confirmed within this goes out again: longer than the redelivery after a kill takes. */
const STALLED_MS = 10_000
/** Inspections that may lie between the log and the database: a machine that cannot keep up makes fewer. */
const BEHIND = 3000

/** Stations that inspect at a steady rate together, each with its own log, sink and watch over confirmations. */
export class Fleet {
  readonly stations: readonly StationOut[]
  readonly authors: readonly Author[]
  readonly #tips: ChainTip[]
  readonly #over = new AbortController()
  #running: Promise<void> | undefined

  /** @param url where they publish */
  constructor(count: number, url: string) {
    this.authors = Array.from({ length: count }, (_, place) => {
      const digit = String(place + 1)
      const epoch = `01980000-0000-7000-8000-00000000000${digit}`
      return { device: `gw-${digit}`, epoch, station: `s${digit}`, salt: `0${digit}` }
    })
    this.stations = this.authors.map((author) => new StationOut(author, [], { url, stalledMs: STALLED_MS }))
    this.#tips = this.authors.map(() => ({ sequence: 0, hash: GENESIS }))
  }

  /** @param perSecond of all of them together */
  async start(perSecond: number): Promise<void> {
    for (const station of this.stations) await station.start()
    this.#running = this.#run(perSecond / this.stations.length)
  }

  /** Inspections in all logs. */
  get made(): number {
    return this.stations.reduce((sum, { log }) => sum + log.entries.length, 0)
  }

  /** Inspections that no confirmation covers. */
  get unconfirmed(): number {
    return this.stations.reduce((sum, { log }) => sum + log.entries.length - log.kept, 0)
  }

  /** Makes no more; what is made still goes out. */
  async hold(): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  async stop(): Promise<void> {
    await this.hold()
    for (const station of this.stations) await station.stop()
  }

  async #run(perSecond: number): Promise<void> {
    for (let last = performance.now(), owed = 0; !this.#over.signal.aborted; ) {
      const now = performance.now()
      if (this.unconfirmed < BEHIND) owed += ((now - last) * perSecond) / 1000
      last = now
      const count = Math.floor(owed)
      owed -= count
      for (const place of this.stations.keys()) this.#make(place, count)
      await delay(TICK_MS)
    }
  }

  #make(place: number, count: number): void {
    const [station, author, tip] = [this.stations[place], this.authors[place], this.#tips[place]]
    if (station === undefined || author === undefined || tip === undefined || count === 0) return
    const fresh = history(author, tip.sequence + 1, tip.sequence + count, tip)
    station.log.append(...fresh)
    const sequence = tip.sequence + count
    this.#tips[place] = { sequence, hash: station.log.hashOf(sequence) ?? '' }
  }
}
