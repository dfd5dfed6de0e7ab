import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'

import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { pino } from 'pino'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Broker, type BrokerOptions } from '../../../gateway/mqtt/broker.ts'
import { CommandServer } from '../../../gateway/mqtt/commands.ts'
import { hashPassword } from '../../../gateway/mqtt/passwords.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { DEFAULT_USER, type User, writeUsers } from '../../../gateway/mqtt/users.ts'
import { entry } from '../../fakes/inspections.ts'
import { installed } from '../../fakes/server-process.ts'
import { Authority } from './certificates.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const PASSWORD = 'correct horse'
/** Of a hash that takes a millisecond. */
const QUICK = { log2n: 10, r: 8, p: 1 }
const skip = installed('openssl') ? false : 'SKIPPED: openssl is not installed'

/** A log whose lines are kept: what was audited. */
function keptLog() {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const said = (msg: string) => lines.filter((line) => line.msg === msg)
  return { log, said }
}

async function folderOf(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-broker-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

async function brokerOf(t: Test, options: Partial<BrokerOptions>): Promise<Broker> {
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog, topics, ...options })
  await broker.start()
  t.teardown(() => broker.stop())
  return broker
}

/** @returns the client, or the return code of the refusal */
async function enter(
  port: number,
  options: IClientOptions & { tls?: boolean } = {},
): Promise<MqttClient | number> {
  const { tls = false, ...more } = options
  const client = mqtt.connect(`${tls ? 'mqtts' : 'mqtt'}://localhost:${port}`, {
    reconnectPeriod: 0,
    connectTimeout: 5000,
    ...more,
  })
  return await new Promise((resolve) => {
    client.once('connect', () => resolve(client))
    client.once('error', (error) => {
      client.end(true)
      resolve('code' in error && typeof error.code === 'number' ? error.code : -1)
    })
    client.once('close', () => resolve(-2))
  })
}

async function inside(port: number, options: IClientOptions & { tls?: boolean }): Promise<MqttClient> {
  const client = await enter(port, options)
  if (typeof client === 'number') throw new Error(`not let in: ${client}`)
  client.on('error', () => {})
  return client
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()))
}

function next(client: MqttClient, topic: string): Promise<unknown> {
  return new Promise((resolve) => {
    client.on('message', (heard, payload) => {
      if (heard === topic) resolve(JSON.parse(payload.toString()))
    })
  })
}

