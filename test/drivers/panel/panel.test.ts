import { test } from 'tap'
import { BusError } from '../../../drivers/bus.ts'
import type { PanelOptions } from '../../../drivers/panel/options.ts'
import { ALL_OFF } from '../../../drivers/panel/panel.ts'
import { FaultyBus } from '../../../drivers/simulated/faults.ts'
import { SimulatedMcp23017, SimulatedPcf8574 } from '../../../drivers/simulated/panel.ts'
import { line, world } from './rig.ts'

/** A whole panel on lines: lamps on 1, 2, 3, buzzer on 4, buttons on 5, 6, 7. */
const ON_LINES: PanelOptions = {
  lamps: { green: line(1), amber: line(2), red: line(3) },
  buzzer: line(4),
  buttons: { start: line(5), stop: line(6), acknowledge: line(7) },
}

test('everything is off when it is opened, shown what it is told, and off when it is closed', async (t) => {
  const { gpio, open } = world()
  const panel = await open(ON_LINES)
  const wires = () => [1, 2, 3, 4].map((number) => gpio.wire(line(number)))
  t.strictSame(wires(), [false, false, false, false])
  panel.show({ green: 'on', amber: 'off', red: 'off', buzzer: 'off' })
  t.strictSame(wires(), [true, false, false, false])
  panel.show({ green: 'off', amber: 'on', red: 'on', buzzer: 'on' })
  t.strictSame(wires(), [false, true, true, true])
  t.strictSame(panel.health(), { state: 'ok', faults: [] })
  await panel.close()
  for (const number of [1, 2, 3, 4]) {
    const levels = gpio.changes(line(number)).map(({ level }) => level)
    t.strictSame(levels.slice(-2), ['inactive', 'floating'], `${number} is off, then given back`)
  }
})

test('patterns, to the millisecond', async (t) => {
  const { clock, open, flashes } = world()
  const panel = await open(ON_LINES)
  await clock.sleep(1000)
  const from = clock.now()
  panel.show({ green: 'slow', amber: 'flash', red: 'fast', buzzer: 'on' })
  await clock.sleep(1250)
  const since = (number: number) =>
    flashes(number)
      .slice(1)
      .map(([level, at]) => [level, at - from])
  t.strictSame(since(1), [
    ['active', 0],
    ['inactive', 500],
    ['active', 1000],
  ])
  t.strictSame(since(2), [
    ['active', 0],
    ['inactive', 100],
    ['active', 1000],
    ['inactive', 1100],
  ])
  t.strictSame(
    since(3).map(([, at]) => at),
    [0, 200, 400, 600, 800, 1000, 1200],
  )
  t.strictSame(since(4), [['active', 0]])
  await panel.close()
})

test('the same show again does not disturb a pattern; another begins with light, in step', async (t) => {
  const { clock, open, flashes } = world()
  const panel = await open(ON_LINES)
  const amber = { ...ALL_OFF, amber: 'slow' } as const
  for (let second = 0; second < 3; second += 1) {
    panel.show(amber)
    await clock.sleep(700)
  }
  t.strictSame(
    flashes(2)
      .slice(1)
      .map(([, at]) => at),
    [0, 500, 1000, 1500, 2000],
  )
  panel.show({ ...amber, red: 'slow' })
  t.equal(flashes(2).at(-1)?.[0], 'active')
  await clock.sleep(500)
  t.equal(flashes(2).at(-1)?.[1], 2600)
  t.equal(flashes(3).at(-1)?.[1], 2600)
  await panel.close()
})

test('a panel with a red lamp only', async (t) => {
  const { gpio, open } = world()
  const panel = await open({ lamps: { red: line(9) } })
  panel.show({ green: 'on', amber: 'on', red: 'on', buzzer: 'on' })
  t.equal(gpio.wire(line(9)), true)
  t.equal(panel.health().state, 'ok')
  await panel.close()
})

test('a panel of nothing', async (t) => {
  const { open } = world()
  const panel = await open({})
  panel.show({ ...ALL_OFF, red: 'fast' })
  t.strictSame(panel.health(), { state: 'ok', faults: [] })
  await panel.close()
})

