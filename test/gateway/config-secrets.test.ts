import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { loadConfig } from '../../gateway/config-file.ts'

test('the path of a secret becomes that of the copy which systemd has given this process', (t) => {
  const cwd = t.testdir({
    'poincon.yaml': `mqtt:
  upstream:
    url: mqtts://broker.example
    password_file: /etc/poincon/secrets/plant/broker
    ca_file: /etc/poincon/secrets/not-copied
`,
  })
  const copies = `${cwd}/copies`
  mkdirSync(copies)
  writeFileSync(`${copies}/secrets_plant_broker`, 'canary\n')
  const { upstream } = loadConfig({ cwd, env: { CREDENTIALS_DIRECTORY: copies } }).config.mqtt
  t.equal(upstream?.password_file, `${copies}/secrets_plant_broker`)
  t.equal(upstream?.ca_file, '/etc/poincon/secrets/not-copied', 'what was not copied stays where it is')
  t.equal(upstream?.url, 'mqtts://broker.example')
  const { config } = loadConfig({ cwd, env: {} })
  t.equal(
    config.mqtt.upstream?.password_file,
    '/etc/poincon/secrets/plant/broker',
    'and all without a manager',
  )
  t.end()
})
