import { test } from 'tap'
import { BdSeq } from '../../../gateway/sparkplug/bd-seq.ts'
import { sparkplugOptions } from '../../../gateway/sparkplug/options.ts'
import { edgeNodeTopics, hostStateTopic } from '../../../gateway/sparkplug/topics.ts'
import { BdSeqNotes } from './node.ts'

const url = 'mqtt://broker.plant:1883'

test('the least configuration, and the whole', (t) => {
  t.strictSame(sparkplugOptions.parse({ url }), { url, protocol_version: '3.1.1', device_id: 'inspection' })
  const whole = {
    url: 'mqtts://broker.plant',
    protocol_version: '5',
    client_id: 'gw-1',
    username: 'gw',
    password_file: '/etc/poincon/password',
    ca_file: 'ca.pem',
    cert_file: 'gw.pem',
    key_file: 'gw.key',
    group_id: 'Périgord 1',
    edge_node_id: 'l1-s1',
    device_id: 'inspection',
    primary_host: 'scada',
  }
  t.strictSame(sparkplugOptions.parse(whole), whole)
  t.end()
})

test('what cannot work is refused by name', (t) => {
  const wrong: readonly (readonly [path: string, options: object])[] = [
    ['url', {}],
    ['url', { url: 'http://broker' }],
    ['url', { url: 'mqtt://gw:secret@broker' }],
    ['group_id', { url, group_id: 'a/b' }],
    ['group_id', { url, group_id: 'STATE' }],
    ['edge_node_id', { url, edge_node_id: 'a+b' }],
    ['device_id', { url, device_id: '#' }],
    ['device_id', { url, device_id: '' }],
    ['primary_host', { url, primary_host: 'a\u0000' }],
    ['password_file', { url, password: 'x', password_file: 'y' }],
    ['key_file', { url, cert_file: 'x' }],
    ['', { url, host: 'x' }],
  ]
  for (const [path, options] of wrong) {
    const { error } = sparkplugOptions.safeParse(options)
    t.equal(error?.issues[0]?.path.join('.'), path, JSON.stringify(options))
  }
  t.end()
})

test('topics are of the form that the specification has', (t) => {
  t.strictSame(edgeNodeTopics({ group: 'lyon', edgeNode: 'l1-s1', device: 'inspection' }), {
    nodeBirth: 'spBv1.0/lyon/NBIRTH/l1-s1',
    nodeData: 'spBv1.0/lyon/NDATA/l1-s1',
    nodeDeath: 'spBv1.0/lyon/NDEATH/l1-s1',
    nodeCommand: 'spBv1.0/lyon/NCMD/l1-s1',
    deviceBirth: 'spBv1.0/lyon/DBIRTH/l1-s1/inspection',
    deviceData: 'spBv1.0/lyon/DDATA/l1-s1/inspection',
    deviceCommand: 'spBv1.0/lyon/DCMD/l1-s1/inspection',
  })
  t.equal(hostStateTopic('scada'), 'spBv1.0/STATE/scada')
  const ids = { group: 'g', edgeNode: 'e', device: 'd' }
  t.throws(() => edgeNodeTopics({ ...ids, edgeNode: 'a/b' }), /edgeNode is "a\/b", expected/)
  t.throws(() => edgeNodeTopics({ ...ids, group: 'STATE' }), /group is "STATE", expected another name/)
  t.throws(() => edgeNodeTopics({ ...ids, device: '\ud800' }), /device is/, 'no UTF-8 can say this')
  t.throws(() => hostStateTopic('+'), /primary host is "\+"/)
  t.end()
})

test('bdSeq starts at 0, goes on over restarts, and is spent by a CONNECT only', async (t) => {
  const notes = new BdSeqNotes()
  const first = new BdSeq(notes)
  t.equal(await first.next(), 0)
  t.equal(await first.next(), 0, 'the broker was not there')
  first.used()
  t.equal(await first.next(), 1)
  first.used()
  const second = new BdSeq(notes)
  t.equal(await second.next(), 2)
  t.strictSame(notes.written, [0, 1, 2], 'each on disk before it is used')
  t.equal(await new BdSeq(new BdSeqNotes(255)).next(), 0)
  t.equal(await new BdSeq(new BdSeqNotes(Number.NaN)).next(), 0)
  const broken = new BdSeq({ read: () => Promise.resolve(7), write: () => Promise.reject(new Error('full')) })
  await t.rejects(broken.next(), /full/)
  await t.rejects(broken.next(), /full/, 'not taken for written')
})
