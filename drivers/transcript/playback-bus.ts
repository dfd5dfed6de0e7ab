import { BusError, type I2cBus } from '../bus.ts'
import {
  asked,
  isTransfer,
  type RegisterBytes,
  registerName,
  type Transcript,
  type TransferEntry,
} from './entries.ts'
import { sha256Of } from './lines.ts'

export interface PlaybackOptions {
  /**
   * `strict`: every transfer is the recorded one. `lenient`: every write is, but it may be cut into other pieces; reads
   * of up to 4 bytes between two writes may be fewer or more, so that a poll may take another time than it took.
   */
  readonly mode: 'strict' | 'lenient'
  /** 7-bit; nothing answers at others. Default: every address is the device's. */
  readonly address?: number
  /** Lenient: answers reads that were never recorded, and gets every write. Default: such a read is a difference. */
  readonly far?: I2cBus
}

/** What the driver said is not what was recorded. */
export class PlaybackDifference extends Error {
  override readonly name = 'PlaybackDifference'
}

/** Longer answers are never passed over, nor given a second time without being asked for twice in a row. */
const POLL_BYTES = 4

interface Step extends TransferEntry {
  /** Line of the transcript. */
  readonly line: number
}

/** A device that answers as it was recorded. Faults are answers too. Time is the driver's affair. */
export class PlaybackBus implements I2cBus {
  readonly #name: string
  readonly #registerBytes: RegisterBytes
  readonly #steps: readonly Step[]
  readonly #options: PlaybackOptions
  #next = 0
  /** A recorded write of which pieces came. */
  #pieces: { readonly step: Step; readonly bytes: number[] } | undefined
  /** Lenient: what reads were answered since the last write, by what was asked. */
  readonly #answered = new Map<string, Step>()
  #difference: PlaybackDifference | undefined

  constructor({ name, registerBytes, entries }: Transcript, options: PlaybackOptions) {
    this.#name = name
    this.#registerBytes = registerBytes
    this.#steps = entries.flatMap((entry, at) => (isTransfer(entry) ? { ...entry, line: at + 1 } : []))
    this.#options = options
  }

  /** @throws PlaybackDifference with line, expected and actual; BusError where one was recorded */
  async transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const { address: own = address, far, mode } = this.#options
    if (address !== own) throw noAcknowledge(address)
    const said = asked(out, length, this.#registerBytes)
    const step = mode === 'strict' ? this.#exactly(said) : this.#leniently(said)
    if (step?.fault === 'no-acknowledge') throw noAcknowledge(address)
    if (step?.fault !== undefined)
      throw new BusError(step.fault, `${step.fault} at ${hex(address)}, as recorded`)
    if (said.op === 'write')
      return far === undefined ? new Uint8Array(0) : await far.transfer(address, out, 0)
    if (step?.bytes !== undefined) return step.bytes.slice()
    if (far !== undefined) return await far.transfer(address, out, length)
    if (step === undefined) throw this.#differs(this.#steps[this.#next], said)
    throw this.#differs(step, 'the same, of whose answer the recording has a hash only')
  }

  /** @throws PlaybackDifference when there was one, or the driver said less than what was recorded */
  done(): void {
    if (this.#difference !== undefined) throw this.#difference
    const left = this.#steps.slice(this.#next)
    const step =
      this.#pieces?.step ?? left.find(({ op }) => this.#options.mode === 'strict' || op === 'write')
    if (step !== undefined) throw this.#differs(step, 'nothing more')
  }

  #exactly(said: TransferEntry): Step {
    const step = this.#steps[this.#next]
    if (step === undefined || !sameShape(step, said) || !sameContent(step, said.bytes)) {
      throw this.#differs(step, said)
    }
    this.#next += 1
    return step
  }

  #leniently(said: TransferEntry): Step | undefined {
    return said.op === 'write' ? this.#written(said) : this.#read(said)
  }

  #written(said: TransferEntry): Step | undefined {
    this.#answered.clear()
    const pieces = this.#pieces ?? this.#begin(said)
    const { step, bytes } = pieces
    const due = step.register === undefined ? undefined : step.register + bytes.length
    if (said.register !== due || bytes.length + said.length > step.length) throw this.#differs(step, said)
    for (const byte of said.bytes ?? []) bytes.push(byte)
    this.#pieces = bytes.length < step.length ? pieces : undefined
    if (this.#pieces !== undefined) return undefined
    if (!sameContent(step, Uint8Array.from(bytes))) throw this.#differs(step, said)
    return step
  }

  #begin(said: TransferEntry): { readonly step: Step; readonly bytes: number[] } {
    const at = this.#steps.findIndex(({ op }, i) => i >= this.#next && op === 'write')
    const step = this.#steps[at]
    if (step === undefined) throw this.#differs(undefined, said)
    this.#next = at + 1
    return { step, bytes: [] }
  }

  #read(said: TransferEntry): Step | undefined {
    const key = `${said.pointed === false ? '' : said.register}/${said.length}`
    for (let at = this.#next; at < this.#steps.length; at += 1) {
      const step = this.#steps[at]
      if (step === undefined || step.op === 'write') break
      if (sameShape(step, said)) {
        this.#next = at + 1
        this.#answered.set(key, step)
        return step
      }
      if (step.length > POLL_BYTES) break
    }
    return this.#answered.get(key)
  }

  #differs(step: Step | undefined, said: TransferEntry | string): PlaybackDifference {
    const place = step === undefined ? `${this.#name}, behind its end` : `${this.#name}:${step.line}`
    const expected = step === undefined ? 'nothing more' : this.#words(step)
    const actual = typeof said === 'string' ? said : this.#words(said)
    const difference = new PlaybackDifference(`${place}: expected ${expected}; got ${actual}`)
    this.#difference ??= difference
    return difference
  }

  #words({ op, register, length, bytes, sha256, pointed = true }: TransferEntry): string {
    const verb = op === 'write' ? 'a write' : 'a read'
    const where =
      register === undefined || !pointed ? '' : ` at ${registerName(register, this.#registerBytes)}`
    const content =
      op === 'read'
        ? ''
        : bytes !== undefined && bytes.length <= 64
          ? `: ${Buffer.from(bytes).toString('hex')}`
          : `: sha256 ${sha256 ?? (bytes === undefined ? 'not kept' : sha256Of(bytes))}`
    return `${verb} of ${length} byte${length === 1 ? '' : 's'}${where}${length === 0 ? '' : content}`
  }
}

function sameShape(step: TransferEntry, said: TransferEntry): boolean {
  const pointed = step.pointed ?? true
  if (step.op !== said.op || step.length !== said.length) return false
  if (step.op === 'write') return step.register === said.register
  if (pointed !== (said.pointed ?? true)) return false
  const arguments_ = [step.argument ?? new Uint8Array(0), said.argument ?? new Uint8Array(0)] as const
  // Where a read without an address begins, the device knows: the recorder could only guess.
  return (!pointed || step.register === said.register) && Buffer.compare(...arguments_) === 0
}

/** Content that is not at hand is taken for the same. */
function sameContent(step: TransferEntry, bytes: Uint8Array | undefined): boolean {
  if (step.op === 'read' || bytes === undefined) return true
  if (step.bytes !== undefined) return Buffer.compare(bytes, step.bytes) === 0
  return step.sha256 === undefined || sha256Of(bytes) === step.sha256
}

function noAcknowledge(address: number): BusError {
  return new BusError('no-acknowledge', `no acknowledge at ${hex(address)}`)
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(2, '0')}`
}
