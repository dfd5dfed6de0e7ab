import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { entries, entry } from '../../fakes/inspections.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'
import { Host } from './host.ts'
import { edgeNode, TOPIC } from './node.ts'
import { writeCommand } from './wire.ts'

const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, place) => place + 1)
}

/** 0 to 255 and again, as many as there are. */
function seqs(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place % 256)
}

test('an edge node on a real mosquitto', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())

  await t.test('says of itself and its device what a host must know', async (t) => {
    const host = await Host.open(broker.url)
    const began = Date.now()
    const { outbox, sink, start, drained } = edgeNode(t, broker.url)
    await start()
    await host.next('DBIRTH')
    outbox.append(entry(1, { mass_g: { estimate: 212.5, std: 1.5 } }), entry(2))
    await drained()
    const [first, second] = [await host.next('DDATA'), await host.next('DDATA', 2)]
    const [node, device] = [await host.next('NBIRTH', 2), await host.next('DBIRTH', 2)]

    await t.test('births of node and device, then data, in one count', (t) => {
      // A record of the first part brought names that no schema knows: the births come again before its data.
      t.strictSame(host.types, ['NBIRTH', 'DBIRTH', 'NBIRTH', 'DBIRTH', 'DDATA', 'DDATA'])
      t.strictSame(
        host.heard.map(({ seq }) => seq),
        [0, 1, 0, 1, 2, 3],
      )
      t.strictSame(
        [node, device, first].map(({ topic }) => topic),
        [TOPIC('NBIRTH'), TOPIC('DBIRTH', 'inspection'), TOPIC('DDATA', 'inspection')],
      )
      t.ok(host.heard.every(({ qos, retain }) => qos === 0 && !retain))
      const times = host.heard.map(({ timestamp }) => timestamp ?? 0)
      t.ok(times.every((time, i) => time >= (times[i - 1] ?? began) && time <= Date.now()))
      const facts = { alive: true, sessions: 1, births: 2, historical: 0 }
      t.match(sink.status(), { state: 'ok', facts })
      t.end()
    })

    await t.test('births name every metric, with type, time and value', (t) => {
      const ofNode = {
        bdSeq: 0,
        'Node Control/Rebirth': false,
        'Properties/device_id': 'gw-1',
        'Properties/software': '0.1.0',
        'Station/recipe/id': 'standard',
        'Station/recipe/revision': 7,
        'Station/lot_id': null,
      }
      t.strictSame(host.values(node), ofNode)
      t.match(host.metrics(node).bdSeq, { datatype: 4, value: ['long_value', 0] })
      t.equal(host.metrics(node)['Node Control/Rebirth']?.datatype, 11)
      const births = [...node.metrics, ...device.metrics]
      t.ok(births.every(({ name, datatype, timestamp }) => name && datatype && timestamp))
      t.ok(births.every((metric) => (metric.null === true) === (metric.value === undefined)))
      const nameless = births.filter(({ alias }) => alias === undefined)
      t.strictSame(
        nameless.map(({ name }) => name),
        ['Node Control/Rebirth'],
      )
      const lower = births.map(({ name }) => name?.toLowerCase())
      t.equal(new Set(lower).size, lower.length, 'no name comes twice, nor in another case')
      const stamps = device.metrics.map(({ timestamp }) => timestamp ?? 0)
      t.strictSame(
        stamps,
        stamps.toSorted((a, b) => a - b),
        'oldest first',
      )
      t.end()
    })

    await t.test('data are one inspection each, by alias', (t) => {
      t.match(host.values(first), {
        sequence: 1,
        timestamp: Date.UTC(2026, 4, 1, 8, 0, 0, 1),
        'verdict/grade': 'A',
        'verdict/score': 0.88,
        'mass_g/estimate': 212.5,
        'vl53l8ch/volume_mm3': 210_345.5,
        'as7341/channels/Clear': 9000,
      })
      t.equal(host.values(second)['mass_g/estimate'], null, 'not the mass of the part before')
      const data = [...first.metrics, ...second.metrics]
      t.ok(data.every(({ name, alias, datatype }) => name === undefined && datatype === undefined && alias))
      t.ok(first.metrics.every(({ timestamp }) => timestamp === Date.UTC(2026, 4, 1, 8, 0, 0, 1)))
      t.ok(data.every(({ historical }) => historical === undefined))
      t.end()
    })
    await host.close()
  })

  await t.test('counts all it says from 0 to 255 and on', async (t) => {
    const host = await Host.open(broker.url)
    const { outbox, start, drained } = edgeNode(t, broker.url)
    await start()
    await host.next('DBIRTH')
    outbox.append(...entries(1, 300))
    await drained()
    await host.next('DDATA', 300)
    t.strictSame(host.sequences, upTo(300))
    const afterRebirth = host.heard.slice(2)
    t.strictSame(
      afterRebirth.map(({ seq }) => seq),
      seqs(302),
    )
    await host.close()
  })

  await t.test('is born again when a host asks', async (t) => {
    const host = await Host.open(broker.url)
    const { outbox, sink, start, drained } = edgeNode(t, broker.url)
    await start()
    await host.next('DBIRTH')
    outbox.append(entry(1))
    await drained()
    await host.next('DDATA')
    const births = host.of('NBIRTH').length
    await host.command(TOPIC('NCMD'), writeCommand({ name: 'Node Control/Rebirth', value: true }))
    const node = await host.next('NBIRTH', births + 1)
    const device = await host.next('DBIRTH', births + 1)
    t.strictSame([node.seq, device.seq], [0, 1])
    t.equal(host.values(node).bdSeq, 0, 'the session is the same')
    t.match(host.values(device), { sequence: 1, 'verdict/grade': 'A', 'Device Control/Rebirth': false })

    const alias = host.metrics(device)['Device Control/Rebirth']?.alias ?? 0
    await host.command(TOPIC('DCMD', 'inspection'), writeCommand({ alias, value: true }))
    await host.next('DBIRTH', births + 2)
    t.equal(host.of('NBIRTH').length, births + 2)
    await host.command(
      TOPIC('DCMD', 'inspection'),
      writeCommand({ name: 'Device Control/Rebirth', value: true }),
    )
    await host.next('DBIRTH', births + 3)

    const refused: readonly (readonly [topic: string, payload: Buffer])[] = [
      [TOPIC('NCMD'), writeCommand({ name: 'Node Control/Reboot', value: true })],
      [TOPIC('NCMD'), Buffer.from('rebirth, please')],
      [TOPIC('DCMD', 'inspection'), writeCommand({ name: 'recipe/select', value: true })],
      [TOPIC('DCMD', 'inspection'), writeCommand({ alias: 4711, value: true })],
    ]
    for (const [topic, payload] of refused) await host.command(topic, payload)
    await host.command(TOPIC('NCMD'), writeCommand({ name: 'Node Control/Rebirth', value: false }))
    outbox.append(entry(2))
    await drained()
    await host.next('DDATA', 2)
    t.equal(host.of('NBIRTH').length, births + 3, 'none of these asks for a birth')
    t.equal(sink.status().facts?.refused_commands, refused.length)
    await host.close()
  })

  await t.test('obeys no retained command', async (t) => {
    const host = await Host.open(broker.url)
    const rebirth = writeCommand({ name: 'Node Control/Rebirth', value: true })
    await host.command(TOPIC('NCMD'), rebirth, true)
    const { sink, start } = edgeNode(t, broker.url)
    await start()
    while (sink.status().facts?.refused_commands !== 1) await systemClock.sleep(5)
    await host.next('DBIRTH')
    t.equal(host.of('NBIRTH').length, 1)
    await host.command(TOPIC('NCMD'), Buffer.alloc(0), true)
    await host.close()
  })

  await t.test('is born again before the first data of a metric that no birth told', async (t) => {
    const host = await Host.open(broker.url)
    const { outbox, start, drained } = edgeNode(t, broker.url)
    await start()
    outbox.append(entry(1), entry(2))
    await drained()
    await host.next('DDATA', 2)
    const births = host.of('DBIRTH').length
    const heads = { tof2: { kind: 'vl53l8ch' as const, volume_mm3: 5 } }
    outbox.append(entry(3), entry(4, { heads }))
    await drained()
    const data = await host.next('DDATA', 4)
    t.match(host.values(data), { sequence: 4, 'heads/tof2/kind': 'vl53l8ch', 'heads/tof2/volume_mm3': 5 })
    t.equal(host.of('DBIRTH').length, births + 1, 'once')
    await host.close()
  })

  await t.test(
    'tells another recipe or lot as data of the node, and nothing that is as before',
    async (t) => {
      const host = await Host.open(broker.url)
      let lot: string | undefined
      const facts = () => ({ device_id: 'gw-1', software: '0.1.0', lot_id: lot })
      const { sink, start } = edgeNode(t, broker.url, { facts })
      sink.announce()
      await start()
      await host.next('DBIRTH')
      sink.announce()
      lot = 'L42'
      sink.announce()
      const data = await host.next('NDATA')
      t.equal(data.topic, TOPIC('NDATA'))
      t.strictSame([data.seq, data.qos, data.retain], [2, 0, false])
      t.strictSame(host.values(data), { 'Station/lot_id': 'L42' })
      t.equal(data.metrics[0]?.name, undefined)
      t.strictSame(host.types, ['NBIRTH', 'DBIRTH', 'NDATA'])
      await host.close()
    },
  )

  await t.test('has the newest stored inspection for present, whatever history it tells', async (t) => {
    const host = await Host.open(broker.url)
    let newest = 3
    const { outbox, start, drained } = edgeNode(t, broker.url, {
      newest: () => Promise.resolve(entry(newest).payload),
    })
    outbox.append(...entries(1, 3))
    const present = async (births: number) => host.values(await host.next('DBIRTH', births)).sequence
    const rebirth = writeCommand({ name: 'Node Control/Rebirth', value: true })
    await start()
    t.match(host.values(await host.next('DBIRTH')), { sequence: 3, 'as7341/channels/Clear': 9000 })
    await host.next('DDATA', 3)
    await host.command(TOPIC('NCMD'), rebirth)
    t.equal(await present(2), 3)
    newest = 4
    outbox.append(entry(4))
    await drained()
    await host.next('DDATA', 4)
    await host.command(TOPIC('NCMD'), rebirth)
    t.equal(await present(3), 4)
    t.strictSame(host.sequences, [-1, -2, -3, 4])
    t.equal(host.of('NBIRTH').length, 3, 'all names were told at once')
    await host.close()
  })

  await t.test('starts all the same when the newest cannot be read', async (t) => {
    const host = await Host.open(broker.url)
    const newest = () => Promise.reject(new Error('disk gone'))
    const { start } = edgeNode(t, broker.url, { newest })
    await start()
    const birth = await host.next('DBIRTH')
    t.equal(host.values(birth).sequence, null)
    await host.close()
  })

  await t.test('refuses what cannot be told, and says which inspection', async (t) => {
    const host = await Host.open(broker.url)
    const { outbox, pump, start } = edgeNode(t, broker.url)
    await start()
    const broken = { ...entry(2), payload: '{"timestamp":"2026-05-01T08:00:00.000Z","sequence":1.5}' }
    outbox.append(entry(1), broken)
    while (pump.status().state === 'ok') await systemClock.sleep(5)
    t.match(
      pump.status().detail,
      /inspection 2 is refused: it cannot be encoded: sequence is 1.5, expected Int64/,
    )
    t.equal(outbox.cursor('sparkplug'), 1)
    await host.next('DDATA')
    t.strictSame(host.sequences.map(Math.abs), [1])
    await host.close()
  })
})

test('a broker that takes small packets only', { skip }, async (t) => {
  const broker = await Mosquitto.start(() => ['max_packet_size 9000'])
  t.teardown(() => broker.close())
  const host = await Host.open(broker.url)
  const endpoint = { url: broker.url, protocolVersion: '5', clientId: 'gw-1' } as const
  const { outbox, pump, start } = edgeNode(t, broker.url, { endpoint })
  await start()
  outbox.append(entry(1), entry(2, { sample_id: 'x'.repeat(9000) }))
  while (pump.status().state === 'ok') await systemClock.sleep(5)
  t.match(pump.status().detail, /inspection 2 is refused: the broker takes at most 9000 bytes a packet/)
  await host.next('DDATA')
  t.strictSame(host.sequences.map(Math.abs), [1])
  await host.close()
})
