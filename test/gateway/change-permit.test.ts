import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { changePermit } from '../../gateway/change-permit.ts'
import { silentLog } from '../../gateway/log.ts'
import { Broker } from '../../gateway/mqtt/broker.ts'
import { hashPassword } from '../../gateway/mqtt/passwords.ts'
import { DEFAULT_USER, writeUsers } from '../../gateway/mqtt/users.ts'

const LOCAL = { address: '127.0.0.1', here: true }
const AWAY = { address: '10.1.2.3', here: false }

test('where nobody is asked who they are, this machine may, and no other', async (t) => {
  const open = new Broker({ host: '127.0.0.1', port: 0, log: silentLog })
  for (const broker of [undefined, open]) {
    t.same(await changePermit(broker, silentLog)(LOCAL, 'engraving/enrol'), { allowed: true })
    t.match(await changePermit(broker, silentLog)(AWAY, 'engraving/enrol'), {
      ...{ allowed: false, status: 403, detail: /mqtt\.users_file/ },
    })
  }
})

test('users may by HTTP what they may by MQTT, wherever they are', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-permit-'))
  const usersFile = join(dir, 'users.json')
  const password = await hashPassword('correct horse', { log2n: 2, r: 1, p: 1 })
  await writeUsers(
    usersFile,
    new Map([
      ['ana', { ...DEFAULT_USER, password, commands: ['engraving/enrol'] }],
      ['bob', { ...DEFAULT_USER, password }],
    ]),
  )
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog, usersFile })
  await broker.start()
  t.teardown(async () => {
    await broker.stop()
    await rm(dir, { recursive: true, force: true })
  })
  const permit = changePermit(broker, silentLog)
  const as = (username: string, word = 'correct horse') => ({ ...AWAY, login: { username, password: word } })
  t.match(await permit(LOCAL, 'engraving/enrol'), { allowed: false, status: 401 })
  t.same(await permit(as('ana'), 'engraving/enrol'), { allowed: true, user: 'ana' })
  t.match(await permit(as('ana'), 'engraving/forget'), { status: 403, detail: /ana may not call engraving/ })
  t.match(await permit(as('bob'), 'engraving/enrol'), { status: 403 })
  t.match(await permit(as('$station'), 'engraving/enrol'), { status: 401 })
  for (let guess = 0; guess < 5; guess += 1) {
    t.match(await permit(as('ana', 'wrong'), 'engraving/enrol'), {
      status: 401,
      detail: 'wrong user name or password',
    })
  }
  t.match(
    await permit(as('ana'), 'engraving/enrol'),
    { status: 429, retryAfterS: 5 },
    'whoever guesses waits',
  )
})