test('buttons: told once, with the time of the touch, to whoever listens', async (t) => {
  const { clock, gpio, open } = world()
  const panel = await open(ON_LINES)
  const presses: (readonly [string, number])[] = []
  const deaf = panel.onButton((button, at) => presses.push([button, at]))
  await clock.sleep(100)
  for (const [number, level] of [
    [6, true],
    [6, false],
    [6, true],
  ] as const) {
    gpio.drive(line(number), level)
    await clock.sleep(1)
  }
  gpio.drive(line(5), true)
  await clock.sleep(1000)
  t.strictSame(presses, [
    ['stop', 102],
    ['start', 103],
  ])
  deaf()
  gpio.drive(line(7), true)
  await clock.sleep(1000)
  t.equal(presses.length, 2)
  await panel.close()
})

test('a button pressed at the start is reported and ignored, and works after it was released', async (t) => {
  const { clock, gpio, open } = world()
  gpio.drive(line(6), true)
  const panel = await open(ON_LINES)
  const presses: string[] = []
  panel.onButton((button) => presses.push(button))
  await clock.sleep(60_000)
  t.match(panel.health(), {
    state: 'degraded',
    faults: [{ piece: 'stop', place: 'simulated/6', fault: 'stuck', detail: /pressed from the beginning/ }],
  })
  gpio.drive(line(6), false)
  await clock.sleep(100)
  t.equal(panel.health().state, 'ok')
  gpio.drive(line(6), true)
  await clock.sleep(100)
  t.strictSame(presses, ['stop'])
  await panel.close()
})

test('each piece that fails is named; the others work on; mend brings it back', async (t) => {
  const { clock, gpio, open } = world()
  const taken = await gpio.output(line(2), false)
  gpio.fail(line(7), 'no-permission')
  const panel = await open(ON_LINES)
  t.match(panel.health(), {
    state: 'degraded',
    faults: [
      { piece: 'amber', place: 'simulated/2', fault: 'busy' },
      { piece: 'acknowledge', place: 'simulated/7', fault: 'no-permission' },
    ],
  })
  panel.show({ ...ALL_OFF, amber: 'on', red: 'on' })
  t.equal(gpio.wire(line(3)), true)
  taken.close()
  gpio.fail(line(7), undefined)
  await panel.mend()
  t.equal(panel.health().state, 'ok')
  t.equal(gpio.wire(line(2)), true, 'it shows what it should')
  const presses: string[] = []
  panel.onButton((button) => presses.push(button))
  gpio.drive(line(7), true)
  await clock.sleep(100)
  t.strictSame(presses, ['acknowledge'])
  await panel.close()
})

test('a line that fails while it blinks is a state, not an exception from the timer', async (t) => {
  const { clock, gpio, open } = world()
  const panel = await open(ON_LINES)
  panel.show({ ...ALL_OFF, red: 'fast', green: 'slow' })
  await clock.sleep(300)
  gpio.fail(line(3), 'failed')
  await clock.sleep(1000)
  t.match(panel.health().faults, [{ piece: 'red', fault: 'failed' }])
  t.equal(gpio.changes(line(1)).length > 3, true, 'green blinks on')
  await panel.close()
})

test('a chip that goes away takes all with it, and all comes back', async (t) => {
  const { clock, gpio, open } = world()
  const panel = await open(ON_LINES)
  gpio.unplug('simulated')
  panel.show({ ...ALL_OFF, green: 'on' })
  await clock.sleep(10)
  t.equal(panel.health().state, 'failed')
  t.equal(panel.health().faults.length, 7)
  t.ok(panel.health().faults.every(({ fault }) => fault === 'no-chip'))
  gpio.plug('simulated')
  await panel.mend()
  t.equal(panel.health().state, 'ok')
  t.equal(gpio.wire(line(1)), true)
  await panel.close()
})

