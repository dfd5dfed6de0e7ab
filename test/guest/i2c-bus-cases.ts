import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { openPromisified } from 'i2c-bus'
import type { BusFault } from '../../drivers/bus.ts'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { MAX_TRANSFER, openI2cBus } from '../../drivers/linux/i2c.ts'
import { ECHOES, SPECTRAL_BUS } from './bus-chips.ts'
import type { Case } from './cases.ts'
import type { Errno } from './cuse-i2c.ts'
import type { I2cLab } from './i2c-lab.ts'

const [ECHO, OTHER] = ECHOES
const NOBODY = 0x33
const WORD = Uint8Array.of(0xca, 0xfe)

/** What drivers of adapters return, and what ours makes of it. */
const FAULTS: readonly (readonly [Errno, BusFault])[] = [
  ['EREMOTEIO', 'no-acknowledge'],
  ['ENXIO', 'no-acknowledge'],
  ['EAGAIN', 'arbitration-lost'],
  ['ETIMEDOUT', 'timeout'],
  ['EIO', 'bus-stuck'],
  ['EBUSY', 'bus-stuck'],
  ['EPROTO', 'bus-stuck'],
  ['ENOMEM', 'bus-stuck'],
  ['ENODEV', 'no-bus'],
  ['ESHUTDOWN', 'no-bus'],
  ['ENOTSUP', 'no-bus'],
]

