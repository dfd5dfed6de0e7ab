/** What the thread of the tests does with a picture, as its first pixel says. */
export const DEED = {
  read: 0,
  /** Ends the thread. */
  exit: 1,
  /** An error that nobody catches. */
  throw: 2,
  /** The reader throws: the networks could not compute it. */
  fail: 3,
  /** Never answers. */
  wait: 4,
  /** Never answers, and is deaf. */
  spin: 5,
  /** Is inside the runtime for a while, and never answers. */
  stick: 6,
  /** Answers when the next gallery comes. */
  held: 7,
} as const
