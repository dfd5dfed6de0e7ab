import type { LineSpec } from '../gpio.ts'
import type { BeltPosition } from '../trigger/position.ts'
import type { Moment, WindowPlan } from './schedule.ts'

/** How a belt gate is wired and timed. */
export interface BeltGateOptions {
  /** Energised lets parts pass. */
  readonly pass: LineSpec
  /** Energised sends parts to the hold lane. Without it the gate has none. */
  readonly hold?: LineSpec
  readonly window: GateWindow
  /** Where the belt is; needed by windows in pulses. */
  readonly position?: BeltPosition
  /** From its command to the flap's arrival, ms: the outputs change that much earlier. Default 0. */
  readonly leadMs?: number
  readonly kicks?: KickOptions
  readonly feedback?: {
    /** Active while the flap lies so that parts pass. */
    readonly line: LineSpec
    /** From each change of `pass` until the flap must have followed, ms. */
    readonly withinMs: number
  }
  /** Active stops the belt. */
  readonly stop?: LineSpec
  readonly plc?: PlcOptions
  /** Parts that may be between trigger and gate; more are rejected. Default 256. */
  readonly waiting?: number
  /** Told when the gate gets into a fault, and with undefined when it is out of it. */
  readonly troubled?: (fault: GateFault | undefined) => void
}

/** The window of a part: its beginning after the trigger, and its length. Give one of each. */
export interface GateWindow {
  readonly delayMs?: number
  readonly delayPulses?: number
  readonly pulseMs?: number
  readonly pulsePulses?: number
  /** A window that the process would open later than this is not opened, ms. Default: a quarter of `pulseMs`, else 20. */
  readonly openWithinMs?: number
}

/** The external monostable relay that lets the gate fall to reject when the process does not move any more. */
export interface KickOptions {
  readonly line: LineSpec
  /** The line changes its level this often, ms. Default 20. */
  readonly everyMs?: number
  /** How long the relay holds after a rising edge, ms; at least three times `everyMs`. */
  readonly relayMs: number
  /** Whether the station works: the relay falls when it does not. */
  readonly alive: () => boolean
}

/** Outputs for a PLC. Each part gives one pulse on `accept` or on `reject`, when its verdict falls; held ones none. */
export interface PlcOptions {
  readonly accept?: LineSpec
  readonly reject?: LineSpec
  /** Active while the station can inspect. */
  readonly ready?: LineSpec
  /** Of a pulse, and of the gap between two, ms. Default 50. */
  readonly pulseMs?: number
}

/** What keeps the gate in reject until a person resumes the line. */
export interface GateFault {
  /** `stuck`: the flap did not follow; `failed`: an output cannot be switched, or the end switch not read. */
  readonly state: 'stuck' | 'failed'
  readonly detail: string
}

/** Timing, checked and with its defaults. */
export interface GateTiming {
  readonly plan: WindowPlan
  readonly leadMs: number
  readonly waiting: number
  readonly kickEveryMs: number
  readonly plcPulseMs: number
}

const LATE_MS = 20

/** @throws RangeError that names the option, its value and what is expected */
export function timingOf(options: BeltGateOptions): GateTiming {
  const { leadMs = 0, waiting = 256, window, kicks, plc, feedback } = options
  atLeast('leadMs', leadMs, 0)
  atLeast('waiting', waiting, 1)
  const kickEveryMs = kicks?.everyMs ?? 20
  atLeast('kicks.everyMs', kickEveryMs, 1)
  if (kicks !== undefined)
    atLeast('kicks.relayMs (three times kicks.everyMs)', kicks.relayMs, 3 * kickEveryMs)
  const plcPulseMs = plc?.pulseMs ?? 50
  atLeast('plc.pulseMs', plcPulseMs, 1)
  const plan = planOf(window, options.position !== undefined)
  if (plan.delay.by === 'ms') more('window.delayMs (beyond leadMs)', plan.delay.at, leadMs)
  if (feedback !== undefined) {
    more('feedback.withinMs', feedback.withinMs, 0)
    if (plan.length.by === 'ms')
      atLeast('window.pulseMs (feedback.withinMs)', plan.length.at, feedback.withinMs)
  }
  return { plan, leadMs, waiting, kickEveryMs, plcPulseMs }
}

function planOf(window: GateWindow, positioned: boolean): WindowPlan {
  const delay = one('delay', window.delayMs, window.delayPulses)
  const length = one('pulse', window.pulseMs, window.pulsePulses)
  if ((delay.by === 'pulses' || length.by === 'pulses') && !positioned) {
    throw new RangeError('window: pulses need an encoder (position)')
  }
  if (delay.by === 'ms' && length.by === 'pulses') {
    throw new RangeError('window: pulsePulses goes with delayPulses, not with delayMs')
  }
  const openWithinMs = window.openWithinMs ?? (length.by === 'ms' ? length.at / 4 : LATE_MS)
  more('window.openWithinMs', openWithinMs, 0)
  return { delay, length, openWithinMs }
}

function one(name: 'delay' | 'pulse', ms: number | undefined, pulses: number | undefined): Moment {
  if ((ms === undefined) === (pulses === undefined)) {
    throw new RangeError(
      `window: give either ${name}Ms or ${name}Pulses, not ${ms === undefined ? 'none' : 'both'}`,
    )
  }
  const moment: Moment = ms === undefined ? { by: 'pulses', at: pulses ?? 0 } : { by: 'ms', at: ms }
  more(`window.${name}${moment.by === 'ms' ? 'Ms' : 'Pulses'}`, moment.at, 0)
  return moment
}

function atLeast(name: string, value: number, least: number): void {
  if (!(value >= least && Number.isFinite(value))) {
    throw new RangeError(`${name}: expected at least ${least}, not ${value}`)
  }
}

function more(name: string, value: number, than: number): void {
  if (!(value > than && Number.isFinite(value))) {
    throw new RangeError(`${name}: expected more than ${than}, not ${value}`)
  }
}
