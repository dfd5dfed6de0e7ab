import { test } from 'tap'
import {
  parseTargetPath,
  pathContradicts,
  type Rollout,
  rolloutKey,
  rolloutPlace,
  rolloutSchema,
  type TargetFacts,
  takesPart,
  targetPath,
  targetSchema,
  version,
} from '../../provisioning/targets.ts'
import { compareVersions } from '../../provisioning/tuf-versions.ts'

const PLACE = 71

const RELEASE: TargetFacts = {
  schema: 'poincon.target/1',
  kind: 'release',
  name: 'poincon',
  version: '1.4.0',
  platform: 'linux-arm64',
}

test('versions come in the order of Semantic Versioning 2.0.0', (t) => {
  // The example of its §11, and numbers that are no words.
  const order = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.2',
    '1.0.10',
    '1.2.0',
    '2.0.0',
    '10.0.0',
  ]
  for (const [i, a] of order.entries()) {
    for (const [k, b] of order.entries())
      t.equal(Math.sign(compareVersions(a, b)), Math.sign(i - k), `${a} ${b}`)
  }
  for (const text of ['1.0', 'v1.0.0', '1.0.0+build', '01.0.0', '1.0.0-01', '1.0.0-', '1.0.0-a..b', '']) {
    t.notOk(version.safeParse(text).success, text)
    t.throws(() => compareVersions(text, '1.0.0'), TypeError)
  }
  t.end()
})

test('a path and its facts say the same', (t) => {
  const path = 'stable/release/poincon-1.4.0-linux-arm64.tar.gz'
  t.equal(targetPath('stable', RELEASE, 'tar.gz'), path)
  t.equal(pathContradicts(path, RELEASE), undefined)
  t.same(parseTargetPath(path), {
    channel: 'stable',
    kind: 'release',
    file: 'poincon-1.4.0-linux-arm64.tar.gz',
  })
  const jetson = { ...RELEASE, variant: 'jetson' } as const
  t.equal(targetPath('beta', jetson, 'tar.gz'), 'beta/release/poincon-1.4.0-linux-arm64-jetson.tar.gz')
  t.match(pathContradicts(path, jetson), /linux-arm64-jetson/)
  for (const other of ['1.4.1', '1.4.0-rc.1'])
    t.match(pathContradicts(path, { ...RELEASE, version: other }), /1\.4/)
  t.match(
    pathContradicts('stable/recipe/poincon-1.4.0-linux-arm64.tar.gz', RELEASE),
    /stable\/release|release\/poincon/,
  )
  const strange = [
    'stable/release',
    'stable/release/a/b',
    'other/release/a.json',
    'stable/other/a.json',
    'stable/release/../a.json',
    'stable/release/.hidden',
    'stable/release/a b',
    'stable/release/',
    '/stable/release/a',
    'rollout/stable.json',
  ]
  for (const text of strange) t.equal(parseTargetPath(text), undefined, text)
  t.equal(parseTargetPath('customer-acme-2/flow/line-1.0.0.json')?.channel, 'customer-acme-2')
  t.end()
})

test('facts are as the schema says, and nothing besides', (t) => {
  t.ok(
    targetSchema.safeParse({ ...RELEASE, store_schema: 12, min_version: '1.0.0', notes: 'Lenses.' }).success,
  )
  const wrong = [
    { schema: 'poincon.target/2' },
    { name: '../x' },
    { version: 'latest' },
    { sudo: true },
    { platform: 'win' },
  ]
  for (const change of wrong)
    t.notOk(targetSchema.safeParse({ ...RELEASE, ...change }).success, JSON.stringify(change))
  t.end()
})

test('whose turn it is', (t) => {
  const key = rolloutKey(RELEASE)
  t.equal(key, 'release/poincon/1.4.0')
  // printf 'line-1release/poincon/1.4.0' | sha256sum, read as one number, modulo 100.
  t.equal(rolloutPlace('line-1', key), PLACE)
  const stage = { percent: 100, state: 'running', failure_limit: 0.1, from: '2026-01-01T00:00:00Z' } as const
  const of = (change: object): Rollout =>
    rolloutSchema.parse({ schema: 'poincon.rollout/1', releases: { [key]: { ...stage, ...change } } })
  t.ok(takesPart('line-1', key, undefined, of({})))
  t.notOk(takesPart('line-1', key, undefined, of({ percent: PLACE })))
  t.ok(takesPart('line-1', key, undefined, of({ percent: PLACE + 1 })))
  t.notOk(takesPart('line-1', key, undefined, of({ state: 'halted' })))
  t.notOk(
    takesPart('line-1', key, undefined, of({ sites: ['pau'] })),
    'no site: only where all sites are meant',
  )
  t.ok(takesPart('line-1', key, 'pau', of({ sites: ['pau'] })))
  t.notOk(takesPart('line-1', key, 'oslo', of({ sites: ['pau'] })))
  t.notOk(takesPart('line-1', 'release/poincon/1.5.0', undefined, of({})), 'what no rollout names')
  t.notOk(takesPart('line-1', 'constructor', undefined, of({})))
  t.end()
})

test('a stage reaches its share of a fleet, and more of it never leaves a device out', (t) => {
  const key = rolloutKey(RELEASE)
  const places = Array.from({ length: 5000 }, (_, place) => rolloutPlace(`line-${place}`, key))
  for (const percent of [1, 10, 50, 90]) {
    const share = places.filter((place) => place < percent).length / places.length
    // Four standard deviations of a share of 5,000.
    t.ok(
      Math.abs(share - percent / 100) < 4 * Math.sqrt(((percent / 100) * (1 - percent / 100)) / 5000),
      `${share}`,
    )
  }
  t.ok(places.every((place) => place >= 0 && place < 100))
  t.end()
})
