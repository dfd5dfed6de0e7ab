import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { x as extract, list } from 'tar'
import { stringify } from 'yaml'
import { poincon, StationProcess } from '../../fakes/station-process.ts'

/** In everything that a station is given to keep to itself. */
const CANARY = 'Kanari3nvogel'

/** A station with a secret wherever one can be: in its configuration, in files that it names, in its own folder. */
async function secretive(dir: string): Promise<string> {
  const secret = async (name: string, text: string): Promise<string> => {
    const path = join(dir, name)
    await writeFile(path, `${text}\n`, { mode: 0o600 })
    return path
  }
  const away = 'http://127.0.0.1:9'
  const key = `whsec_${Buffer.from(`${CANARY}-webhook-0123456789abcdef`).toString('base64')}`
  const config = {
    ...{ data_dir: join(dir, 'data'), log: { level: 'trace' }, trigger: { kind: 'interval' } },
    http: { port: 0 },
    flows: { enabled: false },
    camera: { kind: 'rtsp', url: 'rtsp://127.0.0.1:9/x', username: 'eye', password: `${CANARY}-camera` },
    mqtt: {
      port: 0,
      users_file: join(dir, 'users.yaml'),
      upstream: { url: 'mqtt://127.0.0.1:9', username: 'press', password: `${CANARY}-upstream` },
    },
    influx: {
      url: away,
      token_file: await secret('influx.token', `${CANARY}-influx`),
      org: 'o',
      bucket: 'b',
    },
    update: {
      dir: join(dir, 'update'),
      hawkbit: { url: away, token_file: await secret('hawkbit.token', `${CANARY}-hawkbit`) },
    },
    webhooks: {
      erp: {
        url: `${away}/hook`,
        secret_file: await secret('webhook.key', key),
        header_files: { authorization: await secret('erp.header', `Bearer ${CANARY}-header`) },
      },
    },
  }
  const file = join(dir, 'poincon.yaml')
  await writeFile(file, stringify(config))
  return file
}

/** Every file below a folder that holds the canary, plain or as base64 would write it. */
async function holders(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      if (!(await stat(path)).isFile()) return []
      const bytes = await readFile(path)
      return bytes.includes(CANARY) || bytes.includes(Buffer.from(CANARY).toString('base64').slice(0, -2))
        ? [name]
        : []
    }),
  )
  return found.flat()
}

test('a secret stands in no log, no dump of the configuration, no backup and no support bundle', async (t) => {
  const dir = t.testdir()
  const config = await secretive(dir)
  const added = await poincon(['user', 'add', 'desk', '--config', config], { stdin: `${CANARY}-desk\n` })
  t.equal(added.code, 0, added.stderr)
  const station = await StationProcess.start(['--config', config], { env: { POINCON_MQTT_PORT: '0' } })
  t.teardown(() => station.kill())
  await station.said('sink away')

  const env = { POINCON_HTTP_PORT: new URL(station.url).port }
  const out = join(dir, 'support.tar.gz')
  const support = await poincon(['support', '--out', out, '--json', '--config', config], { env })
  t.equal(support.code, 0, support.stderr)
  const check = await poincon(['check', '--config', config])
  const doctor = await poincon(['doctor', '--json', '--brief', '--config', config])
  const backup = await poincon(['backup', '--out', join(dir, 'backup', 'log.db'), '--config', config])
  t.equal(check.code, 0, check.stderr)
  t.equal(backup.code, 0, backup.stderr)
  t.equal(await station.stop(), 0)

  const said = { station: station.output, check, doctor, backup, support, added }
  for (const [who, text] of Object.entries(said)) t.notMatch(JSON.stringify(text), CANARY, who)
  const unpacked = join(dir, 'unpacked')
  await mkdir(unpacked)
  await extract({ file: out, cwd: unpacked })
  t.same(await holders(unpacked), [], 'support bundle')
  t.same(await holders(join(dir, 'backup')), [], 'backup')
  t.same(await holders(join(dir, 'data')), [], 'data directory')
  const keys = await readFile(join(dir, 'data', 'device-key.pem'), 'utf8')
  const [, secretLine = ''] = keys.split('\n')
  for (const name of await readdir(unpacked)) {
    t.notMatch(await readFile(join(unpacked, name), 'utf8'), secretLine, `${name}: the device's key`)
  }
})

/** What a bundle of a station that does not start holds. */
async function packed(dir: string, config: string, name: string) {
  const out = join(dir, `${name}.tar.gz`)
  const support = await poincon(['support', '--out', out, '--config', config])
  const unpacked = join(dir, name)
  await mkdir(unpacked)
  await extract({ file: out, cwd: unpacked })
  const manifest = JSON.parse(await readFile(join(unpacked, 'manifest.json'), 'utf8'))
  const told = await readFile(join(unpacked, 'configuration.yaml'), 'utf8')
  return { support, unpacked, manifest, told }
}

