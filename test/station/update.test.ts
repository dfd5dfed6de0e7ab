import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { type Test, test } from 'tap'
import { updateReport } from '../../gateway/api/update.ts'
import { inspectionMessage } from '../../gateway/message.ts'
import { updateMessage } from '../../gateway/update-status.ts'
import { Mosquitto } from '../fakes/mosquitto.ts'
import { installed } from '../fakes/server-process.ts'
import { command } from '../fakes/station-command.ts'
import { StationProcess } from '../fakes/station-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const BASE = 'poincon/site/line/station'
const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'
const LOCK = '/api/v1/update/lock'
const SINCE = '2026-11-22T03:00:00.000Z'

/** A device: data directory, and what its updater keeps. */
async function device(t: Test): Promise<{ env: Record<string, string>; updates: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-update-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const updates = join(dir, 'updates')
  await mkdir(updates)
  const env = {
    POINCON_DATA_DIR: join(dir, 'data'),
    POINCON_UPDATE_DIR: updates,
    POINCON_TRIGGER_KIND: 'command',
  }
  return { env, updates }
}

/** Where each station leaves what its updater has to show. */
const tokens = new WeakMap<StationProcess, string>()

async function replaced(file: string, content: object): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(content))
  await rename(`${file}.new`, file)
}

/** As the updater says it. */
function says(updates: string, state: string, more: object = {}): Promise<void> {
  const release = { schema: 'poincon.update/1', kind: 'release', from: '0.1.0', to: '0.2.0', since: SINCE }
  return replaced(join(updates, 'status.json'), { ...release, state, ...more })
}

async function started(t: Test, env: Record<string, string>): Promise<StationProcess> {
  const station = await StationProcess.start([], { env })
  tokens.set(station, join(env.POINCON_DATA_DIR ?? '', 'update-token'))
  t.teardown(() => station.kill())
  return station
}

/** Asks as the updater does, which reads what the station left for it. */
async function asked(station: StationProcess, path: string, method = 'GET', body?: object) {
  const shown = tokens.get(station) ?? ''
  const headers = { 'x-poincon-updater': (await readFile(shown, 'utf8')).trim() }
  const json =
    body === undefined
      ? { headers }
      : { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } }
  const answer = await fetch(new URL(path, station.url), { method, ...json })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

const reportOf = async (station: StationProcess) =>
  updateReport.parse((await asked(station, '/api/v1/update')).body)

