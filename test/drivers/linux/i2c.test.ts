import { test } from 'tap'
import { type Clock, systemClock } from '../../../drivers/clock.ts'
import { busOver, openI2cBus } from '../../../drivers/linux/i2c.ts'
import type { I2cAdapter, I2cPackage } from '../../../drivers/linux/i2c-adapter.ts'

interface Call {
  readonly verb: 'write' | 'read'
  readonly address: number
  readonly bytes: string
}

/** An adapter whose device answers what the last write was, and that keeps the calls it got. */
class EchoAdapter implements I2cAdapter {
  readonly calls: Call[] = []
  closed = 0
  busy = 0
  maxBusy = 0
  /** Thrown by the next transfer. */
  failure: Error | undefined
  /** Bytes that the next transfers leave out. */
  missing = 0
  #last = Buffer.alloc(0)

  async i2cWrite(address: number, length: number, buffer: Buffer): Promise<{ bytesWritten: number }> {
    await this.#occupy()
    this.#last = Buffer.from(buffer.subarray(0, length))
    this.calls.push({ verb: 'write', address, bytes: this.#last.toString('hex') })
    return { bytesWritten: length - this.missing }
  }

  async i2cRead(address: number, length: number, buffer: Buffer): Promise<{ bytesRead: number }> {
    await this.#occupy()
    for (let at = 0; at < length; at += 1) buffer[at] = this.#last[at % this.#last.length] ?? 0
    this.calls.push({ verb: 'read', address, bytes: buffer.subarray(0, length).toString('hex') })
    return { bytesRead: length - this.missing }
  }

  async close(): Promise<void> {
    await Promise.resolve()
    this.closed += 1
  }

  async #occupy(): Promise<void> {
    this.busy += 1
    this.maxBusy = Math.max(this.maxBusy, this.busy)
    await new Promise(setImmediate)
    this.busy -= 1
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
  }
}

function systemError(code: string, syscall = 'write'): Error {
  return Object.assign(new Error(`${code}: made for a test, ${syscall}`), { code, syscall })
}

test('a transfer writes, then reads, into memory of its own', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  const answer = await bus.transfer(0x39, Uint8Array.of(0x92, 0x24), 2)
  t.strictSame(answer, Uint8Array.of(0x92, 0x24))
  t.strictSame(adapter.calls, [
    { verb: 'write', address: 0x39, bytes: '9224' },
    { verb: 'read', address: 0x39, bytes: '9224' },
  ])
})

test('a plain write reads nothing, a plain read writes nothing, a probe reads one byte', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  t.equal((await bus.transfer(0x29, Uint8Array.of(0x7f, 0xff, 0x02), 0)).length, 0)
  t.equal((await bus.transfer(0x29, new Uint8Array(), 4)).length, 4)
  t.equal((await bus.transfer(0x29, new Uint8Array(), 0)).length, 0)
  t.strictSame(
    adapter.calls.map(({ verb, bytes }) => `${verb} ${bytes.length / 2}`),
    ['write 3', 'read 4', 'read 1'],
  )
})

test('the bytes written are those of the view, not of the buffer under it', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  await bus.transfer(0x29, Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 4), 0)
  t.equal(adapter.calls[0]?.bytes, '020304')
})

test('one transfer at a time, write and read together, in the order asked for', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  await Promise.all([1, 2, 3].map((byte) => bus.transfer(0x39, Uint8Array.of(byte), 1)))
  t.equal(adapter.maxBusy, 1)
  t.strictSame(
    adapter.calls.map(({ verb, bytes }) => `${verb} ${bytes}`),
    ['write 01', 'read 01', 'write 02', 'read 02', 'write 03', 'read 03'],
  )
})

test('8192 bytes go through, one more is refused before the kernel cuts it off', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  await bus.transfer(0x29, new Uint8Array(8192), 8192)
  await t.rejects(bus.transfer(0x29, new Uint8Array(8193), 0), RangeError)
  await t.rejects(bus.transfer(0x29, Uint8Array.of(0), 8193), RangeError)
  t.equal(adapter.calls.length, 2)
})

