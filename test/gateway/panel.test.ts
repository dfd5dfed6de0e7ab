import { before, test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import type { Button, PanelShow } from '../../drivers/panel/options.ts'
import { ALL_OFF, Panel, type PressListener } from '../../drivers/panel/panel.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../drivers/simulated/gpio.ts'
import { type Log, silentLog } from '../../gateway/log.ts'
import { PanelUnit } from '../../gateway/panel.ts'
import { panelOptions, panelPlan } from '../../gateway/panel-options.ts'
import { panelShow, type StationMood } from '../../gateway/panel-show.ts'
import {
  panelParts,
  stepPanel,
  type TestablePart,
  type TestStep,
  testPanel,
} from '../../gateway/panel-test.ts'

const WELL: StationMood = {
  phase: 'running',
  dryRun: false,
  failed: false,
  degraded: false,
  lineStopped: false,
  partHeld: false,
  alert: false,
}
const never = new AbortController().signal

// Virtual time does not wait while johnny-five is loaded.
before(async () => {
  const panel = await Panel.open(new SimulatedGpio(systemClock), systemClock, {})
  await panel.close()
})

/** Lamps as they are read from afar: green, amber, red, buzzer; `.` is off. */
const read = ({ green, amber, red, buzzer }: PanelShow): string =>
  [green, amber, red, buzzer].map((pattern) => (pattern === 'off' ? '.' : pattern)).join(' ')

test('panelShow: what each mood looks like', (t) => {
  const moods: readonly (readonly [Partial<StationMood>, string])[] = [
    [{}, 'on . . .'],
    [{ dryRun: true }, 'slow . . .'],
    [{ degraded: true }, '. on . .'],
    [{ dryRun: true, degraded: true }, 'slow on . .'],
    [{ alert: true }, 'on fast . .'],
    [{ alert: true, degraded: true }, '. fast . .'],
    [{ failed: true }, '. . on .'],
    [{ failed: true, degraded: true, alert: true }, '. fast on .'],
    [{ lineStopped: true }, '. . fast fast'],
    [{ partHeld: true }, '. . fast fast'],
    [{ lineStopped: true, failed: true }, '. . fast fast'],
    [{ phase: 'starting' }, '. slow . .'],
    [{ phase: 'draining' }, '. slow . .'],
    [{ phase: 'starting', failed: true, degraded: true }, '. slow on .'],
  ]
  for (const [mood, shown] of moods) {
    t.equal(read(panelShow({ ...WELL, ...mood })), shown, JSON.stringify(mood))
  }
  t.equal(read(panelShow({ ...WELL, lineStopped: true }, true)), '. . fast .', 'silenced')
  t.end()
})

interface Told {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

function recordingLog(): { readonly log: Log; readonly told: Told[] } {
  const told: Told[] = []
  const log = silentLog.child({}, { level: 'info' })
  for (const level of ['info', 'warn', 'error'] as const) {
    log[level] = (fields: unknown, message?: unknown) =>
      void told.push({ level, fields: Object(fields), message: String(message) })
  }
  return { log, told }
}

const CONFIG = panelOptions.parse({
  lamps: {
    green: { chip: 'simulated', line: 1 },
    amber: { chip: 'simulated', line: 2 },
    red: { chip: 'simulated', line: 3 },
  },
  buzzer: { chip: 'simulated', line: 4 },
  buttons: {
    start: { chip: 'simulated', line: 5 },
    stop: { chip: 'simulated', line: 6 },
    acknowledge: { chip: 'simulated', line: 7 },
  },
})
const PLAN = panelPlan(CONFIG, () => Promise.reject(new Error('there is no bus')))
const line = (number: number) => ({ chip: 'simulated', line: number })

/** A unit over a real panel on simulated lines. @param missing how many openings fail */
function station(missing = 0) {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const { log, told } = recordingLog()
  const mood = { now: WELL }
  const done: string[] = []
  const openedAt: number[] = []
  const act = (button: Button) => (): void => void done.push(button)
  const unit = new PanelUnit({
    open: () => {
      openedAt.push(clock.now())
      if (openedAt.length <= missing) return Promise.reject(new Error('no johnny-five'))
      return Panel.open(gpio, clock, PLAN)
    },
    mood: () => mood.now,
    actions: { start: act('start'), stop: act('stop'), acknowledge: act('acknowledge') },
    clock,
    log,
    random: () => 0.5,
  })
  const wires = () => [1, 2, 3, 4].map((number) => (gpio.wire(line(number)) === true ? 1 : 0)).join('')
  const press = async (number: number): Promise<void> => {
    gpio.drive(line(number), true)
    await clock.sleep(60)
    gpio.drive(line(number), false)
    await clock.sleep(60)
  }
  return { clock, gpio, told, mood, done, openedAt, unit, wires, press }
}

test('the unit shows the mood within a second, at once when it is asked to, and nothing once it is stopped', async (t) => {
  const { clock, mood, unit, wires } = station()
  t.equal(unit.status().state, 'failed', 'not open yet')
  await unit.start()
  await clock.sleep(100)
  t.equal(wires(), '1000')
  t.equal(unit.status().state, 'ok')
  mood.now = { ...WELL, failed: true }
  await clock.sleep(1000)
  t.equal(wires(), '0010')
  mood.now = { ...WELL, degraded: true }
  unit.refresh()
  t.equal(wires(), '0100')
  await unit.stop()
  t.equal(wires(), '0000')
  unit.refresh()
  t.equal(wires(), '0000')
})

test('a panel that is missing does not hold up the station; it is opened ever more rarely, and told once', async (t) => {
  const { clock, told, openedAt, unit, wires } = station(8)
  await unit.start()
  t.equal(clock.now(), 0)
  t.match(unit.status(), { state: 'failed' })
  await clock.sleep(200_000)
  const waits = openedAt.slice(1).map((at, index) => at - (openedAt[index] ?? 0))
  t.strictSame(waits, [750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500])
  t.equal(wires(), '1000')
  t.equal(told.filter(({ message }) => message === 'panel absent, trying on').length, 1)
  await unit.stop()
})

test('stopped while it is still being opened', async (t) => {
  const { clock, unit, openedAt } = station(1000)
  await unit.start()
  await clock.sleep(5000)
  const before = openedAt.length
  await unit.stop()
  await clock.sleep(60_000)
  t.equal(openedAt.length, before)
})

test('acknowledge silences the buzzer until there is something new', async (t) => {
  const { clock, mood, done, unit, gpio, press } = station()
  await unit.start()
  await clock.sleep(50)
  const sounded = async (): Promise<boolean> => {
    const before = gpio.changes(line(4)).length
    await clock.sleep(1000)
    return gpio.changes(line(4)).length > before + 1
  }
  mood.now = { ...WELL, lineStopped: true }
  unit.refresh()
  t.equal(await sounded(), true)
  await press(7)
  t.strictSame(done, ['acknowledge'])
  t.equal(await sounded(), false)
  t.equal(gpio.changes(line(3)).length > 5, true, 'red goes on')
  mood.now = { ...mood.now, partHeld: true }
  unit.refresh()
  t.equal(await sounded(), true, 'a part is held besides')
  await press(7)
  t.equal(await sounded(), false)
  mood.now = WELL
  unit.refresh()
  mood.now = { ...WELL, lineStopped: true }
  unit.refresh()
  t.equal(await sounded(), true, 'stopped again')
  await unit.stop()
})

test('start and stop do what they are given; an action that fails is told, and ends nothing', async (t) => {
  const { clock, done, unit, press, told, mood, wires } = station()
  await unit.start()
  await clock.sleep(50)
  await press(6)
  await press(5)
  t.strictSame(done, ['stop', 'start'])
  t.match(unit.status(), { facts: { presses: 2 } })
  t.match(
    told.filter(({ message }) => message === 'button pressed').map(({ fields }) => fields),
    [{ button: 'stop' }, { button: 'start' }],
  )
  await unit.stop()

  const broken: PressListener[] = []
  const failing = recordingLog()
  const other = new PanelUnit({
    open: () =>
      Promise.resolve({
        show: () => {},
        onButton: (listener) => {
          broken.push(listener)
          return () => {}
        },
        mend: () => Promise.resolve(),
        health: () => ({ state: 'ok', faults: [] }),
        close: () => Promise.resolve(),
      }),
    mood: () => mood.now,
    actions: {
      start: () => {
        throw new Error('the line is locked')
      },
      stop: () => Promise.reject(new Error('no gate')),
      acknowledge: () => {},
    },
    clock,
    log: failing.log,
    random: () => 0.5,
  })
  await other.start()
  await clock.sleep(10)
  for (const button of ['start', 'stop'] as const) broken[0]?.(button, clock.now())
  await clock.sleep(10)
  t.match(
    failing.told.filter(({ level }) => level === 'warn'),
    [{ fields: { err: { message: 'the line is locked' } } }, { fields: { err: { message: 'no gate' } } }],
  )
  await other.stop()
  t.equal(wires(), '0000')
})

test('a fault is told once, mended with backoff, and its end is told', async (t) => {
  const { clock, gpio, told, unit, mood, wires } = station()
  await unit.start()
  await clock.sleep(50)
  gpio.fail(line(1), 'failed')
  await clock.sleep(60_000)
  t.match(unit.status(), { state: 'degraded', detail: /^green: failed: simulated\/1/, facts: { faults: 1 } })
  mood.now = { ...WELL, degraded: true }
  unit.refresh()
  t.equal(wires(), '0100', 'the others work')
  mood.now = WELL
  gpio.fail(line(1), undefined)
  await clock.sleep(30_000)
  t.equal(wires(), '1000')
  t.strictSame(
    told.map(({ message, fields }) => [message, fields.piece]),
    [
      ['panel fault', 'green'],
      ['panel piece well again', 'green'],
    ],
  )
  await unit.stop()
})

test('nobody knows how the station is: red, and one line in the log', async (t) => {
  const { clock, told, unit, mood, wires } = station()
  Object.defineProperty(mood, 'now', {
    get: () => {
      throw new Error('no store')
    },
  })
  await unit.start()
  await clock.sleep(10_000)
  t.equal(wires(), '0010')
  t.match(told, [{ level: 'error', fields: { err: { message: 'no store' } } }])
  t.equal(told.length, 1)
  await unit.stop()
})

test('panelOptions: what is wrong is named', (t) => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ lamps: { red: {} } }, /expected either line or expander/],
    [{ lamps: { red: { line: 1, expander: 'io', pin: 1 } } }, /expected either line or expander/],
    [{ buzzer: { expander: 'io' } }, /expected expander and pin together/],
    [{ buzzer: { line: 1, pin: 3 } }, /expected expander and pin together/],
    [{ lamps: { red: { expander: 'io', pin: 1 } } }, /red: there is no expander io/],
    [{ lamps: { red: { line: 1 }, green: { line: 1 } } }, /red: gpiochip0\/1 is taken by green/],
    [
      {
        expanders: { one: { kind: 'pcf8574', bus: 'io' }, two: { kind: 'mcp23017', bus: 'io' } },
      },
      /expander two: one has address 0x20 of that bus/,
    ],
    [{ lamp: {} }, /Unrecognized key/],
  ]
  for (const [options, message] of wrong) {
    const parsed = panelOptions.safeParse(options)
    t.match(parsed.error?.issues.map((issue) => issue.message).join(), message, JSON.stringify(options))
  }
  t.strictSame(panelOptions.parse({}), { lamps: {}, buttons: {}, expanders: {}, debounce_ms: 20 })
  t.end()
})