test('a configuration that is wrong is packed as far as it may be told, and no secret of it', async (t) => {
  const dir = t.testdir({ update: {} })
  const config = await secretive(dir)
  const text = await readFile(config, 'utf8')
  // Whatever a station was told before stands in what it left.
  await writeFile(
    join(dir, 'update', 'updates.ndjson'),
    `${CANARY}-mistyped ${CANARY}-upstream ${CANARY}-influx\n`,
  )

  await t.test('one with a misspelt key and a port that is none', async (t) => {
    const wrong = `${text.replace('port: 0', 'port: many')}mqqt:\n  pasword: ${CANARY}-mistyped\n`
    await writeFile(config, wrong)
    const { support, unpacked, manifest, told } = await packed(dir, config, 'misspelt')
    t.equal(support.code, 0, support.stderr)
    t.match(support.stderr, /the configuration is wrong, only what may be told of it is packed: .*http\.port/)
    t.match(manifest, { configuration: config, configuration_error: /http\.port: "many"/ })
    t.match(JSON.parse(told), {
      http: { port: 'many' },
      camera: { kind: 'rtsp', password: '(hidden)' },
      mqtt: { upstream: { url: 'mqtt://127.0.0.1:9', username: 'press', password: '(hidden)' } },
      mqqt: { pasword: '(hidden)' },
    })
    t.same(await holders(unpacked), [])
    t.ok((await readdir(unpacked)).includes('updates.ndjson'), 'found where the wrong configuration says')
    t.notMatch(JSON.stringify(support), CANARY)
  })

  await t.test('one that is no YAML: words of the schema, and nothing else', async (t) => {
    await writeFile(config, `${text}  broken: [*${CANARY}-alias\n${CANARY}-alone\n- "${CANARY}-quoted\n`)
    const { support, unpacked, manifest, told } = await packed(dir, config, 'broken')
    t.equal(support.code, 0, support.stderr)
    t.match(manifest, { configuration_error: /not YAML/ })
    t.match(told, /^ {2}upstream:$\n^ {4}url: \(hidden\)$/m)
    t.same(await holders(unpacked), [])
    t.notMatch(JSON.stringify(support), CANARY)
  })
})

test('a secret that nobody could read is named: the bundle was not searched for it', async (t) => {
  const dir = t.testdir({ 'folder.token': {} })
  const config = join(dir, 'poincon.yaml')
  const gone = join(dir, 'gone.token')
  const influx = (token_file: string) =>
    writeFile(
      config,
      stringify({
        data_dir: join(dir, 'data'),
        influx: { url: 'http://127.0.0.1:9', org: 'o', bucket: 'b', token_file },
      }),
    )
  await influx(gone)
  const missing = await packed(dir, config, 'missing')
  t.match(missing.manifest.secrets_not_searched_for, [`${gone}: ENOENT`])
  t.match(missing.support.stderr, `nobody could read it: ${gone}: ENOENT`)
  await influx(join(dir, 'folder.token'))
  const folder = await packed(dir, config, 'folder')
  t.match(folder.manifest.secrets_not_searched_for, [`${join(dir, 'folder.token')}: EISDIR`])
})

test('a bundle holds what is needed, says what is missing, and is for its owner alone', async (t) => {
  const dir = t.testdir()
  const out = join(dir, 'support.tar.gz')
  const env = { POINCON_DATA_DIR: join(dir, 'data') }
  const station = await StationProcess.start([], { env })
  t.teardown(() => station.kill())
  const asked = { env: { ...env, POINCON_HTTP_PORT: new URL(station.url).port } }
  t.equal((await poincon(['support', '--out', out], asked)).code, 0)
  t.equal((await stat(out)).mode & 0o777, 0o600)
  const names: string[] = []
  await list({ file: out, onReadEntry: ({ path }) => names.push(path) })
  const needed = [
    'manifest.json',
    'configuration.yaml',
    'doctor.json',
    'healthz.json',
    'station.json',
    'metrics.txt',
  ]
  t.match(new Set(names), new Set([...needed, 'inspections.json', 'storage.json', 'machine.json']))
  await extract({ file: out, cwd: dir })
  const manifest: unknown = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'))
  t.match(manifest, { schema: 'poincon.support/1', sections: [{ file: 'configuration.yaml' }] })
  t.match(JSON.parse(await readFile(join(dir, 'healthz.json'), 'utf8')), { status: String })

  const again = await poincon(['support', '--out', out], asked)
  t.equal(again.code, 1, 'what is there is not replaced')
  t.match(again.stderr, /EEXIST/)
  await station.stop()
  const alone = join(dir, 'alone.tar.gz')
  const dead = await poincon(['support', '--out', alone, '--json'], asked)
  t.equal(dead.code, 0, 'a station that does not run is the one that needs help')
  t.match(dead.stdout, /"file":"healthz.json","about":"[^"]*","bytes":0,"missing":"fetch failed/)
})

test('--list packs nothing; nonsense is refused with what was expected', async (t) => {
  const list = await poincon(['support', '--list'])
  t.match(list.stdout, /^configuration\.yaml +as the gateway reads it$/m)
  const wrong = await poincon(['support', '--days', 'all'])
  t.match(wrong, { code: 2, stderr: 'poincon support: --days all: expected 0 to 90\n' })
})
