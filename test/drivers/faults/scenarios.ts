import type { SensorFault } from '../../../drivers/sensor.ts'
import type { Chip, Subject } from './rig.ts'

/** One fault that a cable or a chip can have, and what a station may make of it. */
export interface Scenario {
  readonly name: string
  readonly chips: readonly Chip[]
  /** Ms until `end`; 0 for what happens once, infinite for what nobody mends. */
  readonly lastsMs: number
  readonly begin: (subject: Subject) => void
  readonly end?: (subject: Subject) => void
  /** What the head is said to have; undefined where the same look is cured by another, and nobody is told. */
  readonly fault: SensorFault | undefined
  /** From the beginning until the head is in that state, at most. */
  readonly detectMs: number
  /** From its end until the head measures again, at most. */
  readonly recoverMs: number
  /** Attempts to open the chip, at most. */
  readonly openings: number
  /** Warnings in the log, at most: one for each kind of fault. */
  readonly warnings: number
  /** How long a caller waits for a measurement, ms; default DEADLINE_MS. */
  readonly deadlineMs?: number
  /** The other head hangs on a bus of its own: nothing passes on this one. */
  readonly ownBus?: boolean
}

/** A recipe's, from the trigger to the gate. */
export const DEADLINE_MS = 500
export const FOR_EVER = Number.POSITIVE_INFINITY

const BOTH: readonly Chip[] = ['vl53l8ch', 'as7341']
const RANGING: readonly Chip[] = ['vl53l8ch']
const SPECTRAL: readonly Chip[] = ['as7341']

/** A look at the part: 2 periods of 67 ms and a frame, or 2 × 65 ms; and the chip's own limit on top, at most. */
const LOOK_MS = 160
const PATIENCE_MS = 4 * 67 + 20
/** Longest wait between two attempts to open a head. */
const LONGEST_WAIT_MS = 5000
/** A ranging chip that lost its firmware, at 1 MHz, beside another that takes a fifth of the bus. */
const RELOAD_MS = 1300
const ADAPTER_TIMEOUT_MS = 1000

const READY_WORD_BYTES = 4
const FRAME_BYTES = 1444
const SETTINGS_BYTES = 4
/** The first byte of the header of the ambient light, in every frame. */
const AMBIENT_HEADER = 40

