import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { loadConfig } from '../../gateway/config-file.ts'
import { differences, keptBy, LOCAL_KEYS, mergeUnder } from '../../gateway/config-merge.ts'

/** A device with its own file, and configurations that came as updates. */
function device(t: Test, own: string, delivered: Readonly<Record<string, string>>): string {
  const dir = t.testdir({ 'poincon.yaml': `update:\n  dir: ${t.testdirName}/update\n${own}` })
  for (const [name, text] of Object.entries(delivered)) {
    const place = join(dir, 'update/content/configuration', name)
    mkdirSync(join(place, '1.0.0'), { recursive: true })
    writeFileSync(join(place, '1.0.0/configuration.yaml'), text)
    writeFileSync(join(place, '1.0.0/content.json'), '{}')
    symlinkSync('1.0.0', join(place, 'current'))
  }
  return dir
}

test('what the device says itself wins; mappings are merged, lists are taken whole', (t) => {
  const fleet = { limits: { appending: 5, waiting_triggers: 9 }, charts: [1, 2], kpi: { a: 1 } }
  const own = { limits: { appending: 7 }, charts: [3], dry_run: false }
  t.same(mergeUnder(fleet, own), {
    ...{ limits: { appending: 7, waiting_triggers: 9 }, charts: [3], kpi: { a: 1 }, dry_run: false },
  })
  t.same(keptBy(own, fleet), [['limits', 'appending'], ['charts']])
  t.same(keptBy({ dry_run: true }, { dry_run: true }), [], 'who says the same keeps nothing')
  t.same(
    mergeUnder(JSON.parse('{"__proto__":{"polluted":1}}'), {}),
    JSON.parse('{"__proto__":{"polluted":1}}'),
  )
  t.notOk('polluted' in {}, 'a key is a key')
  t.end()
})

test('differences are told key by key, also where a whole block comes or goes', (t) => {
  t.same(differences({ a: 1, b: { c: 2 } }, { a: 1, b: { c: 3 }, d: { e: [4] } }), [
    { path: ['b', 'c'], before: 2, after: 3 },
    { path: ['d', 'e'], after: [4] },
  ])
  t.same(differences({ a: {} }, {}), [{ path: ['a'], before: {} }])
  t.same(differences({ a: 1 }, { a: 1 }), [])
  t.end()
})

test('a delivered configuration lies under the device’s own file', (t) => {
  const cwd = device(t, 'site: gers\nlimits:\n  appending: 100\n', {
    fleet: 'limits:\n  appending: 200\n  waiting_triggers: 20\nlog:\n  level: warn\n',
    night: 'log:\n  level: debug\n',
  })
  const { config, delivered } = loadConfig({ cwd, env: {} })
  t.match(config, { site: 'gers', limits: { appending: 100, waiting_triggers: 20 } })
  t.equal(config.log.level, 'debug', 'of two, the later in the alphabet wins')
  t.same(
    delivered.map(({ name, version }) => `${name} ${version}`),
    ['fleet 1.0.0', 'night 1.0.0'],
  )
  const byHand = loadConfig({ cwd, env: { POINCON_LOG_LEVEL: 'error' } }).config
  t.equal(byHand.log.level, 'error', 'the environment wins over both')
  t.end()
})

test('what is wrong is said with the file that says it', (t) => {
  const wrong = (own: string, fleet: string): string => {
    try {
      loadConfig({ cwd: device(t, own, { fleet }), env: {} })
      return ''
    } catch (error) {
      return String(error)
    }
  }
  t.match(
    wrong('', 'limits:\n  appending: many\n'),
    /fleet\/1\.0\.0\/configuration\.yaml: limits\.appending: "many"/,
  )
  t.match(
    wrong('limits:\n  appending: few\n', 'dry_run: true\n'),
    /poincon\.yaml:4: limits\.appending: "few"/,
  )
  t.match(wrong('', '- a\n'), /expected a mapping of keys/)
  t.match(wrong('', 'a: [\n'), /configuration\.yaml: not YAML/)
  for (const key of LOCAL_KEYS)
    t.match(wrong('', `${key}: x\n`), new RegExp(`${key}: only the device itself says that`), key)
  t.end()
})

test('which secret is shown to whom only the device itself says', (t) => {
  const token = '/etc/poincon/secrets/hawkbit-token'
  const influx = (file: string) => `influx: { url: "https://x.example", database: a, token_file: ${file} }\n`
  const read = (own: string, fleet: string): unknown =>
    loadConfig({ cwd: device(t, own, { fleet }), env: {} }).config.influx?.token_file
  for (const file of [token, '/etc/poincon/../poincon/secrets/hawkbit-token', '/run/credentials/x/secrets_a'])
    t.throws(
      () => read('', influx(file)),
      /influx\.token_file: .*: expected the device's own file to name this/,
      file,
    )
  t.throws(
    () => read(`update: { hawkbit: { token_file: ${token} } }\n`.replace('update', 'log'), influx(token)),
    /influx\.token_file/,
    'named for another purpose is not named',
  )
  t.equal(read(`influx: { token_file: ${token} }\n`, influx(token)), token)
  t.equal(read('', influx('/etc/poincon/influx')), '/etc/poincon/influx')
  t.end()
})

test('the device’s own file can be read alone', (t) => {
  const cwd = device(t, 'site: gers\n', { fleet: 'of_tomorrow: 1\n' })
  t.throws(() => loadConfig({ cwd, env: {} }), /fleet.*of_tomorrow/)
  t.match(loadConfig({ cwd, env: {}, ownOnly: true }), { config: { site: 'gers' }, delivered: [] })
  t.end()
})

test('half a version, or a link that leads elsewhere, is none', (t) => {
  const cwd = device(t, '', {})
  const place = join(cwd, 'update/content/configuration/fleet')
  mkdirSync(join(place, '1.0.0'), { recursive: true })
  symlinkSync('1.0.0', join(place, 'current'))
  t.same(loadConfig({ cwd, env: {} }).delivered, [], 'without content.json it is not whole')
  const other = device(t, '', {})
  mkdirSync(join(other, 'update/content/configuration/fleet'), { recursive: true })
  symlinkSync('../../../../elsewhere', join(other, 'update/content/configuration/fleet/current'))
  t.same(loadConfig({ cwd: other, env: {} }).delivered, [])
  t.end()
})