test('options that contradict themselves are refused, with what is wrong', async (t) => {
  const { bus, open } = world()
  const expanders = {
    io: { kind: 'pcf8574', bus, address: 0x20 },
    big: { kind: 'mcp23017', bus, address: 0x21 },
  } as const
  const wrong: readonly (readonly [PanelOptions, RegExp])[] = [
    [{ lamps: { red: line(1), green: line(1) } }, /red: simulated\/1 is taken by green/],
    [{ lamps: { red: { expander: 'io', pin: 1 } } }, /red: there is no expander io/],
    [{ buzzer: { expander: 'io', pin: 8 }, expanders }, /buzzer: pin 8 of a pcf8574, expected 0 to 7/],
    [
      { buttons: { stop: { expander: 'big', pin: 15 } }, expanders },
      /stop: pin 15 of an mcp23017 is an output only/,
    ],
    [{ debounceMs: 0 }, /debounceMs: 0, expected 1 to 500/],
    [{ expanders: { ...expanders, two: expanders.io } }, /expander two: io has address 0x20 of that bus/],
  ]
  for (const [options, message] of wrong) {
    await t.rejects(open(options), { name: 'RangeError', message })
  }
})

/** Lamps sunk by the expander, as stack lights are wired to one, and a button to ground. */
const behind = (kind: 'pcf8574' | 'mcp23017', bus: FaultyBus): PanelOptions => ({
  lamps: {
    green: { expander: 'stack', pin: 0, activeLow: true },
    red: { expander: 'stack', pin: 1, activeLow: true },
  },
  buzzer: { expander: 'stack', pin: 2 },
  buttons: { stop: { expander: 'stack', pin: 6, activeLow: true } },
  expanders: { stack: { kind, bus, address: 0x20 } },
})

for (const [kind, make] of [
  ['pcf8574', () => new SimulatedPcf8574()],
  ['mcp23017', () => new SimulatedMcp23017()],
] as const) {
  /** A panel behind this chip; `shorted` are pins that drove against what holds them, `lit` lamps that shone. */
  const openBehind = async () => {
    const { clock, gpio, bus, open } = world()
    const chip = make()
    const seen = { shorted: new Set<number>(), lit: new Set<number>() }
    // Whatever it is, it is none of ours, and it is held up.
    chip.hold(7, true)
    bus.attach(0x20, {
      write: (bytes) => {
        const taken = chip.write(bytes)
        for (let pin = 0; pin < 8; pin += 1) if (chip.shorted(pin)) seen.shorted.add(pin)
        for (const pin of [0, 1]) if (chip.drives(pin) && !chip.level(pin)) seen.lit.add(pin)
        return taken
      },
      read: (length) => chip.read(length),
    })
    const faulty = new FaultyBus(bus)
    return { clock, gpio, bus, faulty, chip, seen, panel: await open(behind(kind, faulty)) }
  }

  test(`${kind}: lamps, buzzer and a button behind it`, async (t) => {
    const { clock, chip, panel } = await openBehind()
    t.equal(chip.level(0), true, 'off is high')
    t.equal(chip.level(2), false)
    panel.show({ green: 'on', amber: 'off', red: 'slow', buzzer: 'on' })
    await clock.sleep(10)
    t.strictSame([chip.level(0), chip.level(1), chip.level(2)], [false, false, true])
    await clock.sleep(500)
    t.strictSame([chip.level(0), chip.level(1), chip.level(2)], [false, true, true])
    const presses: string[] = []
    panel.onButton((button) => presses.push(button))
    chip.hold(6, false)
    await clock.sleep(100)
    chip.hold(6, undefined)
    await clock.sleep(100)
    t.strictSame(presses, ['stop'])
    t.equal(panel.health().state, 'ok')
    await panel.close()
    t.strictSame([chip.level(0), chip.level(1), chip.level(2)], [true, true, false], 'off')
  })

  test(`${kind}: at no moment does it drive a pin that is not its own, or light a lamp on its way`, async (t) => {
    const { clock, chip, panel, seen } = await openBehind()
    await clock.sleep(3000)
    t.strictSame([...seen.shorted], [], 'pin 7 is held high from outside')
    t.strictSame([...seen.lit], [])
    t.equal(chip.level(7), true)
    await panel.close()
  })

  test(`${kind}: a supply that dipped: everything is as it was within one more show`, async (t) => {
    const { clock, chip, panel } = await openBehind()
    const show = { ...ALL_OFF, green: 'on', buzzer: 'on' } as const
    panel.show(show)
    await clock.sleep(10)
    chip.powerCycle()
    t.notSame([chip.level(0), chip.level(1), chip.level(2)], [false, true, true])
    panel.show(show)
    await clock.sleep(10)
    t.strictSame([chip.level(0), chip.level(1), chip.level(2)], [false, true, true])
    chip.hold(6, false)
    const presses: string[] = []
    panel.onButton((button) => presses.push(button))
    await clock.sleep(100)
    t.strictSame(presses, ['stop'], 'pull-ups too')
    await panel.close()
  })

  test(`${kind}: unplugged: its pieces say so, and recover by themselves`, async (t) => {
    const { clock, faulty, chip, panel } = await openBehind()
    faulty.break('no-acknowledge')
    panel.show({ ...ALL_OFF, green: 'on' })
    await clock.sleep(200)
    t.match(panel.health(), { state: 'failed', faults: { length: 4 } })
    t.match(panel.health().faults[0], { piece: 'green', place: 'expander stack/0', fault: 'no-acknowledge' })
    faulty.heal()
    panel.show({ ...ALL_OFF, green: 'on' })
    await clock.sleep(1100)
    t.equal(panel.health().state, 'ok')
    t.equal(chip.level(0), false)
    await panel.close()
  })

  test(`${kind}: one disturbed transfer at the end does not leave a lamp on`, async (t) => {
    const { clock, faulty, chip, panel } = await openBehind()
    panel.show({ ...ALL_OFF, green: 'on' })
    await clock.sleep(10)
    faulty.break('arbitration-lost', 1)
    await panel.close()
    t.equal(chip.level(0), true)
  })

  test(`${kind}: a short disturbance is not a forgotten button`, async (t) => {
    const { clock, faulty, chip, panel } = await openBehind()
    const presses: string[] = []
    panel.onButton((button) => presses.push(button))
    await clock.sleep(100)
    faulty.break('no-acknowledge', 2)
    chip.hold(6, false)
    await clock.sleep(200)
    t.strictSame(presses, ['stop'], 'pressed while two reads failed')
    await panel.close()
  })
}

