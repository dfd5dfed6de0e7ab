import { deepEqual, equal, rejects } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { openPromisified } from 'i2c-bus'
import { busOver, openI2cBus } from '../../drivers/linux/i2c.ts'
import type { Case } from './cases.ts'

const DEVICES = '/sys/bus/i2c/devices'
const THERMOMETER = 0x48

/** What the kernel itself answers, without anything of ours behind the device. */
export function kernelCases(): Record<string, Case> {
  return {
    'a bus that does not exist': () =>
      rejects(openI2cBus('/dev/i2c-99'), {
        name: 'BusError',
        fault: 'no-bus',
        message: /ENOENT.*raspi-config/,
      }),

    'a device node without an adapter': async () => {
      execFileSync('mknod', ['/dev/i2c-98', 'c', '89', '98'])
      await rejects(openI2cBus('/dev/i2c-98'), {
        name: 'BusError',
        fault: 'no-bus',
        message: /\/dev\/i2c-98/,
      })
    },

    'an adapter with SMBus commands only (i2c-stub)': async () => {
      const number = stub()
      const adapter = await openPromisified(number)
      const { i2c, smbusReadByte } = await adapter.i2cFuncs()
      await adapter.close()
      deepEqual({ i2c, smbusReadByte }, { i2c: false, smbusReadByte: true })
      await rejects(openI2cBus(number), { fault: 'no-bus', message: /SMBus commands only/ })
    },

    'an address that a kernel driver holds, and one that none does any more': async () => {
      const number = stub()
      execFileSync('modprobe', ['lm75'])
      writeFileSync(`${DEVICES}/i2c-${number}/new_device`, `lm75 0x${THERMOMETER.toString(16)}`)
      equal(existsSync(`${DEVICES}/${number}-00${THERMOMETER.toString(16)}/driver`), true)
      // Not opened as ours are: this adapter would be refused before it came to the address.
      const bus = await busOver(() => openPromisified(number))
      const read = (): Promise<Uint8Array> => bus.transfer(THERMOMETER, Uint8Array.of(0), 2)
      try {
        await rejects(read(), { fault: 'no-bus', message: /0x48 is in use by a kernel driver/ })
        writeFileSync(`${DEVICES}/i2c-${number}/delete_device`, `0x${THERMOMETER.toString(16)}`)
        await rejects(read(), { fault: 'no-bus', message: /SMBus commands only/ })
      } finally {
        await bus.close()
      }
    },
  }
}

/** The number of the stub's bus; it is loaded where it is not yet. */
function stub(): number {
  execFileSync('modprobe', ['i2c-stub', `chip_addr=0x39,${THERMOMETER}`])
  for (const entry of readdirSync(DEVICES)) {
    const [, number] = /^i2c-(\d+)$/.exec(entry) ?? []
    if (number === undefined) continue
    if (readFileSync(`${DEVICES}/${entry}/name`, 'utf8').startsWith('SMBus stub')) return Number(number)
  }
  throw new Error('i2c-stub made no adapter')
}
