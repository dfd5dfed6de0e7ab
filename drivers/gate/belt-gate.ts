import type { Clock } from '../clock.ts'
import type { Gpio } from '../gpio.ts'
import { type GateCounters, noCounts } from './counters.ts'
import { FlapCheck } from './flap.ts'
import type { Gate, GateAction } from './gate.ts'
import { Kicks } from './kicks.ts'
import { GateLines, type GateOutput } from './lines.ts'
import { type BeltGateOptions, type GateFault, type GateTiming, timingOf } from './options.ts'
import { Plc } from './plc.ts'
import { Traffic } from './traffic.ts'

/** How the gate is, and what it did. */
export interface GateHealth {
  readonly state: 'ok' | GateFault['state']
  /** What is wrong. */
  readonly detail?: string
  /** Parts between trigger and gate. */
  readonly waiting: number
  readonly counters: GateCounters
}

/**
 * A flap, pusher or air jet on a belt, switched by digital outputs. De-energised it rejects; `pass` is energised only
 * while a part that was accepted in time is in front of it. Nothing here throws after `open`: what goes wrong becomes
 * a fault, in which all is rejected and the line is stopped until `resumeLine`.
 */
export class BeltGate implements Gate {
  readonly holdLane: boolean
  readonly decideWithinMs: number | undefined
  readonly #options: BeltGateOptions
  readonly #timing: GateTiming
  readonly #lines: GateLines
  readonly #traffic: Traffic
  readonly #kicks: Kicks | undefined
  readonly #flap: FlapCheck | undefined
  readonly #plc: Plc
  readonly #counts = noCounts()
  #armed = true
  #ready = false
  #stopped = false
  #fault: GateFault | undefined
  #byHand: GateAction | undefined