test('panelPlan: two expanders on one bus are on one bus, which is asked for at each transfer', async (t) => {
  let asked = 0
  const plan = panelPlan(
    panelOptions.parse({
      lamps: { red: { expander: 'a', pin: 1, active_low: true } },
      buttons: { stop: { line: 17, active_low: true, bias: 'pull-up' } },
      expanders: {
        a: { kind: 'pcf8574', bus: 'field' },
        b: { kind: 'mcp23017', bus: 'field', address: 0x21 },
        c: { kind: 'mcp23017', bus: 'door' },
      },
    }),
    () => {
      asked += 1
      return asked === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve({ transfer: echo })
    },
  )
  const echo = (address: number): Promise<Uint8Array> => Promise.resolve(Uint8Array.of(address))
  const { a, b, c } = plan.expanders ?? {}
  t.equal(a?.bus, b?.bus)
  t.not(a?.bus, c?.bus)
  await t.rejects(async () => a?.bus.transfer(0x20, Uint8Array.of(0), 1), { message: 'not yet' })
  t.strictSame(await b?.bus.transfer(0x21, Uint8Array.of(0), 1), Uint8Array.of(0x21))
  t.match(plan, {
    lamps: { red: { expander: 'a', pin: 1, activeLow: true } },
    buttons: { stop: { chip: 'gpiochip0', line: 17, activeLow: true, bias: 'pull-up' } },
  })
})

