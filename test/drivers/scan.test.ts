import { test } from 'tap'
import { BusError } from '../../drivers/bus.ts'
import { scan } from '../../drivers/scan.ts'
import { SimulatedAs7341 } from '../../drivers/simulated/as7341.ts'
import { SimulatedBme280 } from '../../drivers/simulated/bme280.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedHall } from '../../drivers/simulated/hall.ts'
import { Scene } from '../../drivers/simulated/scene.ts'
import { SimulatedSht31 } from '../../drivers/simulated/sht31.ts'
import { SimulatedTca9548a } from '../../drivers/simulated/tca9548a.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { Tca9548a } from '../../drivers/tca9548a.ts'
import { StillScene } from '../fakes/still-scene.ts'

function wires() {
  const clock = new VirtualClock()
  return { clock, bus: new SimulatedBus(clock, 400_000), hall: new SimulatedHall(1) }
}

test('every chip we know says who it is', async (t) => {
  const { clock, bus, hall } = wires()
  bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene: new StillScene() }))
  bus.attach(0x39, new SimulatedAs7341(clock, new Scene({ seed: 1 })))
  bus.attach(0x44, new SimulatedSht31(clock, hall))
  bus.attach(0x76, new SimulatedBme280(clock, hall))
  bus.attach(0x77, new SimulatedBme280(clock, hall, { id: 0x58 }))
  await clock.sleep(10)
  t.strictSame(
    (await scan(bus, clock)).map(({ address, chip }) => [address, chip]),
    [
      [0x29, 'VL53L8CH or VL53L8CX'],
      [0x39, 'AS7341'],
      [0x44, 'SHT31'],
      [0x76, 'BME280'],
      [0x77, 'BMP280 (no humidity)'],
    ],
  )
})

test('what is not known is listed as that, and a guess as a guess', async (t) => {
  const { clock, bus } = wires()
  const mute = { write: () => true, read: (length: number) => new Uint8Array(length) }
  for (const address of [0x29, 0x50, 0x60]) bus.attach(address, mute)
  t.strictSame(await scan(bus, clock), [
    { address: 0x29, chip: undefined, certain: false },
    { address: 0x50, chip: 'an EEPROM', certain: false },
    { address: 0x60, chip: undefined, certain: false },
  ])
})

test('a ranging chip at another address is asked only where one was put', async (t) => {
  const { clock, bus } = wires()
  bus.attach(0x52, new SimulatedVl53l8ch({ clock, scene: new StillScene() }))
  t.match(await scan(bus, clock), [{ address: 0x52, chip: 'an EEPROM', certain: false }])
  t.match(await scan(bus, clock, new Set([0x52])), [{ chip: 'VL53L8CH or VL53L8CX', certain: true }])
})

test('behind a multiplexer stands what its channel opens', async (t) => {
  const { clock, bus, hall } = wires()
  const simulated = new SimulatedTca9548a(bus, 0x70)
  simulated.attach(2, 0x76, new SimulatedBme280(clock, hall))
  await clock.sleep(10)
  const multiplexer = new Tca9548a(bus, 0x70)
  t.match(await scan(bus, clock), [{ address: 0x70, chip: 'a multiplexer (TCA9548A)' }])
  t.match(await scan(multiplexer.channel(1), clock), [{ address: 0x70 }])
  t.match(await scan(multiplexer.channel(2), clock), [{ address: 0x70 }, { address: 0x76, chip: 'BME280' }])
})

test('a bus that is out of order is said at once, not a hundred times', async (t) => {
  const { clock } = wires()
  let asked = 0
  const stuck = {
    transfer: () => {
      asked += 1
      return Promise.reject(new BusError('bus-stuck', 'SDA or SCL is held low'))
    },
  }
  await t.rejects(scan(stuck, clock), { name: 'BusError', message: /held low/ })
  t.equal(asked, 1)
})
