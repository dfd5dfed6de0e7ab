/** Rules about runs of points, by their number with Western Electric (1956) and Nelson (1984). */
export const WESTERN_ELECTRIC = ['we1', 'we2', 'we3', 'we4'] as const
export const NELSON = [
  'nelson1',
  'nelson2',
  'nelson3',
  'nelson4',
  'nelson5',
  'nelson6',
  'nelson7',
  'nelson8',
] as const
/** `limits`: a point beyond the limits of a chart that knows no other rule (ranges, EWMA). */
export const RULES = [...WESTERN_ELECTRIC, ...NELSON, 'limits'] as const
export type Rule = (typeof RULES)[number]

/** What the rules remember: counts of the run that is going on. All whole numbers but the last point. */
export interface RunState {
  points: number
  last: number
  /** Points in a row above (positive) or below (negative) the centre. */
  side: number
  /** Steps in a row up (positive) or down (negative). */
  trend: number
  /** Steps in a row, each against the one before. */
  turns: number
  /** The last three points, one bit each: beyond +2 σ, beyond -2 σ. */
  over2: number
  under2: number
  /** The last five points: beyond +1 σ, beyond -1 σ. */
  over1: number
  under1: number
  within1: number
  beyond1: number
}

export function noRuns(): RunState {
  return {
    points: 0,
    last: 0,
    side: 0,
    trend: 0,
    turns: 0,
    over2: 0,
    under2: 0,
    over1: 0,
    under1: 0,
    within1: 0,
    beyond1: 0,
  }
}

// Counts stop here, so that they stay small integers for ever.
const LONGEST_RUN = 1 << 20

function longer(run: number): number {
  return run < LONGEST_RUN ? run + 1 : run
}

function bits(mask: number): number {
  return (mask & 1) + ((mask >> 1) & 1) + ((mask >> 2) & 1) + ((mask >> 3) & 1) + ((mask >> 4) & 1)
}

/** Takes in the next point, `z` standard deviations from the centre. A point on the centre ends a run of side. */
export function addPoint(state: RunState, z: number): void {
  if (state.points > 0) addStep(state, Math.sign(z - state.last))
  state.points = longer(state.points)
  state.last = z
  state.side = z > 0 ? longer(Math.max(0, state.side)) : z < 0 ? -longer(Math.max(0, -state.side)) : 0
  state.over2 = ((state.over2 << 1) & 0b111) | (z > 2 ? 1 : 0)
  state.under2 = ((state.under2 << 1) & 0b111) | (z < -2 ? 1 : 0)
  state.over1 = ((state.over1 << 1) & 0b11111) | (z > 1 ? 1 : 0)
  state.under1 = ((state.under1 << 1) & 0b11111) | (z < -1 ? 1 : 0)
  const inner = z <= 1 && z >= -1
  state.within1 = inner ? longer(state.within1) : 0
  state.beyond1 = inner ? 0 : longer(state.beyond1)
}

function addStep(state: RunState, step: number): void {
  const before = Math.sign(state.trend)
  state.turns = step === 0 ? 0 : step === -before ? longer(state.turns) : 1
  state.trend = step === 0 ? 0 : step === before ? step * longer(Math.abs(state.trend)) : step
}

/** Whether the point that was taken in last completes the pattern of `rule`. */
export function broken(rule: Rule, state: RunState): boolean {
  switch (rule) {
    case 'we1':
    case 'nelson1':
    case 'limits':
      return state.last > 3 || state.last < -3
    case 'we2':
    case 'nelson5':
      // The last point itself must lie out there, else one excursion would be told of three times.
      return (state.last > 2 && bits(state.over2) >= 2) || (state.last < -2 && bits(state.under2) >= 2)
    case 'we3':
    case 'nelson6':
      return (state.last > 1 && bits(state.over1) >= 4) || (state.last < -1 && bits(state.under1) >= 4)
    case 'we4':
      return Math.abs(state.side) >= 8
    case 'nelson2':
      return Math.abs(state.side) >= 9
    case 'nelson3':
      return Math.abs(state.trend) >= 5
    case 'nelson4':
      return state.turns >= 13
    case 'nelson7':
      return state.within1 >= 15
    case 'nelson8':
      return state.beyond1 >= 8
  }
}