  private constructor(clock: Clock, options: BeltGateOptions, lines: GateLines) {
    this.#options = options
    this.#timing = timingOf(options)
    this.#lines = lines
    const { plan, leadMs, kickEveryMs, plcPulseMs } = this.#timing
    this.#traffic = new Traffic(clock, {
      timing: this.#timing,
      position: options.position,
      counts: this.#counts,
      due: () => this.#turn(),
    })
    this.holdLane = options.hold !== undefined
    this.decideWithinMs = plan.delay.by === 'ms' ? plan.delay.at - leadMs : undefined
    this.#plc = new Plc(clock, {
      pulseMs: plcPulseMs,
      wired: { accept: options.plc?.accept !== undefined, reject: options.plc?.reject !== undefined },
      set: this.#set,
    })
    this.#flap = this.#flapCheck(clock)
    if (options.kicks !== undefined) {
      const { alive } = options.kicks
      const set = (active: boolean): void => void this.#set('kick', active)
      this.#kicks = new Kicks(clock, { everyMs: kickEveryMs, alive, before: () => this.#turn(), set })
    }
  }

  /**
   * Takes the lines, all inactive: the gate rejects.
   * @throws LineError with every line given back
   * @throws RangeError for options that contradict each other
   */
  static async open(gpio: Gpio, clock: Clock, options: BeltGateOptions): Promise<BeltGate> {
    timingOf(options)
    const gate = new BeltGate(clock, options, await GateLines.open(gpio, options))
    gate.#kicks?.start()
    gate.#flap?.told(false)
    return gate
  }

  get lineStopped(): boolean {
    return this.#stopped
  }

  health(): GateHealth {
    const { state = 'ok', detail } = this.#fault ?? {}
    const waiting = this.#traffic.size
    return { state, waiting, counters: { ...this.#counts }, ...(detail === undefined ? {} : { detail }) }
  }

  expect(trigger: number, at: number): void {
    this.#byHand = undefined
    this.#traffic.expect(trigger, at, this.#passing())
    this.#turn()
  }

  act(action: GateAction, trigger: number): 'in-time' | 'late' {
    // First what is due: a verdict that comes with the opening of its window is late.
    this.#turn()
    const done = action === 'hold' && !this.holdLane ? 'reject' : action
    const said = this.#traffic.decide(done, trigger)
    if (said === 'in-time') this.#tellPlc(done)
    return said
  }

  /**
   * The belt runs out and stands. Windows by the clock are void then, and without a stop output the belt may run on
   * with what a person should see: both reject all that wait. Windows by the belt stay what they are.
   */
  stopLine(): void {
    this.#stopped = true
    this.#byHand = undefined
    this.#set('stop', true)
    this.#turn()
  }

  /** A person has looked. Ends a fault; when it is still there, it comes back. */
  resumeLine(): void {
    const fault = this.#fault
    this.#stopped = false
    this.#fault = undefined
    this.#turn()
    this.#set('stop', this.#stopped)
    if (fault === undefined || this.#faulty()) return
    if (this.#armed) {
      this.#kicks?.start()
      this.#flap?.told(false)
    }
    this.#options.troubled?.(undefined)
  }

  /** Whether the station can inspect; the PLC is told no all the same while the gate lets nothing pass. */
  setReady(ready: boolean): void {
    this.#ready = ready
    this.#turn()
  }

  /**
   * Moves the gate by hand, until the next move, part or `safe`.
   * @throws Error while parts are on their way, in a fault, and after `safe`
   */
  move(action: GateAction): void {
    const { size } = this.#traffic
    if (size > 0) throw new Error(`the gate cannot be moved by hand: ${size} parts are on their way`)
    if (!this.#passing()) throw new Error(`the gate cannot be moved by hand: ${this.#whyNot()}`)
    this.#byHand = action
    this.#turn()
  }

  /** For good: there is no way back but opening it anew. */
  safe(): void {
    this.#armed = false
    this.#byHand = undefined
    this.#turn()
    this.#rest()
  }

  /** Safe, and every line given back. */
  close(): void {
    this.safe()
    this.#lines.close()
  }

  /** Whether parts may pass at all. */
  #passing(): boolean {
    return this.#armed && !this.#faulty() && !(this.#stopped && this.#standsStill())
  }

  #standsStill(): boolean {
    return this.#timing.plan.delay.by === 'ms' || this.#options.stop === undefined
  }

  #whyNot(): string {
    if (!this.#armed) return 'it was made safe'
    return this.#fault?.detail ?? 'the line is stopped'
  }

  /** Does whatever is due, and comes back when something will be. */
  #turn(): void {
    for (let undecided = this.#traffic.advance(); undecided > 0; undecided -= 1) this.#tellPlc('reject')
    if (!this.#passing()) this.#traffic.strandWaiting()
    if (!this.#armed || this.#faulty()) this.#traffic.strandAll()
    this.#apply()
    this.#traffic.wait()
  }

  #wanted(): GateAction {
    if (!this.#armed || this.#faulty()) return 'reject'
    return this.#byHand ?? this.#traffic.wanted()
  }

  /** Asks before each output what is wanted: one that fails on the way makes it reject. */
  #apply(): void {
    // What must not be is switched off before anything is switched on.
    if (this.#wanted() !== 'hold') this.#set('hold', false)
    const pass = this.#wanted() === 'accept'
    if (this.#set('pass', pass)) this.#flap?.told(pass)
    if (this.#wanted() === 'hold') this.#set('hold', true)
    this.#set('ready', this.#ready && this.#passing())
  }

  #tellPlc(action: GateAction): void {
    if (!this.#plc.tell(action)) this.#counts.lostPulses += 1
  }

  #flapCheck(clock: Clock): FlapCheck | undefined {
    const { feedback } = this.#options
    if (feedback === undefined) return undefined
    return new FlapCheck(clock, {
      withinMs: feedback.withinMs,
      passes: () => this.#lines.flapPasses(),
      failed: (error) => this.#fail('failed', messageOf(error)),
      stuck: (detail) => {
        this.#counts.missedFeedback += 1
        this.#fail('stuck', detail)
      },
    })
  }

  #faulty(): boolean {
    return this.#fault !== undefined
  }

  /** @returns whether it changed */
  readonly #set = (name: GateOutput, active: boolean): boolean => {
    try {
      return this.#lines.set(name, active)
    } catch (error) {
      this.#fail('failed', messageOf(error))
      return false
    }
  }

  /** Everything off, as far as it can be switched, and the belt stopped; told once. */
  #fail(state: GateFault['state'], detail: string): void {
    if (this.#faulty()) return
    this.#fault = { state, detail }
    this.#stopped = true
    this.#byHand = undefined
    this.#set('stop', true)
    this.#turn()
    this.#rest()
    this.#options.troubled?.(this.#fault)
  }

  /** The kicks and pulses end: without them the relay falls. */
  #rest(): void {
    this.#flap?.stop()
    this.#kicks?.stop()
    this.#plc.stop()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
