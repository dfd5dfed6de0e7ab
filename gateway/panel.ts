import type { Clock } from '../drivers/clock.ts'
import type { PanelFault } from '../drivers/panel/health.ts'
import type { Button } from '../drivers/panel/options.ts'
import type { Panel } from '../drivers/panel/panel.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { Log } from './log.ts'
import { panelShow, type StationMood } from './panel-show.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface PanelUnitOptions {
  readonly open: () => Promise<Pick<Panel, 'show' | 'onButton' | 'mend' | 'health' | 'close'>>
  readonly mood: () => StationMood
  /** What the buttons do: resume the line; stop it; acknowledge what waits for it. */
  readonly actions: Readonly<Record<Button, () => void | Promise<void>>>
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
}

type OpenPanel = Awaited<ReturnType<PanelUnitOptions['open']>>

const REFRESH_MS = 1000
const BACKOFF: Backoff = { firstMs: 1000, longestMs: 30_000 }
/** What is shown when nobody can say how the station is. */
const UNKNOWN: StationMood = {
  phase: 'running',
  dryRun: false,
  failed: true,
  degraded: false,
  lineStopped: false,
  partHeld: false,
  alert: false,
}

/**
 * The panel of the station: shows its mood, and does what its buttons say. It is opened with backoff for as long as it
 * takes; a panel that is missing, or a piece of it, is a state and never stops the station.
 */
export class PanelUnit implements Unit {
  readonly name = 'panel'
  readonly #options: PanelUnitOptions
  readonly #lifetime = new AbortController()
  readonly #told = new Map<string, PanelFault>()
  #running: Promise<void> = Promise.resolve()
  #panel: OpenPanel | undefined
  #absent: string | undefined = 'not opened yet'
  #moodless = false
  /** What calls for somebody, and what somebody heard of. */
  #calls: readonly string[] = []
  #heard: readonly string[] = []
  #presses = 0
  #mends = 0
  #mendAt = 0

  constructor(options: PanelUnitOptions) {
    this.#options = options
  }

  /** Does not wait for the panel. */
  start(): Promise<void> {
    this.#running = this.#run()
    // Who stops it hears of it.
    this.#running.catch(() => {})
    return Promise.resolve()
  }

  /** All lamps are off then. */
  async stop(): Promise<void> {
    this.#lifetime.abort()
    await this.#running
  }

  /** Shows how the station is now. Called every second, and by whoever knows of a change. */
  refresh(): void {
    const mood = this.#mood()
    this.#calls = [...(mood.lineStopped ? ['stopped'] : []), ...(mood.partHeld ? ['held'] : [])]
    this.#heard = this.#heard.filter((call) => this.#calls.includes(call))
    this.#panel?.show(panelShow(mood, this.#heard.length === this.#calls.length))
  }

  status(): UnitStatus {
    if (this.#panel === undefined) return { state: 'failed', detail: this.#absent ?? 'not open' }
    const { state, faults } = this.#panel.health()
    const facts = { faults: faults.length, presses: this.#presses }
    const [first] = faults
    if (first === undefined) return { state, facts }
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
    return { state, detail: `${first.piece}: ${first.fault}: ${first.detail}${more}`, facts }
  }

  async #run(): Promise<void> {
    const { signal } = this.#lifetime
    const panel = await this.#open(signal)
    if (panel === undefined) return
    const deaf = panel.onButton((button) => this.#pressed(button))
    try {
      this.#panel = panel
      while (!signal.aborted) {
        this.refresh()
        await this.#lookAfter(panel)
        await this.#options.clock.sleep(REFRESH_MS, signal).catch(() => {})
      }
    } finally {
      this.#panel = undefined
      deaf()
      await panel.close()
    }
  }

  async #open(signal: AbortSignal): Promise<OpenPanel | undefined> {
    const { open, clock, log, random } = this.#options
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        return await open()
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error)
        if (detail !== this.#absent) log.warn({ err: error }, 'panel absent, trying on')
        this.#absent = detail
      }
      await clock.sleep(backoffMs(failures, BACKOFF, random), signal).catch(() => {})
    }
    return undefined
  }

  /** Says once what is wrong and what is well again, and tries to mend what is. */
  async #lookAfter(panel: OpenPanel): Promise<void> {
    const { clock, log, random } = this.#options
    const { faults } = panel.health()
    const now = new Map(faults.map((fault) => [`${fault.piece} ${fault.fault}`, fault]))
    for (const [key, { piece }] of this.#told) {
      if (now.has(key)) continue
      this.#told.delete(key)
      if (!faults.some((fault) => fault.piece === piece)) log.info({ piece }, 'panel piece well again')
    }
    for (const [key, fault] of now) {
      if (this.#told.has(key)) continue
      this.#told.set(key, fault)
      log.warn({ ...fault }, 'panel fault')
    }
    if (faults.every(({ fault }) => fault === 'stuck')) {
      this.#mends = 0
      return
    }
    if (this.#mends > 0 && clock.now() < this.#mendAt) return
    this.#mends += 1
    await panel.mend()
    this.#mendAt = clock.now() + backoffMs(this.#mends, BACKOFF, random)
  }

  #mood(): StationMood {
    try {
      const mood = this.#options.mood()
      this.#moodless = false
      return mood
    } catch (error) {
      if (!this.#moodless) this.#options.log.error({ err: error }, 'the panel cannot know how the station is')
      this.#moodless = true
      return UNKNOWN
    }
  }

  #pressed(button: Button): void {
    const { actions, log } = this.#options
    this.#presses += 1
    log.info({ button }, 'button pressed')
    if (button === 'acknowledge') this.#heard = this.#calls
    // Of whoever listens: what it throws must not end the timer that told of the press.
    Promise.resolve()
      .then(() => actions[button]())
      .catch((error: unknown) => log.warn({ button, err: error }, 'the button did nothing'))
      .finally(() => this.refresh())
  }
}
