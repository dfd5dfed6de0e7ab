import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { linesOf, notifierOf } from '../../../gateway/health/notify.ts'
import { silentLog } from '../../../gateway/log.ts'

/** Where a service manager would listen. */
interface Manager {
  readonly socket: string
  /** The next notice. */
  heard(): Promise<string>
}

async function managerOf(t: Test): Promise<Manager> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-notify-'))
  const path = join(folder, 'notify')
  const library = createRequire(import.meta.url)('unix-dgram')
  const socket = library.createSocket('unix_dgram')
  const said: string[] = []
  socket.on('message', (payload: Buffer) => {
    said.push(payload.toString())
    socket.emit('heard')
  })
  socket.bind(path)
  t.teardown(async () => {
    socket.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    socket: path,
    async heard() {
      if (said.length === 0) await once(socket, 'heard')
      return said.shift() ?? ''
    },
  }
}

function optional(): string | undefined {
  try {
    createRequire(import.meta.url)('unix-dgram')
    return undefined
  } catch {
    return 'SKIPPED: the optional package unix-dgram is not here'
  }
}

const skip = optional() ?? false

test('a notice is one datagram at the socket that the manager named', { skip }, async (t) => {
  const manager = await managerOf(t)
  const notifier = notifierOf({ env: { NOTIFY_SOCKET: manager.socket }, clock: systemClock, log: silentLog })
  t.equal(notifier.listening, true)
  await notifier.tell({ READY: '1', STATUS: 'inspects; page at http://127.0.0.1:8080' })
  t.equal(await manager.heard(), 'READY=1\nSTATUS=inspects; page at http://127.0.0.1:8080')
  await notifier.tell({ WATCHDOG: '1' })
  t.equal(await manager.heard(), 'WATCHDOG=1')
})

test('a socket whose queue is full is asked again', async (t) => {
  const sent: string[] = []
  const notifier = notifierOf({
    ...{ env: { NOTIFY_SOCKET: '/run/notify' }, clock: new VirtualClock(), log: silentLog },
    send: (path, payload) => {
      sent.push(`${path} ${payload}`)
      return sent.length < 3 ? Promise.reject(new Error('congestion')) : Promise.resolve()
    },
  })
  await notifier.tell({ READY: '1' })
  t.strictSame(sent, Array(3).fill('/run/notify READY=1'))
})

test('where no datagram goes, the program of systemd speaks', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-notify-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const program = join(folder, 'systemd-notify')
  const heard = join(folder, 'heard')
  await writeFile(program, `#!/bin/sh\necho "$NOTIFY_SOCKET" "$@" >>${heard}\n`)
  await chmod(program, 0o755)
  const parts = { clock: new VirtualClock(), log: silentLog, program }
  const refused = notifierOf({
    ...{ ...parts, env: { ...process.env, NOTIFY_SOCKET: '/run/notify' } },
    send: () => Promise.reject(new Error('ENOENT')),
  })
  await refused.tell({ READY: '1', STATUS: 'two words' })
  const abstract = notifierOf({ ...parts, env: { ...process.env, NOTIFY_SOCKET: '@manager' } })
  await abstract.tell({ STOPPING: '1' })
  t.equal(
    spawnSync('cat', [heard], { encoding: 'utf8' }).stdout,
    '/run/notify READY=1 STATUS=two words\n@manager STOPPING=1\n',
  )
})

const program = spawnSync('systemd-notify', ['--version']).status === 0
test('and systemd-notify itself', {
  skip: skip || (program ? false : 'SKIPPED: no systemd-notify'),
}, async (t) => {
  const manager = await managerOf(t)
  const notifier = notifierOf({
    ...{ env: { ...process.env, NOTIFY_SOCKET: manager.socket }, clock: new VirtualClock(), log: silentLog },
    send: () => Promise.reject(new Error('not built for this Node')),
  })
  const told = notifier.tell({ READY: '1', STATUS: 'inspects' })
  t.match(await manager.heard(), /^READY=1\nSTATUS=inspects/m)
  await told
})

test('a manager that does not listen is complained of once', async (t) => {
  const lines: string[] = []
  const notifier = notifierOf({
    ...{
      env: { NOTIFY_SOCKET: '/nowhere/notify' },
      clock: new VirtualClock(),
      program: '/nowhere/systemd-notify',
    },
    log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    send: () => Promise.reject(new Error('ENOENT')),
  })
  await notifier.tell({ WATCHDOG: '1' })
  await notifier.tell({ WATCHDOG: '1' })
  t.equal(lines.length, 1)
  t.match(lines[0], /the service manager cannot be told/)
})

test('a process that nobody supervises tells nobody', async (t) => {
  const notifier = notifierOf({
    ...{ env: {}, clock: systemClock, log: silentLog },
    send: () => Promise.reject(new Error('nobody is to be told')),
  })
  t.equal(notifier.listening, false)
  await notifier.tell({ READY: '1' })
})

test('a value stays one line', (t) => {
  t.strictSame(linesOf({ STATUS: 'head tof:\nno answer\r\nREADY=1', WATCHDOG: '1' }), [
    'STATUS=head tof: no answer READY=1',
    'WATCHDOG=1',
  ])
  t.end()
})