test('users with passwords', async (t) => {
  const dir = await folderOf(t)
  const usersFile = join(dir, 'users.json')
  const password = await hashPassword(PASSWORD, QUICK)
  const desk: User = { ...DEFAULT_USER, password }
  const mes: User = { subscribe: ['plant/%u/#'], publish: ['plant/%u/#'], commands: ['lot/start'], password }
  await writeUsers(
    usersFile,
    new Map([
      ['desk', desk],
      ['mes', mes],
    ]),
  )
  const { log, said } = keptLog()
  const localFile = join(dir, 'local.json')
  // Failed logins are forgotten from one subtest to the next.
  let laterMs = 0
  const clock = { ...systemClock, now: () => systemClock.now() + laterMs }
  t.beforeEach(() => {
    laterMs += 3_600_000
  })
  const broker = await brokerOf(t, { usersFile, localFile, log, clock, watchMs: 20 })
  const ran: string[] = []
  const handlers = {
    'lot/start': () => Promise.resolve(ran.push('lot/start')),
    inspect: () => Promise.resolve(ran.push('inspect')),
  }
  const commands = new CommandServer({ topics, channel: broker, handlers, clock: systemClock, log })
  await commands.start()

  await t.test('who says nothing, or something wrong, stays outside', async (t) => {
    t.equal(await enter(broker.port), 4, 'bad user name or password')
    t.equal(await enter(broker.port, { username: 'desk', password: 'wrong horse' }), 4)
    t.equal(await enter(broker.port, { username: 'nobody', password: PASSWORD }), 4)
    t.equal(await enter(broker.port, { username: '$station', password: 'guess' }), 4)
    t.match(said('login refused'), [
      {},
      { user: 'desk', address: /127/, reason: 'wrong user name or password' },
      {},
      {},
    ])
    t.equal(broker.status().facts?.refused_logins, 4)
  })

  await t.test('the station’s own clients come in by the door inside, whoever the users are', async (t) => {
    t.not(new URL(broker.url).port, String(broker.port))
    t.equal((await stat(localFile)).mode & 0o777, 0o600)
    const endpoint = {
      url: broker.url,
      protocolVersion: '3.1.1',
      clientId: 'poincon-gw-1',
      ...broker.credentials,
    } as const
    const sink = new MqttSink({
      ...{ name: 'broker', endpoint, topics, clock: systemClock, log: silentLog },
      facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0' }),
    })
    const ended = new AbortController()
    await sink.start(ended.signal)
    t.teardown(() => sink.stop())
    const reader = await inside(broker.port, { username: 'desk', password: PASSWORD })
    t.teardown(() => reader.endAsync(true))
    await reader.subscribeAsync('poincon/#', { qos: 1 })
    const arrived = next(reader, topics.inspection)
    t.equal(await sink.send([entry(1)], ended.signal), 1)
    t.match(await arrived, { sequence: 1 })
    const stranger = new URL(broker.url).port
    t.equal(
      await enter(Number(stranger), { username: 'desk', password: PASSWORD }),
      4,
      'nobody else has that key',
    )
    t.equal(
      await enter(broker.port, { clientId: 'poincon-gw-1', username: 'desk', password: PASSWORD }),
      2,
      'nor takes the station’s client id',
    )
  })

  await t.test('who may only read cannot command, and learns why; it is written down', async (t) => {
    const reader = await inside(broker.port, { clientId: 'tablet', username: 'desk', password: PASSWORD })
    const reply = `${topics.base}/cmd/inspect/reply/tablet`
    await reader.subscribeAsync(reply, { qos: 1 })
    const answer = next(reader, reply)
    await reader.publishAsync(`${topics.base}/cmd/inspect`, '{}', { qos: 1 })
    t.match(await answer, {
      ok: false,
      error: { type: 'urn:poincon:problem:forbidden', detail: 'user desk may not call inspect' },
    })
    t.strictSame(ran, [])
    t.match(said('command failed'), [{ command: 'inspect', client: 'tablet', user: 'desk', address: /127/ }])
    const gone = closed(reader)
    reader.publish(topics.inspection, '{"sequence":7}', { qos: 1 })
    await gone
    t.match(said('publish refused'), [{ user: 'desk', client: 'tablet', topic: topics.inspection }])
  })

  await t.test('an ACL with %u: one’s own topics, one’s own commands', async (t) => {
    const client = await inside(broker.port, { clientId: 'mes-1', username: 'mes', password: PASSWORD })
    t.match(await client.subscribeAsync('plant/mes/#', { qos: 1 }), [{ qos: 1 }])
    for (const filter of ['plant/desk/#', 'poincon/#']) {
      const refused = await client.subscribeAsync(filter, { qos: 1 }).catch((error: unknown) => error)
      t.match(refused, { packet: { granted: [128] } }, filter)
    }
    t.match(said('subscription refused'), [{ filter: 'plant/desk/#' }, { filter: 'poincon/#' }])
    const echo = next(client, 'plant/mes/a')
    await client.publishAsync('plant/mes/a', '1', { qos: 1 })
    t.equal(await echo, 1)
    const reply = `${topics.base}/cmd/lot/start/reply/mes-1`
    await client.subscribeAsync(reply, { qos: 1 })
    const answer = next(client, reply)
    await client.publishAsync(`${topics.base}/cmd/lot/start`, '{}', { qos: 1 })
    t.match(await answer, { ok: true })
    t.strictSame(ran, ['lot/start'])
    t.match(said('command done'), [{ command: 'lot/start', user: 'mes', client: 'mes-1' }])
    await client.endAsync()
  })

  await t.test(
    'a changed file is taken up: who is not in it any more is sent away, the others stay',
    async (t) => {
      const stays = await inside(broker.port, { username: 'mes', password: PASSWORD })
      const leaves = await inside(broker.port, { username: 'desk', password: PASSWORD })
      const gone = closed(leaves)
      await writeUsers(usersFile, new Map([['mes', mes]]))
      await gone
      t.equal(stays.connected, true)
      t.equal(await enter(broker.port, { username: 'desk', password: PASSWORD }), 4)
      await copyFile(new URL(import.meta.url).pathname, usersFile)
      while (broker.status().state === 'ok') await systemClock.sleep(5)
      t.match(broker.status(), { state: 'degraded', detail: /former users.*not JSON/ })
      const still = await inside(broker.port, { username: 'mes', password: PASSWORD })
      await Promise.all([stays.endAsync(), still.endAsync()])
    },
  )
})

test('who guesses waits: after five failures an address is not even tried', async (t) => {
  const dir = await folderOf(t)
  const usersFile = join(dir, 'users.json')
  await writeUsers(
    usersFile,
    new Map([['desk', { ...DEFAULT_USER, password: await hashPassword(PASSWORD, QUICK) }]]),
  )
  let nowMs = 0
  const clock = { ...systemClock, now: () => nowMs }
  const broker = await brokerOf(t, { usersFile, clock })
  for (let i = 0; i < 5; i++)
    t.equal(await enter(broker.port, { username: 'desk', password: `guess ${i}` }), 4)
  t.equal(await enter(broker.port, { username: 'desk', password: PASSWORD }), 3, 'not now')
  nowMs += 1001
  const client = await inside(broker.port, { username: 'desk', password: PASSWORD })
  await client.endAsync()
})

