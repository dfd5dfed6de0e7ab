import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ConfigError, parseConfig } from '../../gateway/config.ts'
import { loadConfig, withoutSecrets } from '../../gateway/config-file.ts'

type Test = { readonly testdir: (tree: Record<string, string>) => string }

function load(t: Test, yaml: string, env: Record<string, string> = {}) {
  const dir = t.testdir({ 'poincon.yaml': yaml })
  return loadConfig({ file: join(dir, 'poincon.yaml'), env, cwd: dir })
}

test('without a file there are defaults, and they run a whole simulated station', (t) => {
  const { config, file } = loadConfig({ env: {}, cwd: t.testdir({}) })
  t.equal(file, 'built-in defaults')
  t.match(config, {
    data_dir: './data',
    http: { host: '127.0.0.1', port: 8080 },
    mqtt: { host: '127.0.0.1', port: 1883 },
    flows: { enabled: true, port: 1880 },
    heads: { tof: { kind: 'vl53l8ch', address: 0x29 }, spectral: { kind: 'as7341', address: 0x39 } },
  })
  t.ok(Object.isFrozen(config.http))
  t.end()
})

test('a file overrides defaults, a variable overrides the file', (t) => {
  const yaml = 'station: press-4\nhttp:\n  port: 9000\n'
  t.match(load(t, yaml).config, { station: 'press-4', http: { port: 9000, host: '127.0.0.1' } })
  const env = { POINCON_HTTP_PORT: '9100', POINCON_DRY_RUN: 'true', POINCON_SHARED: '/elsewhere' }
  t.match(load(t, yaml, env).config, { http: { port: 9100 }, dry_run: true })
  t.end()
})

test('systemd’s state directory is the data directory, unless something says otherwise', (t) => {
  const env = { STATE_DIRECTORY: '/var/lib/poincon' }
  t.equal(load(t, '', env).config.data_dir, '/var/lib/poincon')
  t.equal(load(t, 'data_dir: /srv/p\n', env).config.data_dir, '/srv/p')
  t.equal(load(t, '', { ...env, POINCON_DATA_DIR: '/x' }).config.data_dir, '/x')
  t.end()
})