/** A panel and one gate output that does not move. */
async function workbench() {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const panel = await Panel.open(gpio, clock, PLAN)
  const gate: TestablePart = {
    name: 'gate',
    kind: 'output',
    set: () => Promise.reject(new Error('it did not move')),
  }
  return { clock, gpio, panel, parts: [...panelParts(panel, PLAN), gate] }
}

test('stepPanel: each output on and off in turn, then the inputs; what failed is named', async (t) => {
  const { clock, gpio, panel, parts } = await workbench()
  const steps: TestStep[] = []
  const pressing = clock.after(5 * 100 + 30, () => gpio.drive(line(6), true))
  const well = await stepPanel(parts, { eachMs: 100, told: (step) => steps.push(step) }, clock, never)
  pressing()
  t.equal(well, false)
  t.strictSame(
    steps.slice(0, 10).map(({ part, step, ok }) => `${part} ${step} ${ok ? 'ok' : 'failed'}`),
    [
      ...['green lamp', 'amber lamp', 'red lamp', 'buzzer'].flatMap((name) => [
        `${name} on ok`,
        `${name} off ok`,
      ]),
      'gate on failed',
      'gate off failed',
    ],
  )
  t.match(steps[8], { error: 'it did not move' })
  t.strictSame(
    steps.slice(10).map(({ part, step, active }) => [part, step, active]),
    [
      ['start button', 'level', false],
      ['start button', 'watch', undefined],
      ['stop button', 'level', false],
      ['stop button', 'watch', undefined],
      ['acknowledge button', 'level', false],
      ['acknowledge button', 'watch', undefined],
      ['stop button', 'level', true],
    ],
  )
  const [on, off] = gpio.changes(line(1)).slice(1)
  t.equal((off?.at ?? 0) - (on?.at ?? 0), 100, 'for as long as it was told')
  await panel.close()
})

