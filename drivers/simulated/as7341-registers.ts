import * as reg from '../as7341/registers.ts'
import { ADC_COUNT, CHAIN_LENGTH } from '../as7341/smux.ts'

const LOW_BANK_START = 0x60
const LOW_BANK_CH1 = 0x66
/** WAIT_SYNC and READY of the synchronised modes, which are absent; read-only. */
const STAT = 0x71
const CONTROL = 0xfa
const RAM_BANKS = 4
const BANK_SIZE = 0x80

const RESET_LOW: ReadonlyMap<number, number> = new Map([[reg.LED, 0x04]])
const RESET: ReadonlyMap<number, number> = new Map([
  [reg.ID, reg.ID_AS7341],
  [reg.CFG1, 0x09],
  [reg.CFG3, reg.CFG3_RESET],
  [reg.CFG6, reg.CFG6_RAM_TO_CHAIN],
  [reg.CFG8, reg.CFG8_RESET],
  [reg.CFG10, reg.CFG10_RESET],
  [reg.GPIO2, 0x02],
  [reg.ASTEP, 0xe7],
  [reg.ASTEP + 1, 0x03],
  [0xcf, 0x99], // AGC_GAIN_MAX
  [reg.AZ_CONFIG, reg.AZ_AT_START],
  [reg.FD_CFG0, reg.FD_CFG0_RESET],
  [reg.FD_TIME2, reg.FD_TIME2_RESET],
])

/**
 * The storage of the simulated spectral chip: which register an address means in which bank, what reading latches
 * and what writing holds, clears or leaves alone. What the registers do is the chip's matter.
 */
export class RegisterFile {
  readonly #id: number
  readonly #main = new Uint8Array(0x100)
  readonly #low = new Uint8Array(BANK_SIZE)
  readonly #ram = new Uint8Array(RAM_BANKS * BANK_SIZE)
  /** Status and counts of the last measurement, as the data registers show them. */
  readonly #results = new Uint8Array(1 + 2 * ADC_COUNT)
  /** Low bytes of the thresholds that wait for their high byte. */
  readonly #heldLow = new Map<number, number>()
  #latched: Uint8Array | undefined
  #latchedHigh: { readonly index: number; readonly value: number } | undefined

  constructor(id: number) {
    this.#id = id
    this.reset()
  }

  /** Everything as after power-up. */
  reset(): void {
    this.#main.fill(0)
    for (const [address, value] of RESET) this.#main[address] = value
    this.#main[reg.ID] = this.#id
    this.#low.fill(0)
    for (const [address, value] of RESET_LOW) this.#low[address] = value
    this.#ram.fill(0)
    this.#results.fill(0)
    this.#heldLow.clear()
    this.#latched = undefined
    this.#latchedHigh = undefined
  }

  /** A register of 0x80…0xFF, without the side effects of reading it. */
  value(address: number): number {
    return this.#main[address] ?? 0
  }

  /** A 16-bit register, by the address of its low byte. */
  word(address: number): number {
    return this.value(address) | (this.value(address + 1) << 8)
  }

  has(address: number, bits: number): boolean {
    return (this.value(address) & bits) !== 0
  }

  /** Sets a register of 0x80…0xFF, as the chip itself does. */
  put(address: number, value: number): void {
    this.#main[address] = value
  }

  raise(address: number, bits: number): void {
    this.#main[address] = this.value(address) | bits
  }

  clear(address: number, bits: number): void {
    this.#main[address] = this.value(address) & ~bits
  }

