import { deepEqual, equal, ok } from 'node:assert/strict'
import { As7341 } from '../../drivers/as7341/as7341.ts'
import type { Spectrum } from '../../drivers/as7341/counts.ts'
import type { I2cBus } from '../../drivers/bus.ts'
import { systemClock } from '../../drivers/clock.ts'
import { MAX_TRANSFER } from '../../drivers/linux/i2c.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { type LpnLine, powerUp } from '../../drivers/vl53l8ch/power-up.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch, type Vl53l8chOptions } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import { SPECTRAL_BUS, spectralChip, TOF_BUS, tofHead } from './bus-chips.ts'
import type { Case } from './cases.ts'
import type { I2cLab } from './i2c-lab.ts'

const FIRMWARE_BYTES = 86016
const TOF: Vl53l8chOptions = { firmware: generateFirmware(1), zones: 64, rateHz: 5 }
const SPECTRAL = { exposure: { atime: 29, astep: 599, gain: 4 } } as const

/** The drivers of both chips on the real path: i2c-bus, the kernel, and the simulated chip behind it. */
export function chipCases(lab: I2cLab): Record<string, Case> {
  return {
    'VL53L8CH: a cold start takes the whole firmware over the bus': () =>
      lab.withBus(TOF_BUS, async (bus, server) => {
        const before = await server.counts(TOF_BUS)
        const head = await Vl53l8ch.open(bus, systemClock, TOF)
        await head.close()
        const after = await server.counts(TOF_BUS)
        equal(head.warm, false)
        ok(after.bytesOut - before.bytesOut > FIRMWARE_BYTES, `${after.bytesOut - before.bytesOut} bytes`)
        ok(after.largestWrite <= MAX_TRANSFER, `${after.largestWrite} bytes in one write`)
      }),

    'VL53L8CH: frames are what the simulated chip says, and follow its scene': () =>
      lab.withBus(TOF_BUS, async (bus, server) => {
        const head = await Vl53l8ch.open(bus, systemClock, TOF)
        try {
          for (const rangeMm of [320, 320, 250]) {
            await server.wall(0, rangeMm)
            deepEqual(
              measured(await head.measure(systemClock.now())),
              measured(await referenceFrame(rangeMm)),
            )
          }
        } finally {
          await head.close()
        }
      }),

    'VL53L8CH: one that a killed host left ranging is taken over warm': async () => {
      const server = await lab.server()
      await lab.withBus(TOF_BUS, (bus) => Vl53l8ch.open(bus, systemClock, TOF))
      const before = await server.counts(TOF_BUS)
      await lab.withBus(TOF_BUS, async (bus) => {
        const head = await Vl53l8ch.open(bus, systemClock, TOF)
        const { bytesOut } = await server.counts(TOF_BUS)
        await head.measure(systemClock.now())
        await head.close()
        equal(head.warm, true)
        ok(bytesOut - before.bytesOut < FIRMWARE_BYTES / 10, `${bytesOut - before.bytesOut} bytes`)
      })
    },

    'VL53L8CH: two heads get addresses of their own and measure side by side': () =>
      lab.withBus(TOF_BUS, async (bus, server) => {
        await server.wall(0, 320)
        const line = (head: 0 | 1): LpnLine => ({ set: (high) => server.listen(head, high) })
        const heads = [
          { line: line(0), address: 0x29 },
          { line: line(1), address: 0x2a },
        ]
        await powerUp({ bus, clock: systemClock }, heads)
        const drivers: Vl53l8ch[] = []
        try {
          for (const { address } of heads) {
            drivers.push(await Vl53l8ch.open(bus, systemClock, { ...TOF, address }))
          }
          const since = systemClock.now()
          const frames = await Promise.all(drivers.map((driver) => driver.measure(since)))
          deepEqual(
            frames.map(measured),
            [await referenceFrame(320), await referenceFrame(500)].map(measured),
          )
        } finally {
          for (const driver of drivers) await driver.close()
        }
      }),

    'AS7341: the spectrum is the one that the simulated chip measures': () =>
      lab.withBus(SPECTRAL_BUS, async (bus) => {
        const sensor = await As7341.open(bus, systemClock, SPECTRAL)
        try {
          const spectrum = await sensor.measure(systemClock.now())
          equal(spectrum.counts.F1_415nm, 400)
          deepEqual(conditionsAndCounts(spectrum), conditionsAndCounts(await referenceSpectrum()))
        } finally {
          await sensor.close()
        }
      }),
  }
}

/** The same chip and scene without any kernel; once for each distance, for the firmware takes its time here. */
function referenceFrame(rangeMm: number): Promise<RangeFrame> {
  const known = references.get(rangeMm)
  if (known !== undefined) return known
  const frame = withoutKernel(async (bus, clock) => {
    const head = await Vl53l8ch.open(bus, clock, TOF)
    return await head.measure(clock.now())
  }, rangeMm)
  references.set(rangeMm, frame)
  return frame
}

const references = new Map<number, Promise<RangeFrame>>()

async function referenceSpectrum(): Promise<Spectrum> {
  return await withoutKernel(async (bus, clock) => {
    const sensor = await As7341.open(bus, clock, SPECTRAL)
    return await sensor.measure(clock.now())
  })
}

async function withoutKernel<T>(
  use: (bus: I2cBus, clock: VirtualClock) => Promise<T>,
  rangeMm = 0,
): Promise<T> {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 1_000_000)
  const { address, device } = tofHead(clock, rangeMm)
  bus.attach(address, device)
  bus.attach(0x39, spectralChip(clock))
  return await use(bus, clock)
}

/** All of a frame but when it was taken. */
function measured({ takenAt: _, streamCount: __, raw: ___, ...frame }: RangeFrame): object {
  return frame
}

function conditionsAndCounts({ takenAt: _, ...spectrum }: Spectrum): object {
  return spectrum
}