test('TLS and client certificates', { skip }, async (t) => {
  const authority = await Authority.open(await folderOf(t))
  await authority.issue('server', 'localhost')
  await authority.issue('desk', 'desk')
  await authority.issue('old', 'desk', -1)
  await authority.issue('unlisted', 'unlisted')
  const foreign = await Authority.open(await folderOf(t), 'foreign')
  await foreign.issue('desk', 'desk')
  const file = (name: string): string => authority.file(name)
  const read = (name: string): Buffer => readFileSync(file(name))
  const tls = {
    cert_file: file('server.crt'),
    key_file: file('server.key'),
    client_ca_file: file('ca.crt'),
    min_version: '1.3',
  } as const
  const usersFile = file('users.json')
  await writeUsers(usersFile, new Map([['desk', DEFAULT_USER]]))
  const { log, said } = keptLog()
  const broker = await brokerOf(t, { usersFile, tls, log, watchMs: 20 })
  const by = (name: string, from = authority) => ({
    ...{ tls: true, ca: read('ca.crt') },
    ...{ cert: readFileSync(from.file(`${name}.crt`)), key: readFileSync(from.file(`${name}.key`)) },
  })

  await t.test('the common name is the user', async (t) => {
    const client = await inside(broker.port, { ...by('desk'), clientId: 'tablet' })
    t.match(said('user came in'), [{ user: 'desk', client: 'tablet' }])
    await client.endAsync()
  })

  await t.test(
    'not: an expired one, one of another authority, one that is not listed, another’s name',
    async (t) => {
      t.equal(await enter(broker.port, by('old')), 5)
      t.equal(await enter(broker.port, by('desk', foreign)), 5)
      t.equal(await enter(broker.port, by('unlisted')), 5)
      t.equal(await enter(broker.port, { ...by('desk'), username: 'mes', password: 'x' }), 5)
      t.equal(await enter(broker.port, { tls: true, ca: read('ca.crt') }), 4, 'nothing to show')
      t.match(said('login refused'), [
        { reason: /certificate of desk: CERT_HAS_EXPIRED/ },
        { reason: /certificate of desk: .*(SIGNATURE|ISSUER|LEAF)/ },
        { reason: /certificate of unlisted: there is no such user/ },
        { reason: /user name "mes" with the certificate of desk/ },
        { reason: /no user name and password/ },
      ])
    },
  )

  await t.test('TLS 1.3, unless 1.2 is allowed', async (t) => {
    const shake = (port: number): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ port, host: 'localhost', ca: read('ca.crt'), maxVersion: 'TLSv1.2' })
        socket.once('secureConnect', () => {
          resolve(socket.getProtocol() ?? 'none')
          socket.destroy()
        })
        socket.once('error', ({ message }) => resolve(message))
      })
    t.match(await shake(broker.port), /protocol version/)
    const lax = await brokerOf(t, { tls: { ...tls, min_version: '1.2' } })
    t.equal(await shake(lax.port), 'TLSv1.2')
  })

  await t.test('a renewed certificate is taken up, and no session ends', async (t) => {
    const before = await inside(broker.port, by('desk'))
    const serial = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ port: broker.port, host: 'localhost', ca: read('ca.crt') }, () => {
          resolve(socket.getPeerX509Certificate()?.serialNumber)
          socket.destroy()
        })
        socket.once('error', reject)
      })
    const first = await serial()
    await authority.issue('server', 'localhost', 30)
    await broker.reload()
    t.not(await serial(), first)
    t.equal(before.connected, true)
    t.equal(broker.status().state, 'ok')
    await copyFile(file('ca.key'), file('server.key'))
    await broker.reload()
    t.match(broker.status(), { state: 'degraded', detail: /former users.*server\.key/ })
    t.not(await serial(), first, 'the renewed one still serves')
    await before.endAsync()
  })

  await t.test('a certificate that ends soon calls for somebody', async (t) => {
    await authority.issue('short', 'localhost', 2)
    const short = await brokerOf(t, {
      tls: { ...tls, cert_file: file('short.crt'), key_file: file('short.key') },
    })
    t.match(short.status(), { state: 'degraded', detail: /short\.crt: the certificate ends 20/ })
    const client = await inside(short.port, by('unlisted'))
    t.equal((await client.subscribeAsync('poincon/#'))[0]?.qos, 0, 'without a list, a certificate may read')
    const gone = closed(client)
    client.publish('plant/x', '1', { qos: 1 })
    await gone
  })
})
