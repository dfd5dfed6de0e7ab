import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import type { GuestRun } from './guest.ts'

/**
 * A GPIO chip for the guest: Debian's kernel has no simulated one, but the driver of AMD's Promontory chipset (module
 * gpio-amdpt) drives any memory that an ACPI table points it to. Ours is a page of RAM that the kernel is told to keep
 * its hands off: what the driver puts on a pin can be read there, and what stands there is what it reads from a pin.
 */

/** The kernel's name of the device, and how many pins it has. */
export const DEVICE = 'AMDIF030:00'
export const PINS = 8
const PAGE = 0x70000000
const PAGE_BYTES = 4096

/** Registers of drivers/gpio/gpio-amdpt.c, 32 bits each, a bit for a pin. */
const DIRECTION = 0x00
const INPUT = 0x04
const OUTPUT = 0x08

/** What a guest with the chip is started with. */
export const GPIO_CHIP = {
  acpiTable: deviceTable(DEVICE.slice(0, DEVICE.indexOf(':')), PAGE, PAGE_BYTES),
  kernelArgs: [`memmap=${PAGE_BYTES}$0x${PAGE.toString(16)}`, 'iomem=relaxed'],
  modules: ['gpio-amdpt'],
} as const satisfies Partial<GuestRun>

/** The far side of the pins, in the guest. */
export class Pins {
  readonly #memory = openSync('/dev/mem', 'r+')

  /** Whether the chip drives the pin. */
  isOutput(pin: number): boolean {
    return this.#bit(DIRECTION, pin)
  }

  /** The level that the chip gives the pin while it drives it. */
  output(pin: number): boolean {
    return this.#bit(OUTPUT, pin)
  }

  /** Gives a pin that the chip does not drive its level. */
  drive(pin: number, high: boolean): void {
    const levels = this.#read(INPUT)
    const register = Buffer.alloc(4)
    register.writeUInt32LE(high ? levels | (1 << pin) : levels & ~(1 << pin))
    writeSync(this.#memory, register, 0, register.length, PAGE + INPUT)
  }

  close(): void {
    closeSync(this.#memory)
  }

  #bit(register: number, pin: number): boolean {
    return ((this.#read(register) >> pin) & 1) === 1
  }

  #read(register: number): number {
    const value = Buffer.alloc(4)
    readSync(this.#memory, value, 0, value.length, PAGE + register)
    return value.readUInt32LE()
  }
}

/**
 * An ACPI table (SSDT) of one device: Scope(\_SB) { Device(LAB0) { _HID, _CRS: Memory32Fixed(ReadWrite) } }, assembled
 * by hand (ACPI 6.4, §20.2). Pure.
 * @param hid what the kernel finds the driver by
 */
function deviceTable(hid: string, address: number, length: number): Buffer {
  const memory = Buffer.from([0x86, 9, 0, 1, ...u32(address), ...u32(length), 0x79, 0])
  const resources = term([0x11], Buffer.from([0x0a, memory.length, ...memory]))
  const id = Buffer.from(`\x08_HID\x0d${hid}\0`, 'latin1')
  const device = term(
    [0x5b, 0x82],
    Buffer.concat([Buffer.from('LAB0'), id, Buffer.from('\x08_CRS'), resources]),
  )
  const body = term([0x10], Buffer.concat([Buffer.from('\\_SB_'), device]))
  const table = Buffer.concat([
    Buffer.from('SSDT....\x02.POINCNGPIOLAB\0'),
    Buffer.from(u32(1)),
    Buffer.from('LAB '),
    Buffer.from(u32(1)),
    body,
  ])
  table.writeUInt32LE(table.length, 4)
  table[9] = 0
  table[9] = -table.reduce((sum, byte) => sum + byte, 0) & 0xff
  return table
}

/** An opcode and what belongs to it, behind its length: one byte, which is enough below 64. */
function term(opcode: readonly number[], content: Buffer): Buffer {
  if (content.length >= 63) throw new RangeError(`${content.length} bytes need a longer length`)
  return Buffer.concat([Buffer.from([...opcode, content.length + 1]), content])
}

function u32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24]
}
