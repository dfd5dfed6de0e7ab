import { test } from 'tap'
import { BusError } from '../../drivers/bus.ts'
import { Bme280 } from '../../drivers/environment/bme280.ts'
import { SimulatedBme280 } from '../../drivers/simulated/bme280.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedHall } from '../../drivers/simulated/hall.ts'
import { Environment } from '../../gateway/environment.ts'
import { SupervisedHead } from '../../gateway/head.ts'
import { silentLog } from '../../gateway/log.ts'

const never = new AbortController().signal

function station() {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const chip = new SimulatedBme280(clock, new SimulatedHall(1))
  bus.attach(0x76, chip)
  const head = new SupervisedHead({
    id: 'environment',
    kind: 'climate',
    clock,
    log: silentLog,
    random: () => 0.5,
    open: (signal) => Bme280.open(bus, clock, {}, signal),
  })
  const environment = new Environment({ head, clock, periodMs: 10_000, staleAfterMs: 60_000 })
  return { clock, bus, chip, environment }
}

test('the climate is known from the first measurement on', async (t) => {
  const { clock, environment } = station()
  t.equal(environment.climate, undefined)
  await environment.start(never)
  await clock.sleep(1000)
  const { temperatureC = 0, humidityPercent = 0 } = environment.climate ?? {}
  t.ok(temperatureC > 10 && temperatureC < 14, `${temperatureC} °C of a cooled hall`)
  t.ok(humidityPercent > 55 && humidityPercent < 75, `${humidityPercent} %`)
  t.match(environment.status(), { state: 'ok', facts: { temperature_c: Number, pressure_hpa: Number } })
  await environment.stop()
})

test('a sensor that is pulled: its last word counts for a minute, then nothing is told; plugged in it is told again', async (t) => {
  const { clock, bus, chip, environment } = station()
  await environment.start(never)
  await clock.sleep(1000)
  bus.detach(0x76)
  await t.rejects(bus.transfer(0x76, Uint8Array.of(0xd0), 1), BusError)
  await clock.sleep(30_000)
  t.ok(environment.climate, 'half a minute old')
  t.match(environment.status(), { state: 'degraded', facts: { fault: 'absent' } })
  await clock.sleep(60_000)
  t.equal(environment.climate, undefined)
  bus.attach(0x76, chip)
  await clock.sleep(30_000)
  t.ok(environment.climate)
  t.equal(environment.status().state, 'ok')
  await environment.stop()
})