const wrong: readonly (readonly [name: string, yaml: string, message: RegExp])[] = [
  [
    'unknown key',
    'site: lyon\nhttp:\n  prot: 80\n',
    /poincon\.yaml:3: http\.prot: 80: no such key \(did you mean port\?\)/,
  ],
  [
    'out of range',
    'http:\n  host: 127.0.0.1\n  port: 99999\n',
    /poincon\.yaml:3: http\.port: 99999: .*<=65535/,
  ],
  ['wrong type', 'dry_run: maybe\n', /poincon\.yaml:1: dry_run: "maybe": expected boolean/],
  [
    'not a name',
    'station: Press 4\n',
    /poincon\.yaml:1: station: "Press 4": expected 1 to 64 of a-z, 0-9 and -/,
  ],
  [
    'bus that is not there',
    'heads:\n  tof:\n    kind: vl53l8ch\n    bus: main\n',
    /poincon\.yaml:4: heads\.tof\.bus: "main": expected one of buses: tof, spectral/,
  ],
  [
    'gain the chip has not',
    'heads:\n  s:\n    kind: as7341\n    bus: tof\n    gain: 3\n',
    /poincon\.yaml:5: heads\.s\.gain: 3: /,
  ],
  [
    'rate beyond the chip',
    'heads:\n  tof:\n    kind: vl53l8ch\n    bus: tof\n    rate_hz: 20\n',
    /poincon\.yaml:5: heads\.tof\.rate_hz: 20: .*15/,
  ],
  [
    'rate beyond the wires, with the one that they carry',
    'buses: { slow: { kind: simulated, hz: 100000 } }\nheads:\n  tof:\n    kind: vl53l8ch\n    bus: slow\n',
    /poincon\.yaml:4: heads\.tof\.rate_hz|poincon\.yaml:3: heads\.tof\.rate_hz: 15: .*at most 7\.\d Hz are achievable/,
  ],
  [
    'histograms that the chip has no memory for',
    'heads:\n  tof:\n    kind: vl53l8ch\n    bus: tof\n    histograms: { bins: 128, grid: { columns: 8, rows: 8 } }\n',
    /poincon\.yaml:5: heads\.tof\.histograms: .*bytes/,
  ],
  [
    'two heads that ask one bus for too much',
    'buses: { b: { kind: simulated } }\nheads:\n  one: { kind: vl53l8ch, bus: b, targets_per_zone: 2 }\n  two: { kind: vl53l8ch, bus: b, address: 48, lpn: { line: 4 } }\n',
    /buses\.b: "simulated": one, two keep it busy for 1\d\d\d ms of every second at 400 kHz, 900 can be used; at most one \d+\.\d Hz, two \d+\.\d Hz/,
  ],
  [
    'two chips at one address',
    'buses: { b: { kind: simulated } }\nheads:\n  one: { kind: as7341, bus: b }\n  two:\n    kind: as7341\n    bus: b\n',
    /heads\.two\.address: 57: head one stands there already on b/,
  ],
  [
    'an address that nobody gives the chip',
    'heads:\n  tof: { kind: vl53l8ch, bus: tof, address: 48 }\n',
    /heads\.tof\.address: 48: expected 41: a chip comes up there, and only `lpn`/,
  ],
  [
    'one bus under two names',
    'buses:\n  a: { kind: linux, path: /dev/i2c-1 }\n  b: { kind: linux, path: /dev/i2c-1 }\nheads: {}\n',
    /poincon\.yaml:3: buses\.b\.path: "\/dev\/i2c-1": expected another bus than that of a/,
  ],
  [
    'a multiplexer behind a multiplexer',
    'buses:\n  a: { kind: simulated }\n  b: { kind: multiplexed, bus: a, channel: 0 }\n  c: { kind: multiplexed, bus: b, channel: 0 }\nheads: {}\n',
    /poincon\.yaml:4: buses\.c\.bus: "b": expected a linux or simulated bus/,
  ],
  [
    'a climate on a bus that is not there',
    'environment: { kind: sht31, bus: nowhere }\n',
    /environment\.bus: "nowhere": expected one of buses: tof, spectral/,
  ],
  [
    'a light barrier without a line',
    'trigger: { kind: light-barrier }\n',
    /trigger\.line: "?.*expected the line of the light barrier/,
  ],
  ['not YAML', 'http: [1\n', /poincon\.yaml:\d: not YAML/],
  ['not a mapping', '- a\n', /poincon\.yaml: : \["a"\]: expected object/],
]

for (const [name, yaml, message] of wrong) {
  test(`a wrong file says where and what: ${name}`, (t) => {
    t.throws(() => load(t, yaml), { name: 'ConfigError', message })
    t.end()
  })
}

test('every problem is named, not only the first', (t) => {
  try {
    load(t, 'http:\n  port: -1\nlines: 3\n')
    t.fail('must throw')
  } catch (error) {
    t.ok(error instanceof ConfigError)
    t.equal(String(error instanceof Error ? error.message : '').split('\n').length, 2)
  }
  t.end()
})

test('a wrong variable is named by its own name', (t) => {
  t.throws(() => load(t, '', { POINCON_HTTP_PORT: 'eighty' }), {
    message: /^POINCON_HTTP_PORT: http\.port: "eighty"/,
  })
  t.throws(() => load(t, '', { POINCON_HTP_PORT: '80' }), {
    message: /^POINCON_HTP_PORT: "80": no such setting \(did you mean POINCON_HTTP_PORT\?\)/,
  })
  t.end()
})

