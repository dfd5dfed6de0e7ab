import johnnyFive from 'johnny-five'
import { test } from 'tap'
import { I2cDevice } from '../../../drivers/panel/i2c-device.ts'
import { LineIo } from '../../../drivers/panel/io.ts'
import { SimulatedMcp23017, SimulatedPcf8574 } from '../../../drivers/simulated/panel.ts'
import { line, world } from './rig.ts'

/** A board of johnny-five over simulated lines 0…3. */
async function openBoard() {
  const { clock, gpio, bus } = world()
  const io = new LineIo(gpio, [line(0), line(1), { ...line(2), activeLow: true }, line(3)])
  const board = new johnnyFive.Board({ io, repl: false, debug: false, sigint: false })
  await new Promise<void>((resolve) => board.once('ready', resolve))
  return { clock, gpio, bus, io, board }
}

test('a board of johnny-five is ready over the plugin', async (t) => {
  const { board, io } = await openBoard()
  t.equal(board.isReady, true)
  t.match(io, { name: 'poincon', isReady: true, HIGH: 1, LOW: 0, pins: { length: 4 } })
  await io.close()
})

test('Led: on and off, and off before anybody said anything', async (t) => {
  const { board, gpio, io } = await openBoard()
  const led = new johnnyFive.Led({ board, pin: 1 })
  await io.settled()
  t.equal(gpio.wire(line(1)), false)
  led.on()
  t.equal(gpio.wire(line(1)), true, 'before it returns')
  led.off()
  t.equal(gpio.wire(line(1)), false)
  await io.close()
})

test('Led: what it is told before the line is there, it is as soon as it is', async (t) => {
  const { board, gpio, io } = await openBoard()
  new johnnyFive.Led({ board, pin: 2 }).on()
  await io.settled()
  t.equal(gpio.wire(line(2)), false, 'on is low on this line')
  await io.close()
  t.strictSame(
    gpio.changes(line(2)).map(({ level }) => level),
    ['inactive', 'active', 'inactive', 'floating'],
    'closed: off, then given back',
  )
})

test('Relay: needs its pin made an output, then closes and opens', async (t) => {
  const { board, gpio, io } = await openBoard()
  const relay = new johnnyFive.Relay({ board, pin: 0, type: 'NO' })
  t.throws(() => relay.close(), /simulated\/0: has no mode yet/)
  board.pinMode(0, io.MODES.OUTPUT)
  relay.close()
  await io.settled()
  t.equal(gpio.wire(line(0)), true)
  relay.open()
  t.equal(gpio.wire(line(0)), false)
  await io.close()
})

test('Button: down and up, by its own debounce', async (t) => {
  const { board, gpio, io } = await openBoard()
  const button = new johnnyFive.Button({ board, pin: 3 })
  await io.settled()
  const down = new Promise<void>((resolve) => button.once('down', resolve))
  gpio.drive(line(3), true)
  await down
  t.equal(button.isDown, true)
  const up = new Promise<void>((resolve) => button.once('up', resolve))
  gpio.drive(line(3), false)
  await up
  t.equal(button.isDown, false)
  await io.close()
})

for (const { controller, chip, pins } of [
  { controller: 'PCF8574', chip: new SimulatedPcf8574(), pins: 8 },
  { controller: 'MCP23017', chip: new SimulatedMcp23017(), pins: 16 },
] as const) {
  test(`Expander ${controller}: every pin as an output`, async (t) => {
    const { clock, bus, board, io } = await openBoard()
    bus.attach(0x20, chip)
    const device = new I2cDevice(bus, 0x20, clock)
    const expander = new johnnyFive.Expander({ board, controller, address: device })
    await io.idle()
    const virtual = new johnnyFive.Board.Virtual(expander)
    for (let pin = 0; pin < pins; pin += 1) {
      const led = new johnnyFive.Led({ board: virtual, pin })
      led.on()
      await io.idle()
      t.equal(chip.level(pin), true, `${pin} on`)
      led.off()
      await io.idle()
      t.equal(chip.level(pin), false, `${pin} off`)
    }
    await io.close()
  })
}

