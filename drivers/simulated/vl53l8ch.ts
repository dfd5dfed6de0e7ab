import type { Clock } from '../clock.ts'
import * as reg from '../vl53l8ch/registers.ts'
import type { SimulatedDevice } from './bus.ts'
import { acceptedChecksum, generateNvm } from './firmware.ts'
import { DciMemory, executeCommand } from './vl53l8ch-dci.ts'
import { RangingCore } from './vl53l8ch-frames.ts'
import type { RangeScene } from './vl53l8ch-scene.ts'

export type { RangeScene, RangeView, ZoneEcho } from './vl53l8ch-scene.ts'

export interface SimulatedVl53l8chOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly scene: RangeScene
  /** The checksum of a firmware it runs, undefined for one it does not; default: `acceptedChecksum`. */
  readonly checksumOf?: (firmware: Uint8Array) => number | undefined
  /** Answer of the calibration memory, 492 bytes; default: generated. */
  readonly nvm?: Uint8Array
  /** Page 0, register 1; default 0x0C, the L8. */
  readonly revisionId?: number
  /** It changed its 7-bit address, from the next transfer on: plug it in there. */
  readonly moved?: (to: number, from: number) => void
}

type Firmware = 'absent' | 'starting' | 'running' | 'lost'

const PAGE_BYTES = 0x8000
const FIRMWARE_BYTES = 86016
const SHARED_OBJECT = 0x5400
/** From the restart until the boot program answers, and from the processor's start until its firmware does. */
const RESTART_MS = 2
const FIRMWARE_START_MS = 0.5

const SLEEP = 0x02
const DEEP = 0x43

/**
 * The ranging chip, byte for byte as a host sees it (facts §1–5): pages, boot, firmware RAM, mailbox, ranging. Time is
 * the given clock's; it costs nothing while nobody asks.
 */