test('an update, from the word of the updater to the end of its lock', { skip }, async (t) => {
  const plant = await Mosquitto.start()
  t.teardown(() => plant.close())
  const { env, updates } = await device(t)
  // A run before this one said so, and its updater’s file went meanwhile.
  const stale = await connectAsync(plant.url)
  await stale.publishAsync(`${BASE}/update`, '{"state":"waiting"}', { qos: 1, retain: true })
  await stale.endAsync()
  const late = await Subscriber.open(plant.url, `${BASE}/update`)
  t.match(await late.packet(`${BASE}/update`), { retain: true })
  const station = await started(t, { ...env, POINCON_MQTT_UPSTREAM_URL: plant.url })
  await late.packet(`${BASE}/update`, (text) => text === '')
  await late.close()
  const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
  const far = await Subscriber.open(plant.url, `${BASE}/update`)
  t.teardown(() => Promise.all([subscriber.close(), far.close()]))

  await t.test('before it says anything there is nothing to tell', async (t) => {
    const report = await reportOf(station)
    t.match(report, { status: null, lock: null, consent: null, trial: false, device: null })
    t.same(report.line, { idle: true, why: [], parts_in_flight: 0, since_last_trigger_s: null })
  })

  await t.test('what it says is retained on both brokers, without what nobody knows', async (t) => {
    await says(updates, 'waiting', { waiting_for: ['consent'], progress: 3, of_tomorrow: { x: 1 } })
    for (const broker of [subscriber, far]) {
      const { payload, retain } = await broker.packet(`${BASE}/update`, (text) => text.includes('waiting'))
      const said = updateMessage.parse(JSON.parse(payload.toString()))
      t.match(said, { state: 'waiting', from: '0.1.0', to: '0.2.0', waiting_for: ['consent'] })
      t.ok(said.device_id)
      t.notOk('of_tomorrow' in said || said.progress !== undefined, 'a share of 3 is none')
      t.type(retain, 'boolean')
    }
    const later = await Subscriber.open(plant.url, `${BASE}/update`)
    t.equal((await later.packet(`${BASE}/update`)).retain, true)
    await later.close()
  })

  await t.test('the line is for its updater: who cannot read what the station left has it not', async (t) => {
    const order = { version: '0.2.0', lease_s: 60 }
    for (const [shown, why] of [
      [undefined, 'missing'],
      ['x'.repeat(43), 'not that of this run'],
    ] as const) {
      const headers = {
        'content-type': 'application/json',
        ...(shown === undefined ? {} : { 'x-poincon-updater': shown }),
      }
      for (const [method, body] of [
        ['POST', JSON.stringify(order)] as const,
        ['DELETE', undefined] as const,
      ]) {
        const answer = await fetch(new URL(LOCK, station.url), {
          method,
          ...(body === undefined
            ? { headers: shown === undefined ? {} : { 'x-poincon-updater': shown } }
            : { headers, body }),
        })
        t.equal(answer.status, 403)
        t.match(await answer.json(), {
          detail: `x-poincon-updater: ${why}: expected what stands in update-token of the station’s data directory since its start`,
        })
      }
    }
    t.match(await reportOf(station), { lock: null })
    t.equal((await stat(tokens.get(station) ?? '')).mode & 0o777, 0o640, 'owner and group may read it')
  })

  await t.test('somebody agrees, by command or over HTTP, to what waits and to nothing else', async (t) => {
    const wrong = await command(subscriber, BASE, 'update/consent', { version: '0.3.0', by: 'Marie' })
    t.match(wrong, { ok: false, error: { detail: /expected the one that waits: 0\.2\.0/ } })
    const agreed = await command(subscriber, BASE, 'update/consent', { version: '0.2.0', by: 'Marie' })
    t.match(agreed, { ok: true, result: { version: '0.2.0', by: 'Marie' } })
    t.match(await reportOf(station), { consent: { version: '0.2.0', by: 'Marie' } })
    const http = await asked(station, '/api/v1/update/consent', 'POST', { version: '0.2.0', by: 'Paul' })
    t.match(http, { status: 200, body: { by: 'Paul' } })
    t.match(await asked(station, '/api/v1/update/consent', 'POST', { version: '' }), { status: 400 })
  })

  await t.test(
    'with the line it has every part rejected, counted and stored; nothing else is begun',
    async (t) => {
      t.match(await asked(station, LOCK, 'POST', { version: '0.2.0', lease_s: 900 }), {
        status: 400,
      })
      const taken = await asked(station, LOCK, 'POST', { version: '0.2.0', lease_s: 60 })
      t.equal(taken.status, 200)
      t.match(await reportOf(station), { lock: { version: '0.2.0', until: taken.body.until }, trial: false })
      t.match(await asked(station, LOCK, 'POST', { version: '0.2.0', lease_s: 60 }), {
        status: 200,
      })
      const other = await asked(station, LOCK, 'POST', { version: '0.9.0', lease_s: 60 })
      t.match(other, { status: 409, body: { detail: /an update to 0\.2\.0 has the line until/ } })

      const part = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
      t.match(part.verdict, { kind: 'ungraded', action: 'reject', reasons: ['updating'] })
      t.equal((await asked(station, `/api/v1/inspections/${part.id}`)).status, 200)
      t.match((await asked(station, '/healthz')).body, {
        reconciled: true,
        counters: { since_start: { triggers: 1, rejected: 1, stored: 1 } },
      })
      t.equal((await asked(station, '/readyz')).status, 200, 'the station itself is well')
      t.match(await asked(station, '/api/v1/engravings/crown', 'DELETE'), {
        status: 503,
        body: { detail: /an update to 0\.2\.0 has the line until/, fault: 'unavailable' },
      })
      const lot = await command(subscriber, BASE, 'lot/start', { lot_id: 'LOT-9' })
      t.match(lot, { ok: false, error: { detail: /an update to 0\.2\.0 has the line/ } })

      t.equal((await asked(station, LOCK, 'DELETE')).status, 204)
      t.match(await command(subscriber, BASE, 'lot/start', { lot_id: 'LOT-9' }), { ok: true })
      const next = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
      t.notOk(next.verdict.reasons.includes('updating'))
      t.type((await reportOf(station)).line.since_last_trigger_s, 'number')
    },
  )

  await t.test('while a part is on its way the line is not given away, and then it is', async (t) => {
    let [free, refused] = [false, '']
    const asking = (async () => {
      while (refused === '') {
        const { status, body } = await asked(station, LOCK, 'POST', { version: '0.2.0', lease_s: 60 })
        if (status === 409) refused = body.detail
        else await asked(station, LOCK, 'DELETE')
      }
    })()
    while (refused === '') await command(subscriber, BASE, 'inspect', {})
    await asking
    t.match(refused, /parts between trigger and gate: \d+|the heads are at a part|on their way to the disk/)
    while (!free) {
      const { status } = await asked(station, LOCK, 'POST', { version: '0.2.0', lease_s: 1 })
      free = status === 200
    }
    t.ok(free, 'when the last of them was stored')
  })

  await t.test('a dead updater does not keep it: the lease ends by itself', async (t) => {
    let report = await reportOf(station)
    while (report.lock !== null) report = await reportOf(station)
    const part = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
    t.notOk(part.verdict.reasons.includes('updating'))
  })

  await t.test('an update that was taken back is an alert', async (t) => {
    await says(updates, 'rolled_back', { failure: 'not ready within 90 s' })
    const { payload } = await subscriber.packet(`${BASE}/alert`, (text) => text.includes('update_failed'))
    t.match(JSON.parse(payload.toString()), {
      rule: 'update_failed',
      subject: 'update',
      detail: 'the update to 0.2.0 was rolled back: not ready within 90 s',
    })
    t.equal(
      subscriber.packets.some(
        ({ payload: alert }) => alert.includes('unit_not_well') && alert.includes('"update"'),
      ),
      false,
      'and one only',
    )
    await rm(join(updates, 'status.json'))
    await far.packet(`${BASE}/update`, (text) => text === '')
    await station.stop()
  })
})

test('a release on trial inspects nothing until the updater is content', async (t) => {
  const { env, updates } = await device(t)
  await says(updates, 'trial')
  await replaced(join(updates, 'trial.json'), {
    version: '0.2.0',
    until: new Date(Date.now() + 120_000).toISOString(),
  })
  const station = await started(t, env)
  t.match(await reportOf(station), { trial: true, lock: { version: '0.2.0' }, status: { state: 'trial' } })
  const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
  t.teardown(() => subscriber.close())
  const first = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
  t.same(first.verdict.reasons, ['updating'])
  t.equal((await asked(station, '/readyz')).status, 200)
  await asked(station, LOCK, 'DELETE')
  t.match(await reportOf(station), { trial: false, lock: null })
  const next = inspectionMessage.parse((await command(subscriber, BASE, 'inspect', {})).result)
  t.notOk(next.verdict.reasons.includes('updating'))
  await station.stop()
})