/** The bus itself: what it moves, and each way in which it may fail. */
export function busCases(lab: I2cLab): Record<string, Case> {
  return {
    'adapter functions: the package reads plain I²C and nothing else': async () => {
      await lab.server()
      const adapter = await openPromisified(SPECTRAL_BUS)
      const { i2c, ...others } = await adapter.i2cFuncs()
      await adapter.close()
      equal(i2c, true)
      deepEqual(Object.values(others).filter(Boolean), [])
    },

    '8192 bytes pass each way; one more never reaches the kernel': () =>
      lab.withBus(SPECTRAL_BUS, async (bus, server) => {
        const most = Uint8Array.from({ length: MAX_TRANSFER }, (_, i) => (i * 7) & 0xff)
        deepEqual(await bus.transfer(ECHO, most, MAX_TRANSFER), most)
        const before = await server.counts(SPECTRAL_BUS)
        equal(before.largestWrite, MAX_TRANSFER)
        await rejects(bus.transfer(ECHO, new Uint8Array(MAX_TRANSFER + 1), 0), RangeError)
        await rejects(bus.transfer(ECHO, WORD, MAX_TRANSFER + 1), RangeError)
        deepEqual(await server.counts(SPECTRAL_BUS), before)
      }),

    'two first transfers at once: each to its device, over one descriptor each': () =>
      lab.withBus(SPECTRAL_BUS, async (bus, server) => {
        const before = await server.counts(SPECTRAL_BUS)
        const asked = [
          [ECHO, 1],
          [OTHER, 2],
          [ECHO, 3],
          [OTHER, 4],
        ] as const
        const answers = await Promise.all(
          asked.map(([address, byte]) => bus.transfer(address, Uint8Array.of(byte), 1)),
        )
        deepEqual(
          answers.map(([byte]) => byte),
          [1, 2, 3, 4],
        )
        equal((await server.counts(SPECTRAL_BUS)).opened - before.opened, 2)
      }),

    'a probe: nobody there, and somebody': () =>
      lab.withBus(SPECTRAL_BUS, async (bus) => {
        await rejects(bus.transfer(NOBODY, new Uint8Array(), 0), { fault: 'no-acknowledge' })
        equal((await bus.transfer(ECHO, new Uint8Array(), 0)).length, 0)
      }),

    'every error number of an adapter has its name, at writes and at reads': () =>
      lab.withBus(SPECTRAL_BUS, async (bus, server) => {
        for (const [errno, fault] of FAULTS) {
          for (const call of ['write', 'read'] as const) {
            await server.fail(SPECTRAL_BUS, call, errno)
            const named = { name: 'BusError', fault, message: new RegExp(`\\(${errno}\\)`) }
            await rejects(bus.transfer(ECHO, WORD, 2), named, `${errno} at a ${call}`)
            deepEqual(await bus.transfer(ECHO, WORD, 2), WORD, `the transfer after ${errno} at a ${call}`)
          }
        }
      }),

    'an address that cannot be selected is no bus, and the next transfer gets another descriptor': () =>
      lab.withBus(SPECTRAL_BUS, async (bus, server) => {
        await server.fail(SPECTRAL_BUS, 'select', 'EBUSY')
        await rejects(bus.transfer(ECHO, WORD, 2), { fault: 'no-bus', message: /in use by a kernel driver/ })
        deepEqual(await bus.transfer(ECHO, WORD, 2), WORD)
      }),

    'short transfers are told, not taken': () =>
      lab.withBus(SPECTRAL_BUS, async (bus, server) => {
        // A write that was cut in its middle libuv would go on with: i2c-dev moves all of it or nothing.
        for (const [call, missing, told] of [
          ['write', 2, 'wrote 0 of 2 bytes'],
          ['read', 1, 'read 1 of 2 bytes'],
        ] as const) {
          await server.short(SPECTRAL_BUS, call, missing)
          await rejects(bus.transfer(ECHO, WORD, 2), { fault: 'short-transfer', message: new RegExp(told) })
          deepEqual(await bus.transfer(ECHO, WORD, 2), WORD)
        }
      }),

    'a user without permission': async () => {
      await lab.server()
      process.seteuid?.(65534)
      try {
        await rejects(openI2cBus(SPECTRAL_BUS), { fault: 'no-bus', message: /EACCES.*group/ })
      } finally {
        process.seteuid?.(0)
      }
    },

    'an adapter that does not return: bus stuck, until it does': async () => {
      const server = await lab.server()
      const clock = new PatientClock()
      const bus = await openI2cBus(SPECTRAL_BUS, undefined, clock)
      try {
        await bus.transfer(ECHO, WORD, 2)
        server.freeze()
        const kept = rejects(bus.transfer(ECHO, WORD, 2), { fault: 'bus-stuck' })
        await clock.waitedFor()
        clock.loseItsPatience()
        await kept
        await rejects(bus.transfer(ECHO, WORD, 2), { fault: 'bus-stuck', message: /not come back/ })
        server.thaw()
        deepEqual(await within(20_000, () => bus.transfer(ECHO, WORD, 2)), WORD)
      } finally {
        server.thaw()
        await bus.close()
      }
    },

    'everything was given back': async () => {
      const { open, opened } = await (await lab.server()).counts(SPECTRAL_BUS)
      equal(open, 0)
      ok(opened > 0)
    },

    'an adapter that goes away is no bus, and serves again once it is back': () =>
      lab.withBus(SPECTRAL_BUS, async (bus) => {
        await bus.transfer(ECHO, WORD, 2)
        await lab.pull()
        await rejects(bus.transfer(ECHO, WORD, 2), { fault: 'no-bus' }, 'with the descriptor of before')
        await rejects(bus.transfer(ECHO, WORD, 2), { fault: 'no-bus', message: /ENOENT/ }, 'with none')
        await lab.server()
        deepEqual(await bus.transfer(ECHO, WORD, 2), WORD)
      }),
  }
}

/** The real time, but a deadline passes when it is told to: a frozen process must not be waited for. */
class PatientClock implements Clock {
  readonly now = systemClock.now
  readonly wall = systemClock.wall
  readonly sleep = systemClock.sleep
  readonly #due = new Set<() => void>()

  after(_ms: number, act: () => void): () => void {
    this.#due.add(act)
    return () => this.#due.delete(act)
  }

  /** A transfer waits with a deadline, and what it asked of the package has reached the kernel. */
  async waitedFor(): Promise<void> {
    await within(20_000, async () => {
      await delay(5)
      if (this.#due.size === 0) throw new Error('no transfer has a deadline')
    })
  }

  loseItsPatience(): void {
    for (const act of this.#due) act()
  }
}

/** What `act` resolves with at last. @throws its last error after `ms` */
async function within<T>(ms: number, act: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + ms
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (performance.now() > giveUpAt) throw error
      await delay(5)
    }
  }
}