const heal = ({ wires, device }: Subject): void => {
  wires.heal()
  device.heal()
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'no acknowledge, once',
    chips: BOTH,
    lastsMs: 0,
    begin: ({ wires }) => wires.break('no-acknowledge', 1),
    fault: undefined,
    detectMs: 0,
    recoverMs: 2 * LOOK_MS,
    openings: 0,
    warnings: 0,
  },
  {
    name: 'no acknowledge for 3 s',
    chips: BOTH,
    lastsMs: 3000,
    begin: ({ device }) => device.break('silent'),
    end: heal,
    fault: 'absent',
    detectMs: LOOK_MS,
    recoverMs: 3200 + RELOAD_MS + LOOK_MS,
    openings: 8,
    warnings: 1,
  },
  {
    name: 'no acknowledge, for ever',
    chips: BOTH,
    lastsMs: FOR_EVER,
    begin: ({ device }) => device.break('silent'),
    fault: 'absent',
    detectMs: LOOK_MS,
    recoverMs: FOR_EVER,
    openings: 25,
    warnings: 1,
  },
  {
    name: 'a loose contact, 40 ms in every 300',
    chips: BOTH,
    lastsMs: 20_000,
    begin: ({ clock, device }) => {
      const until = clock.now() + 20_000
      const open = (): void => {
        if (clock.now() >= until) return
        device.break('silent', 40)
        clock.after(300, open)
      }
      open()
    },
    fault: 'absent',
    detectMs: 2 * LOOK_MS + 300,
    recoverMs: LONGEST_WAIT_MS + LOOK_MS,
    openings: 12,
    warnings: 2,
  },
  {
    name: 'a byte flipped, once, where it shows',
    chips: RANGING,
    lastsMs: 0,
    begin: ({ device }) => device.alter(once(FRAME_BYTES, (frame) => flip(frame, AMBIENT_HEADER))),
    fault: undefined,
    detectMs: 0,
    recoverMs: 3 * LOOK_MS,
    openings: 0,
    warnings: 0,
  },
  {
    name: 'a byte flipped, once, where it shows',
    chips: SPECTRAL,
    lastsMs: 0,
    begin: ({ device }) => device.alter(once(SETTINGS_BYTES, (settings) => flip(settings, 1))),
    fault: undefined,
    detectMs: 0,
    recoverMs: 3 * LOOK_MS,
    openings: 0,
    warnings: 0,
  },
  {
    name: 'a byte flipped in every transfer, for 3 s',
    chips: RANGING,
    lastsMs: 3000,
    begin: ({ device }) => device.alter((answer) => flip(answer, AMBIENT_HEADER % answer.length)),
    end: heal,
    fault: 'corrupt',
    detectMs: PATIENCE_MS,
    recoverMs: LONGEST_WAIT_MS + RELOAD_MS,
    openings: 8,
    warnings: 3,
  },
  {
    name: 'a byte flipped in every transfer, for 3 s',
    chips: SPECTRAL,
    lastsMs: 3000,
    begin: ({ device }) => device.alter((answer) => flip(answer, 1 % answer.length)),
    end: heal,
    fault: 'corrupt',
    detectMs: LOOK_MS,
    recoverMs: LONGEST_WAIT_MS + LOOK_MS,
    openings: 8,
    warnings: 3,
  },
  {
    name: 'short read, once',
    chips: BOTH,
    lastsMs: 0,
    begin: ({ wires }) => wires.break('short-transfer', 1, (_, length) => length > 0),
    fault: undefined,
    detectMs: 0,
    recoverMs: 2 * LOOK_MS,
    openings: 0,
    warnings: 0,
  },
  {
    name: 'short reads, for 3 s',
    chips: BOTH,
    lastsMs: 3000,
    begin: ({ wires }) => wires.break('short-transfer', FOR_EVER, (_, length) => length > 0),
    end: heal,
    fault: 'failed',
    detectMs: LOOK_MS,
    recoverMs: 3200 + RELOAD_MS + LOOK_MS,
    openings: 8,
    warnings: 1,
  },
  {
    name: 'clock held low for 5 s',
    chips: BOTH,
    lastsMs: 5000,
    begin: ({ wires, clock }) => wires.holdClockLow(clock, ADAPTER_TIMEOUT_MS),
    end: heal,
    fault: 'failed',
    // The spectral driver still tries to leave its chip dark and idle.
    detectMs: 2 * ADAPTER_TIMEOUT_MS + LOOK_MS,
    recoverMs: 2 * ADAPTER_TIMEOUT_MS + 800 + RELOAD_MS + LOOK_MS,
    openings: 6,
    warnings: 1,
    ownBus: true,
  },
  {
    name: 'the supply dips in mid-stream',
    chips: BOTH,
    lastsMs: 0,
    begin: ({ device }) => device.brownOut(),
    fault: 'failed',
    detectMs: LOOK_MS,
    recoverMs: LOOK_MS + RELOAD_MS + LOOK_MS,
    openings: 1,
    warnings: 1,
  },
  {
    name: 'no measurement within the deadline, for 3 s',
    chips: RANGING,
    lastsMs: 3000,
    begin: ({ stall }) => stall(true),
    end: ({ stall }) => stall(false),
    fault: 'frozen',
    // Three looks that run out of their caller's time, and one that runs into the driver's own.
    detectMs: 3 * 200 + PATIENCE_MS,
    recoverMs: LONGEST_WAIT_MS + RELOAD_MS,
    openings: 8,
    warnings: 2,
    // Less than the driver's patience: nobody but the head itself can find out.
    deadlineMs: 200,
  },
  {
    name: 'no measurement within the deadline, for 3 s',
    chips: SPECTRAL,
    lastsMs: 3000,
    begin: ({ stall }) => stall(true),
    end: ({ stall }) => stall(false),
    fault: 'timeout',
    detectMs: LOOK_MS,
    recoverMs: LONGEST_WAIT_MS + LOOK_MS,
    openings: 8,
    warnings: 1,
  },
  {
    name: 'the same frame twice',
    chips: RANGING,
    lastsMs: 0,
    begin: ({ device }) => device.alter(repeatOne(FRAME_BYTES)),
    fault: 'frozen',
    detectMs: 2 * LOOK_MS,
    recoverMs: 3 * LOOK_MS,
    openings: 0,
    warnings: 1,
  },
  {
    name: 'the same measurement again and again, for 3 s',
    chips: BOTH,
    lastsMs: 3000,
    begin: ({ device }) => device.break('frozen'),
    end: heal,
    fault: 'frozen',
    detectMs: PATIENCE_MS + 2 * LOOK_MS,
    recoverMs: LONGEST_WAIT_MS + RELOAD_MS,
    openings: 8,
    warnings: 3,
  },
  ...[-8, 2, 14].map(
    (frames): Scenario => ({
      name: `the stream counter jumps by ${frames} frames and back`,
      chips: RANGING,
      lastsMs: 0,
      begin: ({ device }) => device.alter(afterFrame((word) => count(word, frames))),
      fault: undefined,
      detectMs: 0,
      recoverMs: 3 * LOOK_MS,
      openings: 0,
      warnings: 0,
    }),
  ),
  {
    name: 'the stream counter jumps to another number for good',
    chips: RANGING,
    lastsMs: 3000,
    begin: ({ device }) =>
      device.alter((answer) => (answer.length >= FRAME_BYTES ? count(answer, 10) : answer)),
    end: heal,
    fault: 'corrupt',
    detectMs: 2 * LOOK_MS,
    recoverMs: LONGEST_WAIT_MS + RELOAD_MS,
    openings: 8,
    warnings: 1,
  },
  {
    name: 'unplugged, and plugged back after 10 s',
    chips: BOTH,
    lastsMs: 10_000,
    begin: ({ unplug }) => unplug(),
    end: ({ plugIn }) => plugIn(),
    fault: 'absent',
    detectMs: LOOK_MS,
    recoverMs: LONGEST_WAIT_MS + RELOAD_MS + LOOK_MS,
    openings: 10,
    warnings: 1,
  },
  {
    name: 'another chip at the address for 10 s',
    chips: BOTH,
    lastsMs: 10_000,
    begin: ({ exchange }) => exchange('another'),
    end: ({ exchange }) => exchange('the right one'),
    fault: 'wrong-chip',
    detectMs: LOOK_MS,
    recoverMs: LONGEST_WAIT_MS + RELOAD_MS + LOOK_MS,
    openings: 10,
    warnings: 2,
  },
]

