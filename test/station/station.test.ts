import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { inspectionMessage } from '../../gateway/message.ts'
import { stateMessage } from '../../gateway/mqtt/state.ts'
import { verifyChain } from '../../gateway/store/log/chain.ts'
import { command } from '../fakes/station-command.ts'
import { poincon, StationProcess, Watcher } from '../fakes/station-process.ts'
import { changeNewestRow, storedIn } from '../fakes/stored.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const BASE = 'poincon/site/line/station'

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poincon-station-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function start(
  t: Test,
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<StationProcess> {
  const station = await StationProcess.start(args, { env })
  t.teardown(() => station.kill())
  return station
}

type Packet = Subscriber['packets'][number]

function isInspection({ topic }: Packet): boolean {
  return topic === `${BASE}/inspection`
}

/** On a machine that does other things as well a part may come, or be decided, too late: it is turned away, and said. */
function skipped({ payload }: Packet): boolean {
  return /"reasons":\["(busy|late)"\]/.test(payload.toString())
}

const health = z.looseObject({
  reconciled: z.boolean(),
  phase: z.string(),
  counters: z.object({ since_start: z.record(z.string(), z.number()) }),
})

test('a station, from its start to its end and on', async (t) => {
  const dir = await folder(t)
  const env = { POINCON_DATA_DIR: dir, POINCON_TRIGGER_PERIOD_MS: '400' }
  const station = await start(t, env)
  const subscriber = await Subscriber.open(station.broker, 'poincon/#', 4)
  t.teardown(() => subscriber.close())

  await t.test('it says that it is well, ready and what it counts', async (t) => {
    const healthz = await station.get('/healthz')
    t.equal(healthz.status, 200)
    t.match(health.parse(JSON.parse(healthz.text)), { reconciled: true, phase: 'running' })
    const readyz = await station.get('/readyz')
    t.equal(readyz.status, 200, readyz.text)
    t.strictSame(JSON.parse(readyz.text), { ready: true, waiting_for: [] })
    const metrics = await station.get('/metrics')
    t.match(metrics, { status: 200, type: /openmetrics-text/ })
    t.match(metrics.text, /# EOF\n$/)
    const page = await station.get('/')
    t.match(page, { status: 200, type: /text\/html/ })
    const problem = await station.get('/api/v1/inspections/no-uuid')
    t.match(problem, { status: 400, type: /application\/problem\+json/ })
  })

  await t.test(
    'every part is published as poincon.inspection/1, and the API has the same bytes',
    async (t) => {
      const measured = () => subscriber.packets.filter((packet) => isInspection(packet) && !skipped(packet))
      await subscriber.until(() => measured().length >= 3)
      const seen = measured()
      for (const { payload } of seen) {
        const message = inspectionMessage.parse(JSON.parse(payload.toString()))
        t.ok(message.vl53l8ch, 'the ranging head saw it')
        t.ok(message.as7341, 'the spectral head saw it')
        t.equal(message.dry_run, undefined)
        t.notMatch(message.verdict.reasons, [/sensor-/])
      }
      const packets = subscriber.packets.filter(isInspection)
      for (const { payload } of packets) {
        const message = inspectionMessage.parse(JSON.parse(payload.toString()))
        const stored = await station.get(`/api/v1/inspections/${message.id}`)
        t.equal(stored.text, payload.toString())
      }
      const graded = seen.filter(({ payload }) => payload.includes('"kind":"graded"'))
      t.ok(
        graded.length >= seen.length - 1,
        'a place on the belt may be empty, hardly two of the first three',
      )
      const page = z
        .object({ inspections: z.array(inspectionMessage) })
        .parse(JSON.parse((await station.get('/api/v1/inspections?limit=3')).text))
      t.equal(page.inspections.length, 3)
    },
  )

  await t.test('it is online, with what it runs and makes', async (t) => {
    const packet = await subscriber.packet(`${BASE}/state`)
    t.equal(packet.retain, true)
    const state = stateMessage.parse(JSON.parse(packet.payload.toString()))
    t.match(state, { state: 'online', recipe: { id: 'foiegras_standard_barquette', revision: 1 } })
    t.ok(state.lot_id)
  })

  await t.test(
    'commands: inspect answers with what is stored, recipe and lot hold for the next part',
    async (t) => {
      const asked = await command(subscriber, BASE, 'inspect', { sample_id: 'by hand' })
      t.equal(asked.ok, true)
      const message = inspectionMessage.parse(asked.result)
      t.equal(message.sample_id, 'by hand')
      const stored = await station.get(`/api/v1/inspections/${message.id}`)
      t.strictSame(JSON.parse(stored.text), asked.result)

      t.match(await command(subscriber, BASE, 'recipe/select', { id: 'no-such' }), { ok: false })
      t.match(await command(subscriber, BASE, 'recipe/select', { id: 'foiegras_bloc' }), {
        ok: true,
        result: { id: 'foiegras_bloc', revision: 1 },
      })
      t.match(await command(subscriber, BASE, 'lot/start', { lot_id: 'LOT-2' }), {
        ok: true,
        result: { lot_id: 'LOT-2' },
      })
      t.match(await command(subscriber, BASE, 'lot/start', { lot_id: 'no/lot' }), { ok: false })
      const next = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
      t.match(next, { recipe: { id: 'foiegras_bloc' }, lot_id: 'LOT-2' })
      await subscriber.packet(
        `${BASE}/state`,
        (text) => text.includes('LOT-2') && text.includes('foiegras_bloc'),
      )
    },
  )

  await t.test('the empty tray measured anew while parts come: none of them gets into it', async (t) => {
    const asked = command(subscriber, BASE, 'calibration/start', { by: 'test' })
    const meanwhile = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
    t.match(meanwhile.verdict, { action: 'reject', reasons: ['not-calibrated'] })
    const { ok, result } = await asked
    t.equal(ok, true)
    const { id } = z.looseObject({ id: z.string() }).parse(result)
    const before = subscriber.sequences.length
    await subscriber.until(() => subscriber.sequences.length >= before + 3)
    const after = subscriber.packets
      .filter(({ topic }) => topic === `${BASE}/inspection`)
      .slice(before)
      .map(({ payload }) => inspectionMessage.parse(JSON.parse(payload.toString())))
    t.ok(after.every(({ provenance }) => provenance.calibration.includes(id)))
    t.ok(after.filter(({ verdict }) => verdict.kind === 'graded').length >= 2, 'parts still stand out of it')
  })

  await t.test('what it occupies is refused to a second one, by name', async (t) => {
    const [http, mqtt] = [new URL(station.url).port, new URL(station.broker).port]
    const other = await folder(t)
    const run = (env: Record<string, string>) =>
      poincon(['run'], { env: { POINCON_FLOWS_ENABLED: 'false', POINCON_DATA_DIR: other, ...env } })
    const [sameDir, samePort, sameBroker, doctor] = await Promise.all([
      run({ POINCON_DATA_DIR: dir, POINCON_HTTP_PORT: '0', POINCON_MQTT_PORT: '0' }),
      run({ POINCON_DATA_DIR: join(other, '1'), POINCON_HTTP_PORT: http, POINCON_MQTT_PORT: '0' }),
      run({ POINCON_DATA_DIR: join(other, '2'), POINCON_HTTP_PORT: '0', POINCON_MQTT_PORT: mqtt }),
      poincon(['doctor', '--json'], {
        env: { POINCON_DATA_DIR: other, POINCON_HTTP_PORT: http, POINCON_MQTT_PORT: '0' },
      }),
    ])
    t.equal(sameDir.code, 1)
    t.match(sameDir.stderr, `${dir} is in use by another process`)
    t.equal(samePort.code, 1)
    t.match(samePort.stderr, new RegExp(`port ${http} .*taken.*http\\.port.*POINCON_HTTP_PORT`))
    t.equal(sameBroker.code, 1)
    t.match(sameBroker.stderr, new RegExp(`port ${mqtt} .*taken.*mqtt\\.port.*POINCON_MQTT_PORT`))
    t.equal(doctor.code, 1)
    t.match(
      JSON.parse(doctor.stdout).find(({ subject }: { subject: string }) => subject === 'http'),
      { state: 'failed', advice: /POINCON_HTTP_PORT/ },
    )
  })

  await t.test('SIGTERM: it drains, says so, and everything is on disk', async (t) => {
    const exit = station.stop()
    await subscriber.packet(`${BASE}/state`, (text) => text.includes('"offline"'))
    t.equal(await exit, 0, station.output)
    const states = subscriber.packets
      .filter(({ topic }) => topic === `${BASE}/state`)
      .map(({ payload }) => stateMessage.parse(JSON.parse(payload.toString())))
    t.strictSame([...new Set(states.map(({ state }) => state))], ['online', 'draining', 'offline'])
    t.equal(states.at(-1)?.reason, 'stopped')
    const entries = await storedIn(dir)
    t.match(verifyChain(entries), { valid: true, count: entries.length })
    t.strictSame(
      subscriber.sequences,
      entries.slice(-subscriber.sequences.length).map(({ sequence }) => sequence),
      'the subscriber has every one, in order, up to the last',
    )
    t.strictSame(
      station.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
      ['command failed', 'command failed'],
      'nothing else was wrong',
    )
  })

  await t.test('started again it goes on: sequence, recipe, lot, calibration', async (t) => {
    const before = (await storedIn(dir)).length
    const again = await start(t, { ...env, POINCON_TRIGGER_KIND: 'command' })
    const subscriber = await Subscriber.open(again.broker, `${BASE}/#`, 4)
    t.teardown(() => subscriber.close())
    const message = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
    t.match(message, { sequence: before + 1, recipe: { id: 'foiegras_bloc' }, lot_id: 'LOT-2' })
    t.notMatch(message.verdict.reasons, [/not-calibrated/])
    t.ok(message.vl53l8ch?.volume_mm3, 'the simulated belt brought a part')
    t.notOk(again.lines.some(({ msg }) => msg === 'empty tray measured'))
    const { counters } = health.parse(JSON.parse((await again.get('/healthz')).text))
    t.match(counters.since_start, { triggers: 1, stored: 1, unrecorded: 0 })
    t.equal(await again.stop(), 0)
  })

  await t.test('a row that somebody changed: said, nothing deleted, exit 1', async (t) => {
    await changeNewestRow(dir)
    const bytes = await readFile(join(dir, 'poincon.db'))
    const { code, stderr } = await poincon(['run'], { env: { ...env, POINCON_HTTP_PORT: '0' } })
    t.equal(code, 1)
    t.match(stderr, /the store is damaged: .*sequence \d+.*Nothing was deleted/)
    t.ok(bytes.equals(await readFile(join(dir, 'poincon.db'))))
  })
})

test('a configuration that is wrong: file, line, path, value, expectation; exit 78', async (t) => {
  const dir = await folder(t)
  const file = join(dir, 'poincon.yaml')
  await writeFile(
    file,
    ['site: lyon', 'http:', '  prot: 8081', 'trigger:', '  period_ms: soon', ''].join('\n'),
  )
  const data = { POINCON_DATA_DIR: join(dir, 'data') }
  const [run, check, variable, unknown, profile] = await Promise.all([
    poincon(['run'], { cwd: dir }),
    poincon(['check', '--config', file]),
    poincon(['run'], { env: { ...data, POINCON_HTTP_PORT: '99999' } }),
    poincon(['run'], { env: { ...data, POINCON_HTTP_PROT: '1' } }),
    poincon(['run'], { env: { ...data, POINCON_SIMULATION_PROFILE: 'bananas' } }),
  ])
  for (const { code, stderr } of [run, check]) {
    t.equal(code, 78)
    t.match(stderr, `${file}:3: http.prot: 8081: no such key (did you mean port?)`)
    t.match(stderr, `${file}:5: trigger.period_ms: "soon": expected number`)
  }
  t.equal(variable.code, 78)
  t.match(variable.stderr, 'POINCON_HTTP_PORT: http.port: 99999')
  t.equal(unknown.code, 78)
  t.match(unknown.stderr, 'no such setting (did you mean POINCON_HTTP_PORT?)')
  t.equal(profile.code, 78)
  t.match(profile.stderr, /simulation\.profile: "bananas": expected one of/)
  await t.rejects(readFile(join(dir, 'data', 'poincon.db')), 'nothing was begun')
})

test('a recipe that does not exist is a wrong configuration', async (t) => {
  const { code, stderr } = await poincon(['run'], {
    env: { POINCON_DATA_DIR: await folder(t), POINCON_RECIPE: 'bananas' },
  })
  t.equal(code, 78)
  t.match(stderr, /recipe: "bananas": expected a recipe of the store, e\.g\. foiegras_standard_barquette/)
})

test('heads on a kernel bus: absent ones are a state, and without a real gate every message says dry run', async (t) => {
  const station = await start(t, {
    POINCON_DATA_DIR: await folder(t),
    POINCON_TRIGGER_KIND: 'command',
    POINCON_BUSES: '{ main: { kind: linux, path: /dev/i2c-250 } }',
    POINCON_HEADS: '{ spectral: { kind: as7341, bus: main } }',
  })
  const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
  t.teardown(() => subscriber.close())
  const message = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
  t.match(message, { dry_run: true, verdict: { kind: 'ungraded', action: 'reject' } })
  t.match(message.verdict.reasons, [/^sensor-absent/])
  t.ok(station.lines.some(({ msg }) => /no gate is wired/.test(msg ?? '')))
  t.equal(await station.stop(), 0)
})

test('check and doctor find a sound station sound; wrong usage is told apart', async (t) => {
  const dir = await folder(t)
  const env = { POINCON_DATA_DIR: dir, POINCON_HTTP_PORT: '0', POINCON_MQTT_PORT: '0' }
  const [check, doctor, verb, option] = await Promise.all([
    poincon(['check'], { env }),
    poincon(['doctor', '--json'], { env }),
    poincon(['inspekt']),
    poincon(['run', '--replai', 'x']),
  ])
  t.equal(check.code, 0)
  t.match(check.stdout, /^# built-in defaults: correct\n/)
  t.equal(doctor.code, 0, doctor.stdout)
  const findings = z
    .array(z.looseObject({ subject: z.string(), state: z.string() }))
    .parse(JSON.parse(doctor.stdout))
  // Whether a time server is followed is the machine's, not the station's.
  const others = findings.filter(({ subject }) => subject !== 'clock')
  t.strictSame([...new Set(others.map(({ state }) => state))], ['ok'])
  const bus = findings.find(({ subject }) => subject === 'bus spectral (simulated)')
  t.match(bus, { found: '0x39 AS7341 = head spectral, 0x76 BME280 = environment' })
  t.strictSame(
    findings.filter(({ subject }) => subject.startsWith('head ')).map(({ subject }) => subject.split(' ')[1]),
    ['tof', 'spectral'],
  )
  t.equal(verb.code, 2)
  t.match(verb.stderr, 'inspekt: no such command')
  t.equal(option.code, 2)
  t.match(option.stderr, '--replai')
})

test('a data directory that cannot be used: said, nothing deleted, exit 1', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 'file'), 'not a directory')
  const corrupt = join(dir, 'corrupt')
  await mkdir(corrupt)
  const noise = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 31 + (index >> 8)) & 0xff))
  await writeFile(join(corrupt, 'poincon.db'), noise)
  const run = (path: string) =>
    poincon(['run'], { env: { POINCON_DATA_DIR: path, POINCON_HTTP_PORT: '0', POINCON_MQTT_PORT: '0' } })
  const [below, damaged] = await Promise.all([run(join(dir, 'file', 'data')), run(corrupt)])
  t.equal(below.code, 1)
  t.match(below.stderr, /the data directory .*file\/data cannot be used.*data_dir/)
  t.equal(damaged.code, 1)
  t.match(damaged.stderr, /the store is damaged.*Nothing was deleted/)
  t.ok(noise.equals(await readFile(join(corrupt, 'poincon.db'))))
})

test('a second SIGTERM ends at once what the first would drain', async (t) => {
  // Takes connections and never says a word: the sink waits for it until its grace time is over.
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const address = mute.address()
  const port = typeof address === 'object' ? address?.port : 0
  const station = await start(t, {
    POINCON_DATA_DIR: await folder(t),
    POINCON_TRIGGER_PERIOD_MS: '100',
    POINCON_MQTT_UPSTREAM_URL: `mqtt://127.0.0.1:${port}`,
    POINCON_HEADS: '{spectral: {kind: as7341, bus: spectral}}',
  })
  const watcher = await Watcher.open(station.url)
  await watcher.seen(2)
  const began = performance.now()
  station.signal('SIGTERM')
  await station.said('stopping')
  station.signal('SIGTERM')
  t.equal(await station.ended(), 1)
  t.ok(performance.now() - began < 1500, 'at once')
})