test('a transfer that moved fewer bytes than asked is an error', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  adapter.missing = 1
  await t.rejects(bus.transfer(0x39, Uint8Array.of(0x80, 0x01), 0), {
    name: 'BusError',
    fault: 'short-transfer',
    message: 'short transfer at 0x39: wrote 1 of 2 bytes',
  })
  await t.rejects(bus.transfer(0x39, new Uint8Array(), 13), {
    fault: 'short-transfer',
    message: 'short transfer at 0x39: read 12 of 13 bytes',
  })
})

const FAULTS = [
  ['ENXIO', 'no-acknowledge', 'no acknowledge at 0x29 (ENXIO)'],
  ['EREMOTEIO', 'no-acknowledge', 'no acknowledge at 0x29 (EREMOTEIO)'],
  ['EAGAIN', 'arbitration-lost', /^arbitration lost at 0x29: .+ \(EAGAIN\)$/],
  ['ETIMEDOUT', 'timeout', /^timeout at 0x29: .+ \(ETIMEDOUT\)$/],
  ['EBUSY', 'bus-stuck', /^bus stuck at 0x29: SDA or SCL is held low \(EBUSY\)$/],
  ['EIO', 'bus-stuck', /^bus stuck at 0x29: .+ \(EIO\)$/],
  ['EPROTO', 'bus-stuck', /^bus stuck at 0x29: .+ \(EPROTO\)$/],
  ['ENODEV', 'no-bus', 'no such bus: the adapter is gone (ENODEV)'],
  ['ENOENT', 'no-bus', 'no such bus: its device is gone (ENOENT)'],
  ['ENOTTY', 'no-bus', 'no such bus: its device is something else (ENOTTY)'],
  ['EBADF', 'no-bus', 'no such bus: its device is not open (EBADF)'],
  ['ESHUTDOWN', 'no-bus', 'no such bus: the adapter is suspended (ESHUTDOWN)'],
  ['EACCES', 'no-bus', 'no permission for the bus device (EACCES)'],
  ['EPERM', 'no-bus', 'no permission for the bus device (EPERM)'],
  ['EOPNOTSUPP', 'no-bus', 'the adapter knows SMBus commands only (EOPNOTSUPP)'],
  ['ENOTSUP', 'no-bus', 'the adapter knows SMBus commands only (ENOTSUP)'],
  ['ENOTCONN', 'no-bus', 'no such bus: nobody serves it any more (ENOTCONN)'],
  ['ENOMEM', 'bus-stuck', 'bus stuck at 0x29: the transfer failed (ENOMEM)'],
] as const

for (const [code, fault, message] of FAULTS) {
  test(`${code} is ${fault}; the next transfer works`, async (t) => {
    const adapter = new EchoAdapter()
    const bus = await busOver(() => Promise.resolve(adapter))
    const failure = systemError(code)
    adapter.failure = failure
    const transfer = bus.transfer(0x29, Uint8Array.of(0x92), 1)
    await t.rejects(transfer, { name: 'BusError', fault, message, cause: failure })
    t.equal((await bus.transfer(0x29, Uint8Array.of(0x92), 1))[0], 0x92)
    t.equal(adapter.closed, fault === 'no-bus' ? 1 : 0, 'descriptors are dropped with the bus only')
  })
}

test('an error that is not of the system stays what it is', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  adapter.failure = new TypeError('Invalid I2C address 300')
  await t.rejects(bus.transfer(300, Uint8Array.of(0), 1), TypeError)
})

test('an adapter that went away is opened anew, until it is back', async (t) => {
  const adapters = [new EchoAdapter(), new EchoAdapter()]
  let present = true
  let opened = 0
  const bus = await busOver(() => {
    const adapter = adapters[opened]
    if (!present || adapter === undefined) return Promise.reject(systemError('ENOENT', 'open'))
    opened += 1
    return Promise.resolve(adapter)
  })
  const [first, second] = adapters
  if (first === undefined) throw new Error('no adapter')
  first.failure = systemError('ENODEV')
  present = false
  await t.rejects(bus.transfer(0x39, Uint8Array.of(1), 0), { name: 'BusError', fault: 'no-bus' })
  t.equal(first.closed, 1, 'its descriptors are given back')
  await t.rejects(bus.transfer(0x39, Uint8Array.of(2), 0), { name: 'BusError', fault: 'no-bus' })
  present = true
  await bus.transfer(0x39, Uint8Array.of(3), 0)
  t.equal(second?.calls[0]?.bytes, '03')
})

