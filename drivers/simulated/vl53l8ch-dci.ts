import { bigEndianWords } from '../vl53l8ch/mailbox.ts'
import * as reg from '../vl53l8ch/registers.ts'

/**
 * The firmware's objects, as the mailbox and the ranging core share them: one byte address space, kept as it crosses
 * the bus, words with their most significant byte first.
 */
export class DciMemory {
  readonly bytes = new Uint8Array(0x10000)
  readonly #view = new DataView(this.bytes.buffer)

  /** Byte `offset` of an object in host order. */
  byte(index: number, offset: number): number {
    return this.bytes[index + (offset ^ 3)] ?? 0
  }

  word(index: number): number {
    return this.#view.getUint32(index)
  }

  store(index: number, payload: Uint8Array): void {
    this.bytes.set(payload.subarray(0, this.bytes.length - index), index)
  }

  /** Stores every block of a run of header, payload, header …, up to the end mark. @returns false if one is cut */
  storeBlocks(run: Uint8Array): boolean {
    const view = new DataView(run.buffer, run.byteOffset, run.byteLength)
    for (let at = 0; at + 4 <= run.length; ) {
      const header = view.getUint32(at)
      if (header === reg.END_OF_BLOCKS) return true
      const length = padded(header)
      if (at + 4 + length > run.length) return false
      this.store(header >>> 16, run.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    return false
  }

  /** The blocks that a run of headers asks for, with the end mark; undefined if the run does not end. */
  answer(headers: Uint8Array): Uint8Array | undefined {
    const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength)
    const pieces: number[] = []
    for (let at = 0; at + 4 <= headers.length; at += 4) {
      const header = view.getUint32(at)
      pieces.push(...bigEndianWords(header))
      if (header === reg.END_OF_BLOCKS) return Uint8Array.from(pieces)
      const index = header >>> 16
      pieces.push(...this.bytes.subarray(index, index + padded(header)))
    }
    return undefined
  }
}

function padded(header: number): number {
  return Math.ceil(reg.payloadBytes(header) / 4) * 4
}

/** What the mailbox acts on. */
export interface MailboxChip {
  /** Page 2: command, status and answer stand in it. */
  readonly ui: Uint8Array
  readonly dci: DciMemory
  /** The calibration memory, which writes to the objects of the same address leave alone. */
  readonly nvm: DciMemory
  start(): void
}

const KIND_WRITE = 1
const KIND_READ = 2
const KIND_START = 3
const GROUP_NVM = 2
const STATE_DONE = 3
const REFUSED = 0x7f

/** Executes the command whose last byte was just written to 0x2FFF (facts §4). */
export function executeCommand(chip: MailboxChip): void {
  const { ui } = chip
  const [group = 0, kind = 0, high = 0, low = 0] = ui.subarray(reg.MAILBOX_LAST_WORD, reg.MAILBOX_END)
  const from = reg.MAILBOX_END - ((high << 8) | low) - 4
  const status = (size: number): void => {
    ui.set([group, STATE_DONE, size >> 8, size & 0xff], reg.MAILBOX_STATUS)
  }
  const refuse = (): void => status(REFUSED << 8)
  if (kind === KIND_START) {
    chip.start()
    reply(
      chip,
      bigEndianWords(reg.blockHeader(reg.DCI_FRAME_SIZE, 12, 0), reg.END_OF_BLOCKS),
      chip.dci,
      status,
    )
  } else if (from < reg.MAILBOX_ANSWER) {
    refuse()
  } else if (kind === KIND_WRITE) {
    const stored = chip.dci.storeBlocks(ui.slice(from, reg.MAILBOX_LAST_WORD))
    if (stored) status(0)
    else refuse()
  } else if (kind === KIND_READ) {
    const headers = ui.slice(from, reg.MAILBOX_LAST_WORD)
    if (!reply(chip, headers, group === GROUP_NVM ? chip.nvm : chip.dci, status)) refuse()
  } else refuse()
}

function reply(
  chip: MailboxChip,
  headers: Uint8Array,
  memory: DciMemory,
  status: (size: number) => void,
): boolean {
  const answer = memory.answer(headers)
  if (answer === undefined || answer.length > reg.MAILBOX_END - reg.MAILBOX_ANSWER) return false
  chip.ui.set(answer, reg.MAILBOX_ANSWER)
  status(answer.length)
  return true
}
