import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { inspectionMessage } from '../../gateway/message.ts'
import { poincon, QUIET, StationProcess } from '../fakes/station-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const BASE = 'poincon/site/line/station'

/** Everything a line can have, each on simulated wires: real drivers, down to bytes, pins and pictures. */
const LINE = `
buses:
  main: { kind: simulated, hz: 1000000 }
  behind: { kind: multiplexed, bus: main, channel: 3 }
heads:
  left: { kind: vl53l8ch, bus: main, address: 0x30, lpn: { chip: simulated, line: 20 }, rate_hz: 10 }
  right: { kind: vl53l8ch, bus: main, address: 0x31, lpn: { chip: simulated, line: 21 }, rate_hz: 10 }
  spectral: { kind: as7341, bus: behind, exposure: auto }
environment: { kind: sht31, bus: main, period_ms: 1000 }
trigger: { kind: light-barrier, line: { chip: simulated, line: 10 }, period_ms: 1200 }
encoder: { kind: line, line: { chip: simulated, line: 11 }, mm_per_pulse: 1 }
gate:
  hold_lane: true
  delay_pulses: 90
  pulse_pulses: 20
  lines:
    pass: { chip: simulated, line: 0 }
    feedback: { chip: simulated, line: 1 }
    hold: { chip: simulated, line: 2 }
    stop: { chip: simulated, line: 3 }
    kick: { chip: simulated, line: 4 }
    ready: { chip: simulated, line: 5 }
panel:
  lamps: { green: { expander: stack, pin: 0 }, amber: { expander: stack, pin: 1 }, red: { expander: stack, pin: 2 } }
  buttons: { start: { chip: simulated, line: 30 }, stop: { chip: simulated, line: 31, active_low: true, bias: pull-up } }
  expanders: { stack: { kind: mcp23017, bus: behind } }
`