test('an address that a kernel driver holds: said so, and the descriptor without an address is not used', async (t) => {
  let opened = 0
  const bus = await busOver(() => {
    const adapter = new EchoAdapter()
    if (opened === 0) adapter.failure = systemError('EBUSY', 'setAddr')
    opened += 1
    return Promise.resolve(adapter)
  })
  await t.rejects(bus.transfer(0x39, Uint8Array.of(1), 0), {
    fault: 'no-bus',
    message: /0x39 is in use by a kernel driver/,
  })
  await bus.transfer(0x39, Uint8Array.of(1), 0)
  t.equal(opened, 2)
})

test('no other failure to set an address leaves a descriptor that would speak to address 0', async (t) => {
  for (const [code, syscall] of [
    ['EINVAL', 'setAddr'],
    ['EIO', 'setAddr'],
    ['EMFILE', 'open'],
  ] as const) {
    const adapter = new EchoAdapter()
    const bus = await busOver(() => Promise.resolve(adapter))
    adapter.failure = systemError(code, syscall)
    await t.rejects(bus.transfer(0x39, Uint8Array.of(1), 0), {
      fault: 'no-bus',
      message: `the bus device cannot be opened (${code}), asked for 0x39`,
    })
    t.equal(adapter.closed, 1)
  }
})

/** An adapter whose driver does not return from its next write until it is let go. */
class HangingAdapter extends EchoAdapter {
  release: (() => void) | undefined

  override async i2cWrite(
    address: number,
    length: number,
    buffer: Buffer,
  ): Promise<{ bytesWritten: number }> {
    if (this.release !== undefined) return await super.i2cWrite(address, length, buffer)
    await new Promise<void>((resolve) => {
      this.release = resolve
    })
    return { bytesWritten: length }
  }
}

/** A clock whose deadlines pass when the test says so. */
function deadlines(): Clock & { pass(): void; readonly ms: readonly number[] } {
  const due = new Map<number, () => void>()
  const ms: number[] = []
  const after = (wait: number, act: () => void): (() => void) => {
    const key = ms.push(wait)
    due.set(key, act)
    return () => due.delete(key)
  }
  return { ...systemClock, after, ms, pass: () => [...due.values()].forEach((act) => void act()) }
}

test('a transfer that the kernel never returns is given up; the bus is stuck until it does return', async (t) => {
  const hanging = new HangingAdapter()
  const second = new EchoAdapter()
  const adapters = [hanging, second]
  const clock = deadlines()
  const bus = await busOver(() => Promise.resolve(adapters.shift() ?? second), clock)
  const stuck = { name: 'BusError', fault: 'bus-stuck', message: /^bus stuck at 0x39: the kernel kept/ }
  const behind = bus.transfer(0x39, Uint8Array.of(0x80), 1)
  const waiting = bus.transfer(0x29, Uint8Array.of(0, 0), 1)
  await new Promise(setImmediate)
  clock.pass()
  await t.rejects(behind, stuck)
  t.strictSame(
    clock.ms,
    [4001.8],
    'two messages with twice the kernel’s second each, and two bytes at 10 kHz',
  )
  const refused = { fault: 'bus-stuck', message: /^bus stuck at 0x29: a transfer before it/ }
  await t.rejects(waiting, refused, 'what waited behind it does not take another thread')
  t.equal(hanging.closed, 0, 'a descriptor in use stays open')

  hanging.release?.()
  await new Promise(setImmediate)
  t.equal(hanging.closed, 1)
  t.strictSame(hanging.calls, [], 'the read that belonged to it is not made any more')
  t.strictSame(await bus.transfer(0x39, Uint8Array.of(7), 1), Uint8Array.of(7))
  t.equal(second.calls.length, 2)
  clock.pass()
  t.equal((await bus.transfer(0x39, Uint8Array.of(8), 1))[0], 8, 'a deadline that was kept has no effect')
})

