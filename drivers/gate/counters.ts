import type { Passage } from './schedule.ts'

/** What became of the parts: `announced = accepted + rejected + held + waiting`, at every moment. */
export interface GateCounters {
  readonly announced: number
  /** Went through a window of their own, energised from beginning to end. */
  readonly accepted: number
  /** The same, to the hold lane. */
  readonly held: number
  /** All others, whatever was said of them. */
  readonly rejected: number
  /** Of the rejected: nothing was said before their window opened. */
  readonly undecided: number
  /** Of the rejected: in front of the gate together with a part of another verdict. */
  readonly overlapped: number
  /** Of the rejected: the process was too late to open their window. */
  readonly missed: number
  /** Of the rejected: their way is not known any more (line stopped, encoder lost, fault, end), or too many waited. */
  readonly stranded: number
  /** Verdicts that came when they could not be carried out any more. */
  readonly late: number
  /** Verdicts about parts that were never announced. */
  readonly unannounced: number
  /** How often the flap did not follow. */
  readonly missedFeedback: number
  /** Pulses for the PLC that came too fast. */
  readonly lostPulses: number
}

/** The same, while they are counted. */
export type GateCounts = { -readonly [name in keyof GateCounters]: number }

/** What became of a passage that is over. */
export function outcomeOf({ action, overlapped }: Passage): 'accepted' | 'held' | 'rejected' {
  if (overlapped) return 'rejected'
  return action === 'accept' ? 'accepted' : action === 'hold' ? 'held' : 'rejected'
}

export function noCounts(): GateCounts {
  return {
    announced: 0,
    accepted: 0,
    held: 0,
    rejected: 0,
    undecided: 0,
    overlapped: 0,
    missed: 0,
    stranded: 0,
    late: 0,
    unannounced: 0,
    missedFeedback: 0,
    lostPulses: 0,
  }
}
