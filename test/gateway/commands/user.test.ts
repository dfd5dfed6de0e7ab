import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import mqtt from 'mqtt'
import { type Test, test } from 'tap'
import { userCommand } from '../../../gateway/commands/user.ts'
import { verifyPassword } from '../../../gateway/mqtt/passwords.ts'
import { readUsers } from '../../../gateway/mqtt/users.ts'
import { freePort } from '../../fakes/server-process.ts'
import { poincon, StationProcess } from '../../fakes/station-process.ts'

/** Runs `poincon user …` and types something, without a terminal. */
async function user(args: readonly string[], typed = '') {
  const text = { stdout: '', stderr: '' }
  const writer = (where: 'stdout' | 'stderr') => ({
    write: (piece: string | Uint8Array) => {
      text[where] += String(piece)
      return true
    },
  })
  const input = Readable.from([Buffer.from(typed)])
  const code = await userCommand(args, { input, output: writer('stdout'), errors: writer('stderr') })
  return { code, ...text }
}

async function folder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-user-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

test('users are added, listed, given another password, removed', async (t) => {
  const file = join(await folder(t), 'users.json')
  const here = ['--file', file]
  t.match(await user(['list', ...here]), { code: 0, stdout: 'no users yet\n' })
  t.match(await user(['add', 'desk', ...here], 'correct horse\n'), {
    code: 0,
    stdout: /users\.json: 1 user\n/,
  })
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.notMatch(await readFile(file, 'utf8'), /correct horse/)
  const mes = ['--subscribe', 'plant/%u/#', '--command', 'lot/start', '--no-password']
  t.match(await user(['add', 'mes', ...mes, ...here]), { code: 0, stdout: /2 users/ })
  const list = await user(['list', ...here])
  t.match(list.stdout, /^desk +password +reads poincon\/# .*\nmes +certificate .*calls lot\/start\n$/)
  t.match(
    (await user(['list', '--json', ...here])).stdout,
    /"name":"mes","by":"certificate","subscribe":\["plant/,
  )
  t.match(await user(['passwd', 'desk', ...here], 'battery staple\n'), { code: 0 })
  t.equal(await verifyPassword('battery staple', (await readUsers(file)).get('desk')?.password), true)
  for (const [args, typed, message] of [
    [['add', 'desk'], 'correct horse\n', /user desk exists/],
    [['add', 'a/b'], 'correct horse\n', /user "a\/b": expected 1 to 64/],
    [['add', 'x'], 'short\n', /5 characters: expected 8 to 128/],
    [['add', 'x'], '', /0 characters/],
    [['add', 'x', '--publish', 'a/#/b'], 'correct horse\n', /--publish "a\/#\/b": expected a topic filter/],
    [['add', 'x', '--command', 'a b'], 'correct horse\n', /--command "a b": expected the name of a command/],
    [['passwd', 'x'], 'correct horse\n', /user x: there is none in .*users\.json/],
    [['remove', 'x'], '', /user x: there is none/],
  ] as const) {
    await t.rejects(user([...args, ...here], typed), { message }, args.join(' '))
  }
  for (const args of [[], ['add'], ['grow', 'x'], ['list', 'x'], ['add', 'x', 'y']]) {
    t.match(await user([...args, ...here]), { code: 2, stderr: /poincon user add NAME/ })
  }
  t.match(await user(['remove', 'desk', ...here]), { code: 0, stdout: /1 user\n/ })
})

test('a station beyond loopback, with users', async (t) => {
  const dir = await folder(t)
  const file = join(dir, 'users.json')
  const port = await freePort()
  const nobody = {
    POINCON_DATA_DIR: join(dir, 'data'),
    POINCON_MQTT_HOST: '0.0.0.0',
    POINCON_MQTT_PORT: String(port),
  }
  const env = { ...nobody, POINCON_MQTT_USERS_FILE: file }
  const refused = /POINCON_MQTT_HOST: mqtt\.host: "0\.0\.0\.0": expected a loopback.*mqtt\.users_file/
  t.match(await poincon(['run'], { env: nobody }), { code: 78, stderr: refused })
  t.match(await poincon(['run'], { env }), {
    code: 78,
    stderr: /mqtt\.users_file: .*users\.json: cannot be read/,
  })
  await user(['add', 'desk', '--file', file], 'battery staple\n')

  const station = await StationProcess.start([], { env })
  t.teardown(() => station.kill())
  const enter = (password: string): Promise<string> =>
    mqtt
      .connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'desk', password, reconnectPeriod: 0 }, false)
      .then(async (client) => {
        await client.endAsync(true)
        return 'in'
      })
      .catch((error: Error) => error.message)
  t.equal(await enter('battery staple'), 'in')
  t.match(await enter('correct horse'), /Bad username or password/)
  // The station's own clients need no user: its command line comes by the door inside.
  t.match(await poincon(['lot', 'start', 'L1', '--by', 'Anne'], { env }), {
    code: 0,
    stdout: /"lot_id":"L1"/,
  })
  const health = JSON.parse((await station.get('/healthz')).text)
  const unit = (name: string) => health.units.find((one: { name: string }) => one.name === name)
  t.match(unit('embedded-broker'), { state: 'ok', facts: { users: 1 } })
  t.match(unit('broker'), { state: 'ok', facts: { connected: true } })
  await user(['remove', 'desk', '--file', file])
  station.signal('SIGHUP')
  await station.said('users and certificates read again')
  t.match(await enter('battery staple'), /Bad username or password/)
  t.equal(await station.stop(), 0)
  await t.rejects(stat(join(dir, 'data', 'mqtt-local.json')), { code: 'ENOENT' })
})
