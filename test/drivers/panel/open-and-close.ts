import { createRequire } from 'node:module'
import johnnyFive from 'johnny-five'
import { systemClock } from '../../../drivers/clock.ts'
import { Panel } from '../../../drivers/panel/panel.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'
import { SimulatedMcp23017 } from '../../../drivers/simulated/panel.ts'
import { line } from './rig.ts'

// A panel on the system's clock: opened, blinking, a button held down, closed. What it leaves behind is printed; that
// nothing of it keeps the process alive shows by the process ending.
const eventNames = (): readonly string[] => process.eventNames().map(String)
const before = eventNames()
const bus = new SimulatedBus(systemClock, 400_000)
bus.attach(0x20, new SimulatedMcp23017())
const gpio = new SimulatedGpio(systemClock)
const panel = await Panel.open(gpio, systemClock, {
  lamps: { green: line(1), red: { expander: 'io', pin: 0 } },
  buzzer: line(2),
  buttons: { stop: line(3), start: { expander: 'io', pin: 1, activeLow: true } },
  expanders: { io: { kind: 'mcp23017', bus, address: 0x20 } },
})
panel.show({ green: 'flash', amber: 'off', red: 'fast', buzzer: 'slow' })
const pressed = new Promise((resolve) => panel.onButton(resolve))
gpio.drive(line(3), true)
const button = await pressed
await panel.close()
const loaded = Object.keys(createRequire(import.meta.url).cache)
process.stdout.write(
  JSON.stringify({
    button,
    boards: johnnyFive.Board.cache.length,
    handlers: eventNames().filter((name) => !before.includes(name)),
    serial: loaded.filter((file) => /serialport|firmata|\.node$/.test(file)),
    johnnyFive: loaded.some((file) => file.includes('johnny-five')),
  }),
)