export class SimulatedVl53l8ch implements SimulatedDevice {
  readonly #clock: Pick<Clock, 'now'>
  readonly #checksumOf: (firmware: Uint8Array) => number | undefined
  readonly #revisionId: number
  readonly #moved: (to: number, from: number) => void
  readonly #ranging: RangingCore
  readonly #nvm = new DciMemory()
  readonly #firmware = new Uint8Array(FIRMWARE_BYTES)
  /** Pages 0, 1 and 2. */
  readonly #pages = [
    new Uint8Array(PAGE_BYTES),
    new Uint8Array(PAGE_BYTES),
    new Uint8Array(PAGE_BYTES),
  ] as const
  #dci: DciMemory
  #address = reg.ADDRESS
  #page = 0
  #pointer = 0
  #powered = true
  #listening = true
  #state: Firmware = 'absent'
  #readyAt: number
  #asleep = false

  constructor(options: SimulatedVl53l8chOptions) {
    this.#clock = options.clock
    this.#checksumOf = options.checksumOf ?? acceptedChecksum
    this.#revisionId = options.revisionId ?? reg.REVISION_L8
    this.#moved = options.moved ?? (() => {})
    this.#ranging = new RangingCore(options.clock, options.scene)
    this.#nvm.storeBlocks(options.nvm ?? generateNvm(1))
    this.#dci = this.#freshObjects()
    this.#readyAt = options.clock.now()
    this.#pages[0][reg.POWER] = reg.POWER_AWAKE
  }

  /** Takes its supply away: nothing is acknowledged, everything is forgotten, the address is the default again. */
  powerOff(): void {
    this.#powered = false
    this.#move(reg.ADDRESS)
    this.#firmware.fill(0)
    this.#restart()
    this.#page = 0
  }

  powerOn(): void {
    this.#powered = true
    this.#restart()
  }

  /** The LPn pin: low makes it deaf on the bus, nothing else (DS14161). */
  listen(high: boolean): void {
    this.#listening = high
  }

  /** An edge at the SYNC pin: with external sync on, it begins an exposure. */
  pulse(): void {
    this.#ranging.pulse()
  }

  /** A dip of the supply. */
  powerCycle(): void {
    this.powerOff()
    this.powerOn()
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#powered || !this.#listening) return false
    const [high = 0, low = 0] = bytes
    this.#pointer = (high << 8) | low
    const payload = bytes.subarray(2)
    // Only alone is it the page register: a longer write passes over the same address as memory (facts §1).
    if (payload.length === 1 && this.#pointer === reg.PAGE_SELECT) this.#page = payload[0] ?? 0
    else if (payload.length > 0) this.#store(payload)
    return true
  }

  read(length: number): Uint8Array | undefined {
    if (!this.#powered || !this.#listening) return undefined
    const from = this.#pointer
    this.#pointer += length
    if (from === reg.PAGE_SELECT) return new Uint8Array(length).fill(this.#page, 0, 1)
    this.#settle()
    const memory = this.#pages[this.#page]
    if (memory === undefined) return this.#readFirmware(from, length)
    if (this.#page === reg.PAGE_HARDWARE) this.#showHardware(memory)
    if (this.#page === reg.PAGE_UI) this.#ranging.refresh(memory, from, length)
    const answer = new Uint8Array(length)
    answer.set(memory.subarray(from, from + length))
    return answer
  }

  #readFirmware(from: number, length: number): Uint8Array {
    const offset = (this.#page - reg.PAGE_FIRMWARE) * PAGE_BYTES + from
    const answer = new Uint8Array(length)
    if (offset >= 0) answer.set(this.#firmware.subarray(offset, offset + length))
    return answer
  }

  #store(payload: Uint8Array): void {
    this.#settle()
    const from = this.#pointer
    this.#pointer += payload.length
    const memory = this.#pages[this.#page]
    if (memory === undefined) {
      putWithin(this.#firmware, (this.#page - reg.PAGE_FIRMWARE) * PAGE_BYTES + from, payload)
      return
    }
    putWithin(memory, from, payload)
    if (this.#page === reg.PAGE_HARDWARE) {
      for (const [i, value] of payload.entries()) this.#written(from + i, value)
    } else if (this.#page === reg.PAGE_MCU && from === reg.FIRMWARE_STATE) {
      memory[reg.ACCESS_STATUS] = 0x04
    } else if (this.#page === reg.PAGE_UI && from < reg.MAILBOX_END) {
      if (from + payload.length >= reg.MAILBOX_END) this.#command()
    }
  }

  #command(): void {
    if (this.#state !== 'running' || this.#asleep) return
    const ui = this.#pages[2]
    const dci = this.#dci
    executeCommand({ ui, dci, nvm: this.#nvm, start: () => this.#ranging.start(dci, ui) })
  }

  /** The effect of a write to a register of page 0. */
  #written(register: number, value: number): void {
    if (register === reg.I2C_ADDRESS) this.#move(value & 0x7f)
    else if (register === reg.RESET && value === 0x01) this.#restart()
    else if (register === reg.MCU_ENABLE) this.#enable(value === 0x01)
    else if (register === reg.POWER) this.#sleep(value === SLEEP)
    else if (register === reg.CORE_POWER && value === DEEP && this.#asleep) this.#state = 'lost'
    else if (register === reg.STOP_REQUEST && value === 0x01) this.#ranging.stop()
  }

  #move(to: number): void {
    const from = this.#address
    this.#address = to
    if (to !== from) this.#moved(to, from)
  }

  #restart(): void {
    for (const page of this.#pages) page.fill(0)
    this.#pages[0][reg.POWER] = reg.POWER_AWAKE
    this.#dci = this.#freshObjects()
    this.#ranging.stop()
    this.#state = 'absent'
    this.#asleep = false
    this.#readyAt = this.#clock.now() + RESTART_MS
  }

  /** Nothing but the one object that the calibration memory and the firmware share (meaning unknown, facts §4). */
  #freshObjects(): DciMemory {
    const dci = new DciMemory()
    dci.store(SHARED_OBJECT, this.#nvm.bytes.subarray(SHARED_OBJECT, SHARED_OBJECT + 4))
    return dci
  }

  #enable(on: boolean): void {
    this.#ranging.stop()
    this.#state = 'absent'
    if (!on) {
      this.#readyAt = Number.POSITIVE_INFINITY
      return
    }
    const checksum = this.#checksumOf(this.#firmware)
    if (checksum === undefined) return
    const ui = this.#pages[2]
    new DataView(ui.buffer).setUint32(reg.MAILBOX_LAST_WORD, checksum)
    this.#state = 'starting'
    this.#readyAt = this.#clock.now() + FIRMWARE_START_MS
  }

  #sleep(asleep: boolean): void {
    this.#asleep = asleep
    if (asleep) this.#ranging.stop()
  }

  #settle(): void {
    if (this.#state === 'starting' && this.#clock.now() >= this.#readyAt) this.#state = 'running'
  }

  /** Registers of page 0 that say how the chip is. */
  #showHardware(memory: Uint8Array): void {
    memory[reg.DEVICE_ID] = reg.DEVICE
    memory[reg.REVISION_ID] = this.#revisionId
    const booted = this.#state === 'running' || this.#state === 'lost'
    const byItself = this.#ranging.stoppedByItself
    const stopping = memory[reg.STOP_REQUEST] === 0x01 || byItself
    memory[reg.BOOT_DETAIL] = byItself ? 0x84 : stopping ? 0x85 : booted ? 0x9c : 0
    if (this.#asleep) memory[reg.BOOT_STATUS] = 0x80
    else if (booted) memory[reg.BOOT_STATUS] = stopping ? 0xb1 : 0x81
    else memory[reg.BOOT_STATUS] = this.#state === 'absent' && this.#clock.now() >= this.#readyAt ? 0x01 : 0
  }
}

/** Stores what of `bytes` lies within `memory`: what a host writes beside it goes nowhere. */
function putWithin(memory: Uint8Array, at: number, bytes: Uint8Array): void {
  if (at >= 0 && at < memory.length) memory.set(bytes.subarray(0, memory.length - at), at)
}
