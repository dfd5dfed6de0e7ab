import { test } from 'tap'
import { type I2cBus, serialize } from '../../drivers/bus.ts'

test('serialize lets one transfer at a time through, in order, and goes on after a failure', async (t) => {
  const log: string[] = []
  const bus: I2cBus = {
    async transfer(address) {
      log.push(`begin ${address}`)
      await Promise.resolve()
      log.push(`end ${address}`)
      if (address === 2) throw new Error('no acknowledge')
      return new Uint8Array()
    },
  }
  const serial = serialize(bus)
  const one = serial.transfer(1, new Uint8Array(), 0)
  const two = serial.transfer(2, new Uint8Array(), 0)
  const three = serial.transfer(3, new Uint8Array(), 0)
  await one
  await t.rejects(two, { message: 'no acknowledge' })
  await three
  t.strictSame(log, ['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
})
