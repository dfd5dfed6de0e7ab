import { LONG_AGO, testKey } from './hostile-repository.ts'
import { type Attack, away, body, endless, refused, silent } from './hostile-repository-attack.ts'

const delegated: readonly Attack[] = [
  {
    clause: '5.6.3',
    name: "channel signed by another channel's key",
    act: (repository) => {
      repository.release('1.1.0', body('by the key of beta'))
      repository.publish()
      repository.publishTargets('stable', repository.delegation('beta').keys)
      repository.publishSnapshot()
      repository.publishTimestamp()
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.6.3',
    name: "release signed by the online rollout's key",
    act: (repository) => {
      repository.release('1.1.0', body('by the online key'))
      repository.publish()
      repository.publishTargets('stable', repository.delegation('rollout').keys)
      repository.publishSnapshot()
      repository.publishTimestamp()
    },
    answer: refused('signatures'),
  },
  {
    clause: '5.6.3',
    name: 'one key under two names, for a threshold of 2, in a delegation',
    act: (repository) => {
      const key = testKey()
      repository.delegation('stable').threshold = 2
      repository.delegation('stable').keys = [key, { ...key, id: 'the-same-again' }]
      repository.release('1.1.0', body('by half of them'))
      repository.publish()
    },
    answer: refused('signatures'),
    heals: false,
  },
  {
    clause: '5.6.5',
    name: 'freeze: an expired channel',
    act: (repository) => {
      repository.delegation('stable').expires = LONG_AGO
      repository.publish()
    },
    answer: refused('expired'),
  },
  {
    clause: '5.6.5',
    name: 'freeze: an expired rollout',
    act: (repository) => {
      repository.delegation('rollout').expires = LONG_AGO
      repository.publish()
    },
    answer: refused('expired'),
  },
  {
    clause: '5.6.7',
    name: 'channel without end of its metadata',
    act: (repository) => {
      repository.publish()
      endless(repository, 'metadata/3.stable.json')
    },
    answer: refused('endless'),
  },
  {
    clause: '5.6.7',
    name: 'channel beta lists a target of channel stable',
    act: (repository) => {
      const { path, entry } = repository.release('1.1.0', body('by beta'))
      repository.delegation('stable').entries.delete(path)
      repository.delegation('beta').entries.set(path, entry)
      repository.publish()
    },
    answer: 'offers nothing',
  },
  {
    clause: '5.6.7',
    name: 'channel stable lists a target outside its own paths',
    act: (repository) => {
      repository.add('stable', 'beta/release/poincon-1.1.0-linux-x64.tar.gz', body('of beta'), {
        schema: 'poincon.target/1',
        kind: 'release',
        name: 'poincon',
        version: '1.1.0',
        platform: 'linux-x64',
      })
      repository.publish()
    },
    answer: 'ignored',
  },
  {
    clause: '5.6.7',
    name: 'a role that is trusted more says otherwise of a path',
    act: (repository) => {
      const { path } = repository.release('1.1.0', body('by the channel'))
      repository.add('targets', path, body('by the targets role itself'))
      repository.publish()
    },
    answer: 'ignored',
  },
  {
    clause: '5.6.7.1',
    name: 'delegations in a circle',
    act: (repository) => {
      const twin = { paths: ['stable/*/*'], keys: repository.delegation('stable').keys }
      repository.delegate({ ...twin, name: 'round', by: 'stable' })
      repository.delegate({ ...twin, name: 'stable', by: 'round', version: 2 })
      repository.publish()
    },
    answer: 'offers nothing',
    heals: false,
  },
  {
    clause: '5.6.7.2.1',
    name: 'a terminating delegation before the channel ends the search',
    act: (repository) => {
      repository.release('1.1.0', body('behind the end'))
      const end = repository.delegate({ name: 'end', paths: ['stable/release/*'], terminating: true })
      repository.delegations.unshift(...repository.delegations.splice(repository.delegations.indexOf(end), 1))
      repository.publish()
    },
    answer: away('no-channel'),
    heals: false,
  },
  {
    clause: '4.5',
    name: 'a delegated role by the name of a top-level role',
    act: (repository) => {
      repository.publishTargets('targets')
      repository.rewrite('metadata/3.targets.json', repository.top.targets.keys, (signed) => {
        signed.delegations = JSON.parse(
          JSON.stringify(signed.delegations).replace('"name":"beta"', '"name":"snapshot"'),
        )
      })
      repository.publishSnapshot()
      repository.publishTimestamp()
    },
    answer: refused('malformed'),
  },
]

/** Serves other bytes than those that a release was signed for. */
function swapped(make: (bytes: Buffer) => Buffer): Attack['act'] {
  return (repository) => {
    const { path, entry } = repository.release('1.1.0', body('the release'))
    repository.publish()
    const served = repository.served(path, entry.hashes.sha256 ?? '')
    repository.files.set(served, make(body('the release')))
  }
}

const files: readonly Attack[] = [
  {
    clause: '5.7.3',
    name: 'target altered, of the same length',
    act: swapped((bytes) => Buffer.from(bytes.toString().replace('the', 'THE'))),
    answer: refused('mismatch'),
  },
  {
    clause: '5.7.3',
    name: 'older target replayed under the newer name',
    act: swapped(() => body('an older release')),
    answer: refused('mismatch'),
  },
  {
    clause: '5.7.3',
    name: 'target longer than signed for, and it says so',
    act: swapped((bytes) => Buffer.concat([bytes, bytes])),
    answer: refused('endless'),
  },
  {
    clause: '5.7.3',
    name: 'target without end',
    act: (repository) => {
      const { path, entry } = repository.release('1.1.0', body('the release'))
      repository.publish()
      endless(repository, repository.served(path, entry.hashes.sha256 ?? ''))
    },
    answer: refused('endless'),
  },
  {
    clause: '5.7.3',
    name: 'target shorter than signed for',
    act: swapped((bytes) => bytes.subarray(1)),
    answer: away('answer'),
  },
  {
    clause: '5.7.3',
    name: 'slow retrieval: a target that never comes to its end',
    act: (repository) => {
      const { path, entry } = repository.release('1.1.0', Buffer.alloc(4000, 'r'))
      repository.publish()
      repository.handlers.set(repository.served(path, entry.hashes.sha256 ?? ''), silent)
    },
    answer: away('slow'),
    slow: true,
  },
  {
    clause: '5.7.3',
    name: 'rollout altered',
    act: (repository) => {
      repository.publish()
      const [hash] = Object.values(
        repository.delegation('rollout').entries.get('rollout/stable.json')?.hashes ?? {},
      )
      repository.alter(repository.served('rollout/stable.json', hash ?? ''), (text) =>
        text.replace('}}', '} '),
      )
    },
    answer: refused('mismatch'),
  },
  {
    clause: '—',
    name: 'target signed for by its MD5 only',
    act: (repository) => {
      const { entry } = repository.release('1.1.0', body('the release'))
      entry.hashes = { md5: '0'.repeat(32) }
      repository.publish()
    },
    answer: 'ignored',
  },
  {
    clause: '—',
    name: 'target signed for by its length only',
    act: (repository) => {
      repository.release('1.1.0', body('the release')).entry.hashes = {}
      repository.publish()
    },
    answer: 'ignored',
  },
  {
    clause: '—',
    name: 'a release whose path and signed facts name different versions',
    act: (repository) => {
      const { entry } = repository.release('0.9.0', body('an older release'))
      entry.custom = { ...entry.custom, version: '1.1.0' }
      repository.publish()
    },
    answer: 'ignored',
  },
  {
    clause: '—',
    name: 'downgrade: the channel offers only what is older than what is installed',
    act: (repository) => {
      repository.release('0.9.0', body('an older release'))
      repository.publish()
    },
    answer: 'offers nothing',
  },
  {
    clause: '—',
    name: 'redirect to another scheme than https',
    act: (repository) =>
      repository.handlers.set('metadata/timestamp.json', (_, response) => {
        response.writeHead(302, { Location: 'file:///etc/passwd' }).end()
      }),
    answer: away('answer'),
  },
]

/** On channels, rollouts and the files themselves. */
export const TARGET_ATTACKS: readonly Attack[] = [...delegated, ...files]
