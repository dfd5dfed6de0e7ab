import { LONG_AGO, testKey } from './hostile-repository.ts'
import { type Attack, away, body, endless, refused, silent } from './hostile-repository-attack.ts'

const root: readonly Attack[] = [
  {
    clause: '5.3.3',
    name: 'root metadata without end',
    act: (repository) => endless(repository, 'metadata/2.root.json'),
    answer: refused('endless'),
  },
  {
    clause: '5.3.4',
    name: 'new root signed by its own new keys only',
    act: (repository) => {
      repository.top.root.keys = [testKey(), testKey()]
      repository.publishRoot()
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.3.4',
    name: 'new root signed by the old keys only',
    act: (repository) => {
      const old = repository.top.root.keys
      repository.top.root.keys = [testKey(), testKey()]
      repository.publishRoot(old)
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.3.4',
    name: 'new root signed by one of two keys (threshold 2)',
    act: (repository) => repository.publishRoot(repository.top.root.keys.slice(0, 1)),
    answer: refused('signatures'),
  },
  {
    clause: '5.3.4',
    name: 'new root that lowers its threshold to what it has signatures for',
    act: (repository) => {
      repository.top.root.threshold = 1
      repository.publishRoot(repository.top.root.keys.slice(0, 1))
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.3.4',
    name: 'one signature twice, for a threshold of 2',
    act: (repository) => {
      repository.publishRoot(repository.top.root.keys.slice(0, 1))
      repository.alter('metadata/2.root.json', (text) => {
        const { signed, signatures } = JSON.parse(text)
        return JSON.stringify({ signed, signatures: [...signatures, ...signatures] })
      })
    },
    answer: refused('malformed'),
  },
  {
    clause: '5.3.4',
    name: 'one key under two names, for a threshold of 2',
    act: (repository) => {
      const key = testKey()
      repository.top.snapshot.threshold = 2
      repository.top.snapshot.keys = [key, { ...key, id: 'the-same-again' }]
      repository.publishRoot()
      repository.publish()
    },
    answer: refused('signatures'),
    heals: false,
  },
  {
    clause: '5.3.4',
    name: 'root changed after it was signed',
    act: (repository) => {
      repository.publishRoot()
      repository.alter('metadata/2.root.json', (text) => text.replace('"threshold":2', '"threshold":1'))
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.3.5',
    name: 'root jumps over a version',
    act: (repository) => {
      repository.top.root.version = 2
      repository.publishRoot()
      repository.files.set('metadata/2.root.json', Buffer.from(repository.text('metadata/3.root.json')))
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.3.5',
    name: 'root that is the old one again',
    act: (repository) => {
      repository.files.set('metadata/2.root.json', Buffer.from(repository.text('metadata/1.root.json')))
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.3.10',
    name: 'freeze: the newest root has expired',
    act: (repository) => {
      repository.top.root.expires = LONG_AGO
      repository.publishRoot()
    },
    answer: refused('expired'),
    heals: false,
  },
  {
    clause: '5.3.10',
    name: 'no attack: a root in between has expired, the newest has not',
    act: (repository) => {
      const { expires } = repository.top.root
      repository.top.root.expires = LONG_AGO
      repository.publishRoot()
      repository.top.root.expires = expires
      repository.publishRoot()
    },
    answer: 'offers nothing',
  },
  {
    clause: '5.3.11',
    name: 'no attack: recovery from fast-forwarded versions by new online keys',
    act: (repository) => {
      repository.top.timestamp.keys = [testKey()]
      repository.top.snapshot.keys = [testKey()]
      repository.publishRoot()
      repository.top.timestamp.version = 0
      repository.top.snapshot.version = 0
      repository.release('1.1.0', body('recovered'))
      repository.publish()
    },
    answer: 'takes 1.1.0',
    heals: false,
  },
  {
    clause: '4.3',
    name: 'root of another major version of the specification',
    act: (repository) => {
      repository.publishRoot()
      repository.alter('metadata/2.root.json', (text) =>
        text.replace('"spec_version":"1.0.31"', '"spec_version":"2.0.0"'),
      )
    },
    answer: refused('malformed'),
  },
]

const timestamp: readonly Attack[] = [
  {
    clause: '5.4.1',
    name: 'timestamp without end',
    act: (repository) => endless(repository, 'metadata/timestamp.json'),
    answer: refused('endless'),
  },
  {
    clause: '5.4.1',
    name: 'slow retrieval: a timestamp that never comes to its end',
    act: (repository) => repository.handlers.set('metadata/timestamp.json', silent),
    answer: away('slow'),
    slow: true,
  },
  {
    clause: '5.4.1',
    name: "another server's page in place of the timestamp",
    act: (repository) =>
      repository.files.set('metadata/timestamp.json', Buffer.from('<html>Sign in to Wi-Fi</html>')),
    answer: refused('malformed'),
  },
  {
    clause: '5.4.2',
    name: 'timestamp signed by a stranger',
    act: (repository) => repository.publishTimestamp(undefined, [testKey()]),
    answer: refused('signatures'),
  },
  {
    clause: '5.4.2',
    name: "timestamp signed by the snapshot's key",
    act: (repository) => repository.publishTimestamp(undefined, repository.top.snapshot.keys),
    answer: refused('signatures'),
  },
  {
    clause: '5.4.2',
    name: 'a timestamp role that asks for no signature (threshold 0)',
    act: (repository) => {
      repository.top.timestamp.threshold = 0
      repository.publishRoot()
      repository.publishTimestamp(undefined, [])
    },
    answer: refused('malformed'),
  },
  {
    clause: '5.4.3.1',
    name: 'rollback: an older timestamp',
    act: (repository) => repository.replay('metadata/timestamp.json'),
    answer: refused('rollback'),
  },
  {
    clause: '5.4.3.1',
    name: 'another timestamp under the same version',
    act: (repository) => {
      repository.release('1.1.0', body('not announced'))
      repository.publish()
      repository.top.timestamp.version -= 2
      repository.publishTimestamp()
    },
    answer: 'offers nothing',
  },
  {
    clause: '5.4.3.2',
    name: 'rollback: a newer timestamp that names an older snapshot',
    act: (repository) => repository.publishTimestamp(1),
    answer: refused('rollback'),
  },
  {
    clause: '5.4.4',
    name: 'freeze: an expired timestamp',
    act: (repository) => {
      repository.top.timestamp.expires = LONG_AGO
      repository.publishTimestamp()
    },
    answer: refused('expired'),
  },
  {
    clause: '5.4.4',
    name: 'freeze: a device that asks for the first time is shown an expired repository',
    act: (repository) => {
      repository.release('1.1.0', body('of last year'))
      repository.top.timestamp.expires = LONG_AGO
      repository.publish()
    },
    answer: refused('expired'),
    firstSeen: true,
  },
]

const snapshot: readonly Attack[] = [
  {
    clause: '5.5.1',
    name: 'snapshot without end',
    act: (repository) => {
      repository.publish()
      endless(repository, 'metadata/3.snapshot.json')
    },
    answer: refused('endless'),
  },
  {
    clause: '5.5.2',
    name: 'mix and match: a snapshot that is not the one the timestamp signs for',
    act: (repository) => {
      repository.publish()
      repository.alter('metadata/3.snapshot.json', (text) => text.replace('2026-07-01', '2026-07-02'))
    },
    answer: refused('mismatch'),
  },
  {
    clause: '5.5.3',
    name: 'snapshot signed by a stranger',
    act: (repository) => {
      repository.publishSnapshot({}, [testKey()])
      repository.publishTimestamp()
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.5.4',
    name: 'mix and match: the older snapshot under the newer name',
    act: (repository) => {
      repository.hashes = false
      repository.publish()
      repository.files.set(
        'metadata/3.snapshot.json',
        Buffer.from(repository.text('metadata/2.snapshot.json')),
      )
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.5.5',
    name: 'rollback: a newer snapshot that names older targets',
    act: (repository) => {
      repository.publishSnapshot({ targets: 1 })
      repository.publishTimestamp()
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.5.5',
    name: 'rollback: a newer snapshot that names an older channel',
    act: (repository) => {
      repository.publishSnapshot({ stable: 1 })
      repository.publishTimestamp()
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.5.5',
    name: 'a newer snapshot that leaves out a role',
    act: (repository) => {
      repository.publishSnapshot({ beta: null })
      repository.publishTimestamp()
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.5.6',
    name: 'freeze: an expired snapshot',
    act: (repository) => {
      repository.top.snapshot.expires = LONG_AGO
      repository.publish()
    },
    answer: refused('expired'),
  },
]

const targets: readonly Attack[] = [
  {
    clause: '5.6.1',
    name: 'targets metadata without end',
    act: (repository) => {
      repository.publish()
      endless(repository, 'metadata/3.targets.json')
    },
    answer: refused('endless'),
  },
  {
    clause: '5.6.2',
    name: 'mix and match: targets that are not those the snapshot signs for',
    act: (repository) => {
      repository.publish()
      repository.files.set('metadata/3.targets.json', Buffer.from(repository.text('metadata/2.targets.json')))
    },
    answer: refused('mismatch'),
  },
  {
    clause: '5.6.3',
    name: 'targets signed by one of two keys (threshold 2)',
    act: (repository) => {
      repository.publishTargets('targets', repository.top.targets.keys.slice(0, 1))
      repository.publishSnapshot()
      repository.publishTimestamp()
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.6.4',
    name: 'mix and match: older targets under the newer name, where the snapshot signs for no hashes',
    act: (repository) => {
      repository.hashes = false
      repository.publish()
      repository.files.set('metadata/3.targets.json', Buffer.from(repository.text('metadata/2.targets.json')))
    },
    answer: refused('rollback'),
  },
  {
    clause: '5.6.5',
    name: 'freeze: expired targets',
    act: (repository) => {
      repository.top.targets.expires = LONG_AGO
      repository.publish()
    },
    answer: refused('expired'),
  },
]

/** On the four top-level roles, in the order of the client workflow. */
export const ROLE_ATTACKS: readonly Attack[] = [...root, ...timestamp, ...snapshot, ...targets]