test('text is taken as it stands, whatever YAML would make of it', (t) => {
  const env = {
    POINCON_STATION: '4',
    POINCON_MQTT_UPSTREAM_URL: 'mqtt://plant',
    POINCON_MQTT_UPSTREAM_PASSWORD: '!abc #def',
  }
  t.match(load(t, '', env).config, { station: '4', mqtt: { upstream: { password: '!abc #def' } } })
  t.end()
})

test('a configuration is shown without its secrets, also where one is wrong', (t) => {
  const env = { POINCON_MQTT_UPSTREAM_URL: 'mqtt://plant', POINCON_MQTT_UPSTREAM_PASSWORD: 'canary' }
  const { config } = load(t, '', env)
  t.match(withoutSecrets(config), { mqtt: { upstream: { url: 'mqtt://plant', password: '(secret)' } } })
  t.notMatch(JSON.stringify(withoutSecrets(config)), /canary/)
  try {
    load(t, 'mqtt:\n  upstream:\n    url: mqtt://plant\n    password: [canary]\n')
    t.fail('must throw')
  } catch (error) {
    t.match(String(error), /mqtt\.upstream\.password: \(secret\): expected string/)
    t.notMatch(String(error), /canary/)
  }
  t.end()
})

test('secrets of a camera, of webhooks by name and in mistyped keys are not shown either', (t) => {
  const { config } = load(t, 'camera: { kind: rtsp, url: rtsp://cam/x, username: u, password: canary }')
  t.match(withoutSecrets(config), { camera: { url: 'rtsp://cam/x', username: 'u', password: '(secret)' } })
  const wrong = [
    'mqtt: { upstream: { url: mqtt://plant, pasword: canary } }',
    'mqtt: { upstream: { url: mqtt://user:canary@plant } }',
    'camera: { kind: rtsp, url: rtsp://user:canary@cam/x }',
    'camera: { kind: rtsp, url: rtsp://cam/x, password: canary, password_file: /etc/x }',
    'camera: { kind: rtsp, uri: rtsp://cam/x, password: canary }',
    'influx: { url: http://db, tokn: canary }',
    'mqtt: { upstream: { url: mqtt://plant, password: canary: x } }',
    'mqtt: { upstream: { url: "mqtt://user:p@canary@plant" } }',
    'webhooks: { erp: { url: "https://me:canary@erp/x" } }',
  ]
  for (const text of wrong) t.throws(() => load(t, text), { message: /^(?!.*canary)/s }, text)
  t.throws(() => load(t, '', { POINCON_MQTT_UPSTREM_PASSWORD: 'canary' }), { message: /^(?!.*canary)/s })
  t.end()
})

test('a file that is named must be there', (t) => {
  const cwd = t.testdir({})
  t.throws(() => loadConfig({ file: 'other.yaml', env: {}, cwd }), { message: /other\.yaml: no such file/ })
  mkdirSync(join(cwd, 'folder.yaml'))
  t.throws(() => loadConfig({ file: 'folder.yaml', env: {}, cwd }), { message: /cannot be read/ })
  writeFileSync(join(cwd, 'poincon.yaml'), 'site: found\n')
  t.equal(loadConfig({ env: {}, cwd }).config.site, 'found', 'poincon.yaml beside the process is found')
  t.end()
})

test('parseConfig takes what any source gave it', (t) => {
  t.match(parseConfig(undefined), { config: { site: 'site' } })
  t.match(parseConfig(null), { config: { site: 'site' } })
  t.match(parseConfig(3), { problems: [{ path: [], value: 3 }] })
  t.end()
})

test('the simulated station has a thermometer; whoever names buses names what hangs on them', (t) => {
  t.match(parseConfig({}), { config: { environment: { kind: 'bme280', bus: 'spectral' } } })
  const own = parseConfig({ buses: { b: { kind: 'simulated' } }, heads: {} })
  t.equal('config' in own && own.config.environment, undefined)
  t.end()
})