test('a bus that hangs can be closed; its descriptors go when the kernel returns', async (t) => {
  const hanging = new HangingAdapter()
  const clock = deadlines()
  const bus = await busOver(() => Promise.resolve(hanging), clock)
  const transfer = bus.transfer(0x39, Uint8Array.of(0x80), 0)
  await new Promise(setImmediate)
  clock.pass()
  await t.rejects(transfer, { name: 'BusError', fault: 'bus-stuck' })
  await bus.close()
  t.equal(hanging.closed, 0)
  hanging.release?.()
  await new Promise(setImmediate)
  t.equal(hanging.closed, 1)
  await t.rejects(bus.transfer(0x39, Uint8Array.of(0x80), 0), { message: 'the bus is closed' })
})

test('close waits for the transfer under way and ends the bus', async (t) => {
  const adapter = new EchoAdapter()
  const bus = await busOver(() => Promise.resolve(adapter))
  const transfer = bus.transfer(0x39, Uint8Array.of(0x80, 0x01), 0)
  const closing = bus.close()
  t.equal(adapter.closed, 0)
  await transfer
  await closing
  t.equal(adapter.closed, 1)
  t.equal(adapter.calls.length, 1)
  await t.rejects(bus.transfer(0x39, Uint8Array.of(0x80, 0x00), 0), {
    fault: 'no-bus',
    message: 'the bus is closed',
  })
})

/** The package, over an adapter that says what it can do. */
function packageOver(
  adapter: EchoAdapter,
  i2cFuncs: () => Promise<{ i2c: boolean }>,
  opened: number[] = [],
): () => Promise<I2cPackage> {
  const openPromisified: I2cPackage['openPromisified'] = (number) => {
    opened.push(number)
    return Promise.resolve(Object.assign(adapter, { i2cFuncs }))
  }
  return () => Promise.resolve({ openPromisified })
}

test('opening: the path or the number of a bus', async (t) => {
  const opened: number[] = []
  const load = packageOver(new EchoAdapter(), () => Promise.resolve({ i2c: true }), opened)
  for (const bus of [await openI2cBus('/dev/i2c-7', load), await openI2cBus(3, load)]) await bus.close()
  t.strictSame(opened, [7, 3])
  for (const wrong of ['/dev/spidev0.0', '/dev/i2c-', 'i2c-1', -1, 1.5]) {
    await t.rejects(openI2cBus(wrong, load), {
      fault: 'no-bus',
      message: `no such bus: expected /dev/i2c-N, not ${wrong}`,
    })
  }
})

test('opening without the package says what to install', async (t) => {
  const load = (): Promise<I2cPackage> =>
    Promise.reject(
      Object.assign(new Error("Cannot find package 'i2c-bus'"), { code: 'ERR_MODULE_NOT_FOUND' }),
    )
  await t.rejects(openI2cBus(1, load), { name: 'BusError', fault: 'no-bus', message: /npm rebuild i2c-bus/ })
})

test('opening without permission, or a bus that knows SMBus only, says what to do and leaves nothing open', async (t) => {
  const forbidden = new EchoAdapter()
  const denied = packageOver(forbidden, () => Promise.reject(systemError('EACCES', 'open')))
  await t.rejects(openI2cBus(1, denied), {
    fault: 'no-bus',
    message: /^no permission for \/dev\/i2c-1 \(EACCES\): give the user the group/,
  })
  t.equal(forbidden.closed, 1)

  const smbus = new EchoAdapter()
  const funcs = packageOver(smbus, () => Promise.resolve({ i2c: false }))
  await t.rejects(openI2cBus(1, funcs), { fault: 'no-bus', message: /SMBus commands only/ })
  t.equal(smbus.closed, 1)
})

test('opening a bus that this machine has not', async (t) => {
  const nowhere = packageOver(new EchoAdapter(), () => Promise.reject(systemError('ENOENT', 'open')))
  await t.rejects(openI2cBus('/dev/i2c-250', nowhere), {
    name: 'BusError',
    fault: 'no-bus',
    message: /^no such bus \/dev\/i2c-250 \(ENOENT\): enable I²C/,
  })
  // The package itself says so too, where it is built for this Node.
  await t.rejects(openI2cBus('/dev/i2c-250'), { name: 'BusError', fault: 'no-bus' })
})