const health = z.object({
  units: z.array(
    z.looseObject({
      name: z.string(),
      state: z.string(),
      facts: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
})

async function folder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-line-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A folder of pictures is a camera, too. */
async function pictures(dir: string): Promise<void> {
  for (const [index, grey] of [40, 90, 140].entries()) {
    const background = { r: grey, g: grey, b: grey }
    const picture = sharp({ create: { width: 960, height: 720, channels: 3, background } })
    await picture.jpeg().toFile(join(dir, `part-${index}.jpg`))
  }
}

test('a line with everything: barrier, encoder, gate, panel, camera, two heads on one bus and one behind a multiplexer', async (t) => {
  const dir = await folder(t)
  await pictures(dir)
  const camera = `camera: { kind: folder, path: ${dir}, fps: 5 }\n`
  await writeFile(join(dir, 'poincon.yaml'), `data_dir: ${join(dir, 'data')}\n${LINE}${camera}`)
  const station = await StationProcess.start([], { cwd: dir })
  t.teardown(() => station.stop())
  const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
  t.teardown(() => subscriber.close())
  const inspections = () => subscriber.packets.filter(({ topic }) => topic === `${BASE}/inspection`)
  await subscriber.until(() => inspections().length >= 4)

  await t.test('parts interrupt the light barrier, and are inspected by all heads', (t) => {
    const message = inspectionMessage.parse(JSON.parse(inspections().at(-1)?.payload.toString() ?? ''))
    t.equal(message.dry_run, undefined)
    t.ok(message.vl53l8ch, 'the first ranging head')
    t.ok(message.heads?.right, 'the second, on the same bus')
    t.ok(message.as7341, 'the spectral head, behind the multiplexer')
    const { temperature_c: temperature = 0, humidity_percent: humidity = 0 } = message.meta
    t.ok(temperature > 9 && temperature < 15 && humidity > 50 && humidity < 80)
    t.notMatch(message.verdict.reasons, [/late|busy|sensor|gate/])
    t.end()
  })

  await t.test('whoever looks sees what heads and camera see', async (t) => {
    const tof = await subscriber.packet(`${BASE}/preview/tof`)
    t.match(JSON.parse(tof.payload.toString()), {
      schema: 'poincon.preview/1',
      head: 'left',
      kind: 'vl53l8ch',
    })
    const spectrum = await subscriber.packet(`${BASE}/preview/spectrum`)
    t.match(JSON.parse(spectrum.payload.toString()), { head: 'spectral', channels: { Clear: Number } })
    const picture = await subscriber.packet(`${BASE}/preview/camera`)
    t.match(await sharp(Buffer.from(picture.payload)).metadata(), { format: 'jpeg', width: 640, height: 480 })
  })

  await t.test('the gate did with each part what its verdict said, and every unit is well', async (t) => {
    const { units } = health.parse(JSON.parse((await station.get('/healthz')).text))
    const of = (name: string) => units.find((unit) => unit.name === name)
    for (const name of [
      'encoder',
      'gate',
      'trigger',
      'panel',
      'camera',
      'environment',
      'heads',
      'calibration',
    ]) {
      t.equal(of(name)?.state, 'ok', `${name}: ${JSON.stringify(of(name))}`)
    }
    const { announced, accepted, rejected, held, waiting, late, missed } = of('gate')?.facts ?? {}
    t.equal(Number(accepted) + Number(rejected) + Number(held) + Number(waiting), announced)
    t.strictSame([late, missed], [0, 0])
    // The belt is driven by timers: on a busy machine it stands for a moment, and catches up.
    let speed = Number(of('encoder')?.facts.mm_per_s)
    for (let asked = 0; asked < 500 && speed <= 40; asked += 1) {
      const now = health.parse(JSON.parse((await station.get('/healthz')).text))
      speed = Number(now.units.find(({ name }) => name === 'encoder')?.facts.mm_per_s)
    }
    t.ok(speed > 40, 'the belt moves')
    t.match(of('calibration')?.facts, {
      chips: /^left=vl53l8ch@\w{16} right=vl53l8ch@\w{16} spectral=as7341$/,
    })
    t.equal((await station.get('/readyz')).status, 200)
  })

  await t.test('the lines are taken while it runs', async (t) => {
    const tested = await poincon(['panel', 'test', '--json'], { cwd: dir })
    t.equal(tested.code, 1)
    t.match(tested.stderr, /a gateway runs on this data directory/)
    const doctor = await poincon(['doctor'], { cwd: dir, env: QUIET })
    t.match(doctor.stdout, /a gateway runs with this data directory/)
  })

  t.equal(await station.stop(), 0)
  t.strictSame(
    station.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
    [],
    'nothing was wrong all the time',
  )
})

test('panel test moves everything in turn, and doctor names every chip, where no gateway runs', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 'poincon.yaml'), `data_dir: ${join(dir, 'data')}\n${LINE}`)
  const tested = await poincon(['panel', 'test', '--json', '--each', '10'], { cwd: dir })
  t.equal(tested.code, 0, tested.stderr)
  const steps = tested.stdout
    .trim()
    .split('\n')
    .map((line) => z.looseObject({ part: z.string(), ok: z.boolean() }).parse(JSON.parse(line)))
  t.strictSame(
    steps.filter(({ ok }) => !ok),
    [],
  )
  const parts = new Set(steps.map(({ part }) => part))
  for (const part of [
    'gate: pass',
    'gate: hold lane',
    'line stop',
    'PLC: ready',
    'red lamp',
    'start button',
  ]) {
    t.ok(parts.has(part), part)
  }
  const doctor = await poincon(['doctor'], { cwd: dir, env: QUIET })
  t.equal(doctor.code, 0, doctor.stdout)
  t.match(doctor.stdout, /bus main \(simulated\): 0x29 VL53L8CH or VL53L8CX, 0x44 SHT31 = environment, 0x70 /)
  t.match(doctor.stdout, /bus behind: 0x20 perhaps an I\/O expander.*, 0x39 AS7341 = head spectral/)
  t.match(doctor.stdout, /rate of head left: 10 Hz asked; the chip can 15 Hz, the wires 76\.3 Hz at 1000 kHz/)
})

test('a gate whose lines cannot be had: said once, parts are turned away, the station goes on', async (t) => {
  const dir = await folder(t)
  const lines = 'lines: { pass: { chip: gpiochip99, line: 17 }, stop: { chip: simulated, line: 3 } }'
  await writeFile(
    join(dir, 'poincon.yaml'),
    `data_dir: ${join(dir, 'data')}\ntrigger: { period_ms: 300 }\ngate: { ${lines} }\n`,
  )
  const station = await StationProcess.start([], { cwd: dir })
  t.teardown(() => station.stop())
  const subscriber = await Subscriber.open(station.broker, `${BASE}/inspection`, 4)
  t.teardown(() => subscriber.close())
  await subscriber.until(() => subscriber.packets.length >= 3)
  for (const packet of subscriber.packets) {
    const { verdict } = inspectionMessage.parse(JSON.parse(packet.payload.toString()))
    t.match(verdict, { kind: 'ungraded', action: 'reject', reasons: ['gate-failed'] })
  }
  const ready = await station.get('/readyz')
  t.equal(ready.status, 503)
  t.match(ready.text, /gate: absent: /)
  t.equal(station.lines.filter(({ msg }) => /gate absent/.test(msg)).length, 1)
  t.equal(await station.stop(), 0)
})
