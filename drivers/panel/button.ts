import type { Clock } from '../clock.ts'
import { type Contact, found, levelSeen, settled } from './debounce.ts'

/** A button held for longer is not held by a hand. */
export const STUCK_MS = 30_000

export interface ButtonEvents {
  /** It was pressed: once, however long it is held. `at` is the monotonic ms of the first touch that lasted. */
  readonly pressed: (at: number) => void
  /** Its debounced level is this now. */
  readonly level: (active: boolean) => void
}

/**
 * One button: debounced, told once a press. One that was pressed already when it was first looked at, or is for longer
 * than `STUCK_MS`, is stuck until it is released.
 */
export class PanelButton {
  readonly #clock: Clock
  readonly #debounceMs: number
  readonly #events: ButtonEvents
  #contact: Contact | undefined
  #stuck = false
  #forgetSettling = (): void => {}
  #forgetHolding = (): void => {}

  constructor(clock: Clock, debounceMs: number, events: ButtonEvents) {
    this.#clock = clock
    this.#debounceMs = debounceMs
    this.#events = events
  }

  /** Its debounced level. */
  get active(): boolean {
    return this.#contact?.active ?? false
  }

  get stuck(): boolean {
    return this.#stuck
  }

  /** @param at monotonic ms at which it took this level; undefined: it was found so, nobody knows since when */
  told(active: boolean, at: number | undefined): void {
    this.#forgetSettling()
    if (at === undefined || this.#contact === undefined) {
      this.#find(active, at ?? this.#clock.now())
      return
    }
    const { before, after } = levelSeen(this.#contact, { active, at }, this.#debounceMs)
    this.#become(before)
    this.#become(after)
    this.#settleLater()
  }

  close(): void {
    this.#forgetSettling()
    this.#forgetHolding()
  }

  #find(active: boolean, at: number): void {
    this.#forgetHolding()
    this.#contact = found(active, at)
    this.#stuck = active
    this.#events.level(active)
  }

  #settleLater(): void {
    const contact = this.#contact
    if (contact === undefined || contact.seen === contact.active) return
    const ms = Math.max(0, contact.since + this.#debounceMs - this.#clock.now())
    this.#forgetSettling = this.#clock.after(ms, () => {
      this.#become(settled(contact, this.#clock.now(), this.#debounceMs))
      // Timers fire up to a millisecond early.
      this.#settleLater()
    })
  }

  #become(contact: Contact): void {
    const before = this.#contact
    this.#contact = contact
    if (before?.active === contact.active) return
    this.#forgetHolding()
    const stuck = this.#stuck
    this.#stuck = false
    if (contact.active) {
      const held = this.#clock.now() - contact.since
      this.#forgetHolding = this.#clock.after(Math.max(0, STUCK_MS - held), () => {
        this.#stuck = true
      })
    }
    this.#events.level(contact.active)
    if (contact.active && !stuck) this.#events.pressed(contact.since)
  }
}
