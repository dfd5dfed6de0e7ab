import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import { silentLog } from '../../gateway/log.ts'
import { MqttSink } from '../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../gateway/mqtt/topics.ts'
import { Pump } from '../../gateway/pump.ts'
import { toPem } from '../../provisioning/certificate.ts'
import { enrol } from '../../provisioning/enrol.ts'
import { renew } from '../../provisioning/enrol-renew.ts'
import { entry } from '../fakes/inspections.ts'
import { MemoryOutbox } from '../fakes/memory-outbox.ts'
import { Mosquitto } from '../fakes/mosquitto.ts'
import { Relay } from '../fakes/relay.ts'
import { freePort, installed as isInstalled } from '../fakes/server-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'
import { device, folder, installed, sharedStand } from './devices.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const signal = new AbortController().signal
const skip = isInstalled('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

test('a broker that lets in who has a certificate, and not who lost it', { skip }, async (t) => {
  const est = await sharedStand(t)
  const dir = await folder(t)
  await enrol(device(dir, est))
  const port = await freePort()
  const broker = await Mosquitto.start(
    (own) => [
      `listener ${port} 127.0.0.1`,
      `cafile ${join(own, 'ca.crt')}`,
      `certfile ${join(own, 'server.crt')}`,
      `keyfile ${join(own, 'server.key')}`,
      `crlfile ${join(own, 'crl.pem')}`,
      'require_certificate true',
      'use_identity_as_username true',
    ],
    undefined,
    async (own) => {
      const { cert, key } = await est.authority.serverIdentity(['localhost'], Date.now())
      await writeFile(join(own, 'ca.crt'), toPem(est.authority.certificates))
      await writeFile(join(own, 'server.crt'), cert)
      await writeFile(join(own, 'server.key'), key)
      await writeFile(join(own, 'crl.pem'), (await est.authority.list([], 1, Date.now())).pem)
    },
  )
  t.teardown(() => broker.close())
  const relay = await Relay.open(port)
  t.teardown(() => relay.close())
  const outbox = new MemoryOutbox()
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: {
      url: `mqtts://localhost:${relay.port}`,
      protocolVersion: '5',
      clientId: 'poincon-cell-1',
      caFile: join(dir, 'ca.crt'),
      certFile: join(dir, 'device.crt'),
      keyFile: join(dir, 'device.key'),
    },
    ...{ topics, clock: systemClock, log: silentLog },
    facts: () => ({ device_id: 'cell-1', ...STATION, software: '0.1.0', lot_id: 'L42' }),
    backoff: { firstMs: 10, longestMs: 100 },
  })
  const pump = new Pump({
    ...{ outbox, sink, clock: systemClock, log: silentLog, backlog: () => outbox.backlog('upstream') },
    backoff: { firstMs: 10, longestMs: 200 },
  })
  const subscribe = () => Subscriber.open(broker.url, `${topics.base}/#`)
  let subscriber = await subscribe()
  const seen = new Set<number>()
  let sequence = 0
  const flow = setInterval(() => {
    for (let more = 0; more < 5; more += 1) {
      sequence += 1
      outbox.append(entry(sequence))
    }
  }, 10)
  t.teardown(() => clearInterval(flow))
  const flowing = (count: number): Promise<void> =>
    subscriber.until(() => subscriber.sequences.length >= count)
  const asked = promisify(execFile)
  const shown = (): Promise<string> =>
    asked('openssl', ['x509', '-in', join(dir, 'device.crt'), '-noout', '-serial']).then(
      ({ stdout }) => stdout,
    )

  await t.test(
    'has every inspection, through a renewal, a restart of the broker, and both at once',
    async (t) => {
      await sink.start(signal)
      await pump.start()
      await flowing(200)
      const before = await shown()
      t.match(await renew({ dir, clock: systemClock, signal, userAgent: 'poincon/0.1.0', force: true }), {
        state: 'valid',
      })
      t.not(await shown(), before)
      await flowing(300)
      for (const _round of [1, 2]) {
        // What the broker took, the subscriber has: from here on a loss would be ours.
        relay.closed = true
        relay.cut()
        await subscriber.until(() => subscriber.sequences.includes(outbox.cursor('upstream')))
        for (const one of subscriber.sequences) seen.add(one)
        await subscriber.close()
        await broker.kill()
        const renewed = renew({ dir, clock: systemClock, signal, userAgent: 'poincon/0.1.0', force: true })
        await broker.restart()
        subscriber = await subscribe()
        relay.closed = false
        await flowing(100)
        t.match(await renewed, { state: 'valid' })
      }
      clearInterval(flow)
      await pump.stop()
      await subscriber.until(() => subscriber.sequences.includes(sequence))
      for (const one of subscriber.sequences) seen.add(one)
      await subscriber.close()
      await sink.stop()
      const lost = Array.from({ length: sequence }, (_, place) => place + 1).filter((one) => !seen.has(one))
      t.strictSame(lost, [], `all of ${sequence} inspections came`)
      t.equal((await installed(dir)).match, true)
    },
  )

  await t.test('and refuses a certificate that its list names', async (t) => {
    const { own, ca } = await installed(dir)
    const identity = {
      ca,
      cert: await readFile(join(dir, 'device.crt')),
      key: await readFile(join(dir, 'device.key')),
    }
    const come = async () => {
      const client = await mqtt.connectAsync(
        `mqtts://localhost:${port}`,
        { ...identity, reconnectPeriod: 0 },
        false,
      )
      await client.endAsync(true)
    }
    await come()
    const revoked = [{ serial: own.serialNumber.toLowerCase(), revoked_ms: Date.now(), reason: 1 }]
    await writeFile(join(broker.folder, 'crl.pem'), (await est.authority.list(revoked, 2, Date.now())).pem)
    await broker.kill()
    await broker.restart()
    await t.rejects(come())
  })
})