/** Alters the next answer of that length. */
function once(
  length: number,
  change: (answer: Uint8Array) => Uint8Array,
): (answer: Uint8Array) => Uint8Array {
  let done = false
  return (answer) => {
    if (done || answer.length !== length) return answer
    done = true
    return change(answer)
  }
}

/** Alters the ready word that is asked for first after a frame. */
function afterFrame(change: (word: Uint8Array) => Uint8Array): (answer: Uint8Array) => Uint8Array {
  let framed = false
  const alter = once(READY_WORD_BYTES, change)
  return (answer) => {
    framed ||= answer.length === FRAME_BYTES
    return framed ? alter(answer) : answer
  }
}

/** The next answer of that length comes a second time in place of the one after it. */
function repeatOne(length: number): (answer: Uint8Array) => Uint8Array {
  let first: Uint8Array | undefined
  let done = false
  return (answer) => {
    if (done || answer.length !== length) return answer
    done = first !== undefined
    first ??= answer.slice()
    return first.slice()
  }
}

function flip(answer: Uint8Array, at: number): Uint8Array {
  return answer.map((byte, i) => (i === at ? byte ^ 0xff : byte))
}

/** Moves the stream count of a ready word, which goes up by 4 a frame in 128…255. */
function count(word: Uint8Array, frames: number): Uint8Array {
  return word.map((byte, i) => (i === 0 ? 128 + ((byte + 4 * frames) & 0x7f) : byte))
}