  /** Current of the lamp pin, mA; 0 when it is off or not driven. */
  lampMa(): number {
    const driven = ((this.#low[reg.CONFIG] ?? 0) & reg.CONFIG_LED_SEL) !== 0
    const led = this.#low[reg.LED] ?? 0
    return driven && (led & reg.LED_ACT) !== 0 ? reg.lampMaOf(led & ~reg.LED_ACT) : 0
  }

  /** The 20 bytes of RAM that the SMUX commands copy from and to. */
  staging(): Uint8Array {
    return this.#ram.subarray(this.#ramBank(), this.#ramBank() + CHAIN_LENGTH)
  }

  /** Counts of ADC0…ADC5. */
  counts(): readonly number[] {
    return Array.from(
      { length: ADC_COUNT },
      (_, adc) => this.#countByte(adc, 0) | (this.#countByte(adc, 1) << 8),
    )
  }

  /** Puts a measurement into the data registers. */
  publish(astatus: number, counts: readonly number[]): void {
    this.#results[0] = astatus
    counts.forEach((count, adc) => {
      this.#results[1 + 2 * adc] = count & 0xff
      this.#results[2 + 2 * adc] = count >> 8
    })
  }

  /** Registers that differ from their reset value; counts, their status and the RAM are not among them. */
  differences(): ReadonlyMap<number, number> {
    const found = new Map<number, number>()
    for (let address = LOW_BANK_START; address < BANK_SIZE; address += 1) {
      const value = this.#low[address] ?? 0
      if (value !== (RESET_LOW.get(address) ?? 0)) found.set(address, value)
    }
    for (let address = 0x80; address <= 0xff; address += 1) {
      const value = this.value(address)
      if (value !== (RESET.get(address) ?? 0)) found.set(address, value)
    }
    return found
  }

  /** A transfer that reads begins: what the one before latched with the status is let go. */
  beginRead(): void {
    this.#latched = undefined
  }

  read(address: number): number {
    if (address < BANK_SIZE) return this.#readLow(address)
    if (isResult(address)) return this.#result(address - reg.ASTATUS)
    return this.value(address)
  }

  #readLow(address: number): number {
    if (!this.#lowBankSelected()) return this.#ram[this.#ramBank() + address] ?? 0
    // ASTATUS and CH0, then ITIME, then CH1…CH5: the same results as in the main bank.
    if (address >= LOW_BANK_START && address < LOW_BANK_START + 3)
      return this.#result(address - LOW_BANK_START)
    if (address >= LOW_BANK_CH1 && address < reg.CONFIG) return this.#result(address - LOW_BANK_CH1 + 3)
    return this.#low[address] ?? 0
  }

  /** Byte `index` of status and counts: latched by reading the status, else live, a high byte with its low one. */
  #result(index: number): number {
    if (index === 0) this.#latched = this.#results.slice()
    if (this.#latched !== undefined) return this.#latched[index] ?? 0
    if (index % 2 === 1) this.#latchedHigh = { index: index + 1, value: this.#results[index + 1] ?? 0 }
    else if (this.#latchedHigh?.index === index) return this.#latchedHigh.value
    return this.#results[index] ?? 0
  }

  #countByte(adc: number, byte: 0 | 1): number {
    return this.#results[1 + 2 * adc + byte] ?? 0
  }

  /** A byte written over the bus. */
  write(address: number, value: number): void {
    if (address < BANK_SIZE) {
      if (!this.#lowBankSelected()) this.#ram[this.#ramBank() + address] = value
      else if (address >= reg.CONFIG && address !== STAT) this.#low[address] = value
    } else if (isThreshold(address)) this.#writeThreshold(address, value)
    else if (address === reg.STATUS) {
      this.clear(reg.STATUS, value)
      if ((value & reg.STATUS_AINT) !== 0) this.put(reg.STATUS3, 0)
    } else if (address === reg.STATUS5) this.clear(reg.STATUS5, value)
    else if (address === reg.FD_STATUS) this.clear(reg.FD_STATUS, value & reg.FD_STATUS_CLEARABLE)
    else if (address === reg.GPIO2) this.put(reg.GPIO2, value & ~reg.GPIO2_IN)
    else if (!isReadOnly(address)) this.put(address, value)
  }

  /** The low byte is held until the high byte comes. */
  #writeThreshold(address: number, value: number): void {
    const lowByte = address & ~1
    if (address === lowByte) {
      this.#heldLow.set(lowByte, value)
      return
    }
    this.put(address, value)
    this.put(lowByte, this.#heldLow.get(lowByte) ?? this.value(lowByte))
  }

  #lowBankSelected(): boolean {
    return this.has(reg.CFG0, reg.CFG0_REG_BANK)
  }

  #ramBank(): number {
    return (this.value(reg.CFG0) & (RAM_BANKS - 1)) * BANK_SIZE
  }
}

function isResult(address: number): boolean {
  return address >= reg.ASTATUS && address <= reg.CH5_DATA_H
}

function isThreshold(address: number): boolean {
  return address >= reg.SP_TH_L && address <= reg.SP_TH_H + 1
}

/** Registers that a write does not change. The bits of CONTROL do their work and read 0. */
function isReadOnly(address: number): boolean {
  const identity = address >= reg.AUXID && address <= reg.ID
  const state = address === reg.STATUS2 || address === reg.STATUS3 || address === reg.STATUS6
  return identity || state || isResult(address) || address === CONTROL
}
