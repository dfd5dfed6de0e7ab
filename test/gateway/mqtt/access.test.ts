import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { accessProblem } from '../../../gateway/mqtt/access.ts'
import { Acl, covers, type Visitor } from '../../../gateway/mqtt/acl.ts'
import { LoginGuard } from '../../../gateway/mqtt/login-guard.ts'
import { mqttOptions } from '../../../gateway/mqtt/options.ts'
import { hashPassword, parseHash, verifyPassword } from '../../../gateway/mqtt/passwords.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { DEFAULT_USER, readUsers, writeUsers } from '../../../gateway/mqtt/users.ts'

test('a password is kept as a salted scrypt hash, and its parameters stand beside it', async (t) => {
  const [hash, again] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
  t.match(hash, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(hash, again, 'salted')
  t.equal(await verifyPassword('correct horse', hash), true)
  t.equal(await verifyPassword('Correct horse', hash), false)
  t.equal(await verifyPassword('correct horse', undefined), false, 'nobody has no password')
})

test('a hash that is none, or asks for more work than we do, lets nobody in', async (t) => {
  for (const wrong of [
    'secret',
    `$scrypt$ln=25,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
    `$scrypt$ln=0,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
    '$2b$10$abcdefghijklmnopqrstuv',
  ]) {
    t.equal(parseHash(wrong), undefined, wrong)
    t.equal(await verifyPassword('secret', wrong), false)
  }
})

test('a filter is granted when a pattern covers all of it', (t) => {
  for (const [pattern, filter] of [
    ['poincon/#', 'poincon/a/b'],
    ['poincon/#', 'poincon/#'],
    ['poincon/#', 'poincon'],
    ['poincon/+/b', 'poincon/+/b'],
    ['poincon/+/b', 'poincon/a/b'],
    ['#', 'a/+/c'],
    ['a/+', 'a/'],
  ] as const) {
    t.ok(covers(pattern, filter), `${pattern} covers ${filter}`)
  }
  for (const [pattern, filter] of [
    ['poincon/a', 'poincon/+'],
    ['poincon/+', 'poincon/#'],
    ['poincon/+/b', 'poincon/#'],
    ['poincon/#', '#'],
    ['poincon/#', '+/a'],
    ['#', '$SYS/#'],
    ['a/b', 'a'],
    ['a', 'a/b'],
    ['a/+', 'a'],
  ] as const) {
    t.notOk(covers(pattern, filter), `${pattern} does not cover ${filter}`)
  }
  t.end()
})

test('what users may do: read, by default; write and call what their entry says', (t) => {
  const topics = stationTopics({ site: 'lyon', line: 'l1', station: 's1' })
  const acl = new Acl(topics)
  const reader: Visitor = { kind: 'user', name: 'desk', user: DEFAULT_USER }
  const maker: Visitor = {
    kind: 'user',
    name: 'mes',
    user: { subscribe: ['plant/%u/#'], publish: ['plant/%u/#', 'poincon/#'], commands: ['lot/start'] },
  }
  const anyone: Visitor = { kind: 'anonymous', name: 'anonymous' }
  const station: Visitor = { kind: 'station', name: 'station' }

  t.equal(acl.maySubscribe(reader, 'poincon/#', 'c1'), true)
  t.equal(acl.maySubscribe(reader, '#', 'c1'), false)
  t.equal(acl.maySubscribe(reader, '$SYS/#', 'c1'), false)
  t.equal(acl.maySubscribe(maker, 'plant/mes/a', 'c1'), true)
  t.equal(acl.maySubscribe(maker, 'plant/desk/a', 'c1'), false)
  t.equal(acl.maySubscribe(maker, `${topics.base}/cmd/lot/start/reply/c1`, 'c1'), true, 'one’s own replies')
  t.equal(acl.maySubscribe(maker, `${topics.base}/cmd/+/reply/c1`, 'c1'), true)
  t.equal(acl.maySubscribe(maker, `${topics.base}/cmd/lot/start/reply/c2`, 'c1'), false)
  t.equal(acl.maySubscribe(maker, `${topics.base}/cmd/+/reply/+`, '+'), false)

  t.match(acl.refusesPublish(reader, 'plant/x'), /desk may not publish on plant\/x/)
  t.equal(acl.refusesPublish(maker, 'plant/mes/x'), undefined)
  for (const own of [topics.inspection, topics.state, topics.health, topics.checkpoint]) {
    for (const visitor of [maker, anyone]) t.match(acl.refusesPublish(visitor, own), /station’s own/)
    t.equal(acl.refusesPublish(station, own), undefined)
  }
  t.match(
    acl.refusesPublish(maker, `${topics.base}/cmd/inspect/reply/c2`),
    /may not publish/,
    'no false replies',
  )
  t.match(acl.refusesPublish(station, '$SYS/x'), /reserved/)

  t.equal(
    acl.refusesPublish(reader, `${topics.base}/cmd/inspect`),
    undefined,
    'it is answered with a refusal',
  )
  t.match(acl.refusesCall(reader, 'inspect'), /user desk may not call inspect/)
  t.equal(acl.refusesCall(maker, 'lot/start'), undefined)
  t.match(acl.refusesCall(maker, 'inspect'), /may not call/)
  t.equal(acl.refusesCall(anyone, 'inspect'), undefined)

  t.equal(acl.mayReceive(reader, topics.inspection, 'c1'), true)
  t.equal(acl.mayReceive(reader, `${topics.base}/cmd/inspect`, 'c1'), false, 'commands are between two')
  t.equal(acl.mayReceive(reader, `${topics.base}/cmd/inspect/reply/c2`, 'c1'), false)
  t.equal(acl.mayReceive(reader, `${topics.base}/cmd/inspect/reply/c1`, 'c1'), true)
  t.end()
})

test('after five failed logins an address waits, longer each time, and is forgiven', (t) => {
  let nowMs = 0
  const guard = new LoginGuard(() => nowMs)
  for (let i = 0; i < 5; i++) {
    t.equal(guard.waitMs('10.0.0.1'), 0)
    guard.failed('10.0.0.1')
  }
  t.equal(guard.waitMs('10.0.0.1'), 1000)
  t.equal(guard.waitMs('::ffff:10.0.0.1'), 1000, 'the same address')
  t.equal(guard.waitMs('10.0.0.2'), 0)
  guard.failed('10.0.0.1')
  t.equal(guard.waitMs('10.0.0.1'), 2000)
  nowMs += 1500
  t.equal(guard.waitMs('10.0.0.1'), 500)
  for (let i = 0; i < 20; i++) guard.failed('10.0.0.1')
  t.equal(guard.waitMs('10.0.0.1'), 300_000, 'five minutes at most')
  nowMs += 900_000
  t.equal(guard.waitMs('10.0.0.1'), 0)
  for (let i = 0; i < 5; i++) guard.failed(`2001:db8::${i}`)
  t.equal(guard.waitMs('2001:db8:0:0:ffff::1'), 1000, 'one network of 64 bits')
  t.equal(guard.waitMs('2001:db8:0:1::1'), 0)
  t.end()
})

test('the users file', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-users-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'users.json')
  const users = new Map([['desk', { ...DEFAULT_USER, password: await hashPassword('correct horse') }]])
  await writeUsers(file, users)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.strictSame(await readUsers(file), users)
  t.notMatch(await readFile(file, 'utf8'), /correct horse/)

  const problem = async (options: object): Promise<string | undefined> => {
    const found = await accessProblem(mqttOptions.parse(options))
    return found === undefined ? undefined : `${found.key}: ${found.problem}`
  }
  t.equal(await problem({}), undefined)
  t.equal(await problem({ users_file: file, host: '0.0.0.0' }), undefined)
  t.match(await problem({ users_file: join(dir, 'none') }), /mqtt\.users_file: .*none: cannot be read/)
  await writeFile(file, '{"schema":"poincon.mqtt-users/1","users":{}}')
  t.match(
    await problem({ users_file: file, host: '0.0.0.0' }),
    /expected at least one user.*poincon user add/,
  )
  t.equal(await problem({ users_file: file }), undefined, 'on loopback the station alone is enough')
  for (const [content, words] of [
    ['{', /not JSON/],
    ['{"schema":"poincon.mqtt-users/1","users":{"a/b":{}}}', /users/],
    [
      '{"schema":"poincon.mqtt-users/1","users":{"a":{"password":"secret"}}}',
      /users\.a\.password: expected \$scrypt/,
    ],
    [
      '{"schema":"poincon.mqtt-users/1","users":{"a":{"subscribe":["a/#/b"]}}}',
      /users\.a\.subscribe\.0: expected a topic/,
    ],
    [
      '{"schema":"poincon.mqtt-users/1","users":{"a":{"commands":["#"]}}}',
      /users\.a\.commands\.0: expected the name/,
    ],
  ] as const) {
    await writeFile(file, content)
    await t.rejects(readUsers(file), { message: words })
  }
  const tls = { cert_file: join(dir, 'no.crt'), key_file: join(dir, 'no.key') }
  t.match(await problem({ tls }), /mqtt\.tls: .*no\.crt: cannot be read/)
})

test('beyond loopback the broker wants to know who comes', (t) => {
  const wrong = mqttOptions.safeParse({ host: '0.0.0.0' })
  t.match(wrong.error?.issues, [
    { path: ['host'], message: /loopback.*mqtt\.users_file or mqtt\.tls\.client_ca_file/ },
  ])
  const tls = { cert_file: 'a', key_file: 'b' }
  t.notOk(mqttOptions.safeParse({ host: '192.168.1.2', tls }).success, 'TLS alone asks nobody')
  t.ok(mqttOptions.safeParse({ host: '192.168.1.2', users_file: 'u' }).success)
  t.ok(mqttOptions.safeParse({ host: '::', tls: { ...tls, client_ca_file: 'c' } }).success)
  t.end()
})