test('testPanel: a person switches, watches, mistypes and goes; all is off then', async (t) => {
  const { clock, gpio, panel, parts } = await workbench()
  const answers = ['1', '4', '1', 'x', '5', 'w', '8', 'q']
  const said: string[] = []
  clock.after(1000, () => gpio.drive(line(5), true))
  const well = await testPanel(
    parts,
    {
      ask: () => Promise.resolve(answers.shift()),
      say: (text) => said.push(text),
    },
    clock,
    never,
  )
  t.equal(well, false, 'the gate did not move')
  t.strictSame(said.slice(0, 8), [
    '  1  output  green lamp',
    '  2  output  amber lamp',
    '  3  output  red lamp',
    '  4  output  buzzer',
    '  5  input  start button',
    '  6  input  stop button',
    '  7  input  acknowledge button',
    '  8  output  gate',
  ])
  t.strictSame(said.slice(8, 13), [
    'green lamp: on',
    'buzzer: on',
    'green lamp: off',
    'x: expected 1 to 8, w or q',
    'start button: is an input: w watches it',
  ])
  t.ok(said.includes('start button: active'))
  t.ok(said.includes('gate: on: FAILED: it did not move'))
  t.ok(said.includes('buzzer: off'), 'switched off at the end')
  t.equal(gpio.wire(line(4)), false)
  await panel.close()
})

test('testPanel: nobody there any more, or the signal, ends it with all off', async (t) => {
  const { clock, gpio, panel, parts } = await workbench()
  const end = new AbortController()
  const answers = ['3', 'w']
  clock.after(500, () => end.abort())
  await testPanel(parts, { ask: () => Promise.resolve(answers.shift()), say: () => {} }, clock, end.signal)
  t.ok(clock.now() < 1000, 'the watch was cut short')
  t.equal(gpio.wire(line(3)), false)
  t.equal(
    await testPanel(parts, { ask: () => Promise.resolve(undefined), say: () => {} }, clock, never),
    true,
  )
  await panel.close()
})

test('panelParts: a lamp whose line fails says so', async (t) => {
  const { gpio, panel, parts, clock } = await workbench()
  gpio.fail(line(2), 'busy')
  const steps: TestStep[] = []
  const amber = parts.filter(({ name }) => name === 'amber lamp')
  t.equal(await stepPanel(amber, { eachMs: 10, told: (step) => steps.push(step) }, clock, never), false)
  t.match(steps, [{ ok: false, error: /simulated\/2/ }, { ok: false }])
  panel.show(ALL_OFF)
  await panel.close()
})
