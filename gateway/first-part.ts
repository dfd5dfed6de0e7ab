import type { Judgement } from './inspection.ts'
import type { Log } from './log.ts'

/** Where it outlives a restart. */
export interface FirstPartState {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<void>
}

const STATE = 'first-part'
/** The finding of a good part that is held only because it is the first. */
export const FIRST_PART = 'first_part'

/**
 * The check after a changeover: good parts are held until a person has seen one and lets the line go on. What is not good
 * anyway goes its way. It only ever holds, so a grade is never better for it.
 */
export class FirstPart {
  readonly #state: FirstPartState
  readonly #log: Log
  #wanted = false
  /** A good part was held: there is something to look at. */
  #shown = false

  constructor(state: FirstPartState, log: Log) {
    this.#state = state
    this.#log = log
  }

  /** Takes up what was wanted before the restart. */
  async load(): Promise<void> {
    this.#wanted = (await this.#state.get(STATE)) === true
  }

  get wanted(): boolean {
    return this.#wanted
  }

  /** Another recipe is made from now on. @param asked whether it asks for the check */
  async changed(asked: boolean): Promise<void> {
    this.#wanted = asked
    this.#shown = false
    await this.#state.set(STATE, asked)
  }

  /** A person let the line go on: that is the check, where a part was shown. */
  async resumed(by: string): Promise<void> {
    if (!this.#wanted || !this.#shown) return
    this.#wanted = false
    this.#shown = false
    await this.#state.set(STATE, false)
    this.#log.info({ by }, 'first part checked')
  }

  /** What is done with a part while the check is wanted. */
  over(judgement: Judgement): Judgement {
    const held = this.#wanted ? heldAsFirst(judgement) : judgement
    if (held !== judgement) this.#shown = true
    return held
  }
}

/** A part that would be accepted, held for a person; any other as it is. */
export function heldAsFirst(judgement: Judgement): Judgement {
  const { verdict } = judgement
  if (verdict.kind !== 'graded' || verdict.action !== 'accept') return judgement
  return {
    ...judgement,
    verdict: { ...verdict, action: 'hold', findings: [...verdict.findings, { code: FIRST_PART }] },
  }
}