test('a bus that never answers holds up neither opening nor closing', async (t) => {
  const { clock, open } = world()
  const dead = { transfer: () => clock.sleep(1e9).then(() => new Uint8Array()) }
  const panel = await open({
    lamps: { red: { expander: 'io', pin: 0 } },
    expanders: { io: { kind: 'pcf8574', bus: dead, address: 0x20 } },
  })
  t.ok(clock.now() <= 6000, `${clock.now()} ms`)
  const from = clock.now()
  await panel.close()
  t.ok(clock.now() - from <= 6000, `${clock.now() - from} ms`)
})

test('what is wanted while the bus is stuck does not pile up', async (t) => {
  const { clock, open } = world()
  let transfers = 0
  const stuck = {
    async transfer(): Promise<Uint8Array> {
      transfers += 1
      await clock.sleep(1000)
      throw new BusError('timeout', '0x20: the transfer timed out')
    },
  }
  const panel = await open({
    lamps: { red: { expander: 'io', pin: 0 } },
    expanders: { io: { kind: 'pcf8574', bus: stuck, address: 0x20 } },
  })
  panel.show({ ...ALL_OFF, red: 'fast' })
  const [from, before] = [clock.now(), transfers]
  await clock.sleep(10_000)
  const rate = (transfers - before) / ((clock.now() - from) / 1000)
  t.ok(rate <= 1.1, `${rate} a second, for 5 switches a second`)
  t.match(panel.health().faults, [{ piece: 'red', fault: 'timeout' }])
  await panel.close()
})

test('two panels, one after the other, on the same address: johnny-five would refuse the second', async (t) => {
  const { clock, bus, open } = world()
  const chip = new SimulatedPcf8574()
  bus.attach(0x20, chip)
  for (let turn = 0; turn < 2; turn += 1) {
    const panel = await open({
      lamps: { red: { expander: 'io', pin: 0 } },
      expanders: { io: { kind: 'pcf8574', bus, address: 0x20 } },
    })
    panel.show({ ...ALL_OFF, red: 'on' })
    await clock.sleep(10)
    t.equal(chip.level(0), true, `turn ${turn}`)
    await panel.close()
    t.equal(chip.level(0), false)
  }
})
