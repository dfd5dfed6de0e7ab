import type { Test } from 'tap'
import { As7341 } from '../../../drivers/as7341/as7341.ts'
import * as spectral from '../../../drivers/as7341/registers.ts'
import { BusError } from '../../../drivers/bus.ts'
import type { FirmwareImage } from '../../../drivers/vl53l8ch/firmware.ts'
import { Vl53l8ch } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import type { Wires } from './wires.ts'

/** Runs a test on wires of its own. */
type On = (name: string, body: (t: Test, wires: Wires) => Promise<void>) => Promise<unknown>

function on(t: Test, wires: () => Promise<Wires>): On {
  return (name, body) =>
    t.test(name, async (inner) => {
      const there = await wires()
      try {
        await body(inner, there)
      } finally {
        await there.close()
      }
    })
}

const FIRST_ADDRESS = 0x08
const LAST_ADDRESS = 0x77

/** The chip's address acknowledges, one where nothing is does not, and the fault names it. */
async function answersAtItsAddress(t: Test, { bus, address }: Wires): Promise<void> {
  const answers = async (at: number): Promise<true | BusError> => {
    try {
      await bus.transfer(at, new Uint8Array(0), 0)
      return true
    } catch (error) {
      if (error instanceof BusError) return error
      throw error
    }
  }
  t.equal(await answers(address), true)
  for (let at = FIRST_ADDRESS; at <= LAST_ADDRESS; at += 1) {
    const answer = await answers(at)
    if (answer === true) continue
    const name = `0x${at.toString(16).padStart(2, '0')}`
    t.match(answer, { fault: 'no-acknowledge', message: `no acknowledge at ${name}` })
    return
  }
  t.fail('every address acknowledges: SDA is held low')
}

/** What every VL53L8CH does, behind our driver. */
export async function vl53l8chContract(
  t: Test,
  wires: () => Promise<Wires>,
  firmware: FirmwareImage,
): Promise<void> {
  const check = on(t, wires)
  const options = { firmware, zones: 64, rateHz: 5 } as const
  const open = ({ bus, clock, address }: Wires, warm: 'try' | 'never') =>
    Vl53l8ch.open(bus, clock, { ...options, address, warm })
  await check('it is found at its address', answersAtItsAddress)

  await check('it measures, twice, each time after it was asked', async (t, there) => {
    const head = await open(there, 'never')
    try {
      t.equal(head.warm, false)
      const since = there.clock.now()
      const first = await head.measure(since)
      const second = await head.measure(there.clock.now())
      t.ok(first.takenAt > since && second.takenAt > first.takenAt)
      t.not(second.streamCount, first.streamCount)
      for (const { rangeMm, status, siliconTemperatureC } of [first, second]) {
        t.equal(rangeMm.length, 64)
        t.ok(
          rangeMm.every((mm) => mm > -100 && mm < 8000),
          `${[...rangeMm].join(' ')} mm`,
        )
        t.ok(status.some((one) => one !== 0))
        t.ok(siliconTemperatureC > -40 && siliconTemperatureC < 125, `${siliconTemperatureC} °C`)
      }
    } finally {
      await head.close()
    }
  })

  await check('it delivers every frame once, in sequence', async (t, there) => {
    const head = await open(there, 'try')
    try {
      const counts = [(await head.next()).streamCount]
      for (let i = 0; i < 5; i += 1) counts.push((await head.next()).streamCount)
      t.equal(new Set(counts).size, 6, counts.join(' '))
      t.equal(head.missedFrames, 0)
    } finally {
      await head.close()
    }
  })

  await check('it is taken over without a download, and is still the same chip', async (t, there) => {
    const first = await open(there, 'try')
    await first.measure(there.clock.now())
    await first.close()
    const second = await open(there, 'try')
    try {
      t.equal(second.warm, true)
      t.equal(second.identity, first.identity)
      t.equal((await second.measure(there.clock.now())).rangeMm.length, 64)
    } finally {
      await second.close()
    }
  })

  await check('one that ranges already is restarted where that is asked for', async (t, there) => {
    const left = await open(there, 'try')
    await left.next()
    const again = await open(there, 'never')
    try {
      t.equal(again.warm, false)
      t.equal(again.identity, left.identity)
      await again.measure(there.clock.now())
    } finally {
      await again.close()
    }
  })
}

/** What every AS7341 does, behind our driver. */
export async function as7341Contract(t: Test, wires: () => Promise<Wires>): Promise<void> {
  const check = on(t, wires)
  const options = { exposure: { atime: 29, astep: 599, gain: 4 }, lampMa: 10 }
  const open = ({ bus, clock, address }: Wires) => As7341.open(bus, clock, { ...options, address })
  await check('it is found at its address', answersAtItsAddress)

  await check('it measures spectra, and its lamp is off afterwards', async (t, there) => {
    const head = await open(there)
    try {
      for (let i = 0; i < 2; i += 1) {
        const since = there.clock.now()
        const { counts, takenAt, fullScale = 0, integrationMs = 0, lampMa } = await head.measure(since)
        t.equal(Object.keys(counts).length, 10)
        t.ok(
          Object.values(counts).every((count) => count >= 0 && count <= fullScale),
          JSON.stringify(counts),
        )
        t.ok(takenAt - since >= 2 * integrationMs, 'both halves were integrated')
        t.equal(lampMa, 10)
        t.equal(await lampIsOn(there), false)
      }
      t.equal((await head.measureDark(there.clock.now())).lampMa, 0)
    } finally {
      await head.close()
    }
    t.equal(await lampIsOn(there), false)
  })

  await check('the lamp is off behind a measurement that was given up', async (t, there) => {
    const head = await open(there)
    try {
      const given = new AbortController()
      const cancel = there.clock.after(60, () => given.abort(new Error('given up')))
      await t.rejects(head.measure(there.clock.now(), given.signal), { message: 'given up' })
      cancel()
      t.equal(await lampIsOn(there), false)
      t.ok((await head.measure(there.clock.now())).takenAt > 0, 'and it measures again')
    } finally {
      await head.close()
    }
  })

  await check('it looks for flicker, and measures spectra after it', async (t, there) => {
    const head = await open(there)
    try {
      const { measured, hz100, hz120 } = await head.detectFlicker()
      t.equal(measured, true)
      t.notOk(hz100 === true && hz120 === true, 'at most one of both')
      t.equal(Object.keys((await head.measure(there.clock.now())).counts).length, 10)
      t.equal(await lampIsOn(there), false)
    } finally {
      await head.close()
    }
  })
}

/** As the chip has it. Its low registers are seen through a bank of their own; between measurements that is free. */
async function lampIsOn({ bus, address }: Wires): Promise<boolean> {
  await bus.transfer(address, Uint8Array.of(spectral.CFG0, spectral.CFG0_REG_BANK), 0)
  try {
    const [led = 0] = await bus.transfer(address, Uint8Array.of(spectral.LED), 1)
    return (led & spectral.LED_ACT) !== 0
  } finally {
    await bus.transfer(address, Uint8Array.of(spectral.CFG0, 0), 0)
  }
}