test('Expander: what it writes in one turn goes out as its last state', async (t) => {
  const { clock, bus, board, io } = await openBoard()
  bus.attach(0x20, new SimulatedMcp23017())
  const device = new I2cDevice(bus, 0x20, clock)
  new johnnyFive.Expander({ board, controller: 'MCP23017', address: device })
  await io.idle()
  t.equal(bus.traffic.transfers, 4, 'two directions and two ports, of the 34 writes')
  await io.close()
})

test('Expander: reads by polling, one read for all pins of a port', async (t) => {
  const { clock, bus, board, io } = await openBoard()
  const chip = new SimulatedMcp23017()
  bus.attach(0x20, chip)
  const device = new I2cDevice(bus, 0x20, clock)
  const expander = new johnnyFive.Expander({ board, controller: 'MCP23017', address: device })
  const values: (readonly [number, number])[] = []
  for (const pin of [0, 1]) {
    expander.pinMode(pin, io.MODES.INPUT)
    expander.pullUp(pin, 1)
  }
  await io.idle()
  for (const pin of [0, 1]) expander.digitalRead(pin, (value) => values.push([pin, value]))
  await io.idle()
  t.strictSame(values, [
    [0, 1],
    [1, 1],
  ])
  const before = bus.traffic.transfers
  chip.hold(1, false)
  await clock.sleep(45)
  t.strictSame(values.slice(2), [
    [0, 1],
    [1, 0],
    [0, 1],
    [1, 0],
  ])
  t.equal(bus.traffic.transfers - before, 2, 'every 20 ms')
  await io.close()
  await clock.sleep(1000)
  t.equal(bus.traffic.transfers - before, 2, 'and no more once it is closed')
})

test('i2cReadOnce and i2cWriteReg', async (t) => {
  const { clock, bus, io } = await openBoard()
  const chip = new SimulatedMcp23017()
  bus.attach(0x20, chip)
  const device = new I2cDevice(bus, 0x20, clock)
  io.i2cConfig({ address: device })
  io.i2cWriteReg(device, 0x0c, 0x80)
  await io.idle()
  t.equal(chip.level(7), true, 'pulled up')
  const bytes = await new Promise((resolve) => io.i2cReadOnce(device, 0x0c, 2, resolve))
  t.strictSame(bytes, [0x80, 0x00])
  t.strictSame(await new Promise((resolve) => io.i2cReadOnce(device, 1, resolve)), [0x00], 'where it stands')
  await io.close()
})

test('what a line cannot do is refused, by name', async (t) => {
  const { board, io } = await openBoard()
  t.throws(() => board.pinMode(0, io.MODES.PWM), /simulated\/0: mode 3, expected input or output/)
  t.throws(() => board.pinMode(7, io.MODES.OUTPUT), /pin 7: expected 0 to 3/)
  t.throws(() => io.analogRead(), /no analogue inputs/)
  t.throws(() => io.pwmWrite(), /no PWM/)
  t.throws(() => io.analogWrite(), /no PWM/)
  t.throws(() => io.servoWrite(), /no servos/)
  t.throws(() => io.i2cConfig({ address: 0x20 }), /I²C address 32: expected an I2cDevice/)
  board.pinMode(0, io.MODES.OUTPUT)
  t.throws(() => board.pinMode(0, io.MODES.INPUT), /simulated\/0: is an output already/)
  t.throws(() => board.digitalRead(0, () => {}), /simulated\/0: is an output/)
  await io.close()
})

test('a line that fails is a state of its pin, and comes back when it is mended', async (t) => {
  const { board, gpio, io } = await openBoard()
  gpio.fail(line(1), 'no-permission')
  const led = new johnnyFive.Led({ board, pin: 1 })
  await io.settled()
  t.match(io.fault(1), { fault: 'no-permission' })
  led.on()
  await io.mend()
  t.match(io.fault(1), { fault: 'no-permission' }, 'still')
  gpio.fail(line(1), undefined)
  await io.mend()
  t.equal(io.fault(1), undefined)
  t.equal(gpio.wire(line(1)), true, 'what it was told meanwhile')
  gpio.fail(line(1), 'failed')
  t.doesNotThrow(() => led.off())
  t.match(io.fault(1), { fault: 'failed' })
  await io.close()
})
