/** In a guest whose first process is systemd (`systemd-init.sh`): the units of this tree, on a real kernel. */
import { strict as assert } from 'node:assert'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { onlyInGuest, runCases } from './cases.ts'
import { dropIn, journal, note, shown, systemctl, until, within } from './systemd-machine.ts'

onlyInGuest()

const STATION = 'poincon.service'
const WATCHDOG_S = 90
/** A broker that is not there, and that no drop-in allows. */
const AWAY = '192.0.2.7'

const state = (): string => shown(STATION, 'ActiveState').ActiveState ?? ''
const pid = (): number => Number(shown(STATION, 'MainPID').MainPID)

/** What `poincon setup` would have left, and room for an emulated processor. */
function configure(): void {
  writeFileSync(
    '/etc/poincon/poincon.yaml',
    `site: lab
trigger: { kind: interval, period_ms: 20000 }
mqtt: { upstream: { url: "mqtt://${AWAY}", username: plant, password_file: /etc/poincon/secrets/plant } }
`,
  )
  writeFileSync('/etc/poincon/secrets/plant', 'canary\n', { mode: 0o600 })
  dropIn(
    STATION,
    'lab',
    `[Service]
TimeoutStartSec=1500
TimeoutStopSec=300
WatchdogSec=${WATCHDOG_S}
Environment=NODE_OPTIONS=--import=/opt/poincon/current/dist/test/guest/systemd-hang.js
`,
  )
  dropIn('poincon-gate-safe.service', 'lab', '[Service]\nTimeoutStartSec=900\n')
}

function startsToReady(): void {
  configure()
  note('systemctl start poincon')
  systemctl('start', STATION)
  note('READY')
  const { ActiveState, StatusText, User } = shown(STATION, 'ActiveState', 'StatusText', 'User')
  assert.equal(ActiveState, 'active')
  assert.equal(User, 'poincon')
  note(`status: ${StatusText}`)
}

function deviceLists(): void {
  for (const kind of ['i2c-dev', 'i2c-stub chip_addr=0x39', 'vivid n_devs=1'])
    execFileSync('modprobe', kind.split(' '))
  execFileSync('udevadm', [
    'trigger',
    '--subsystem-match=i2c-dev',
    '--subsystem-match=video4linux',
    '--settle',
  ])
  const open = (path: string): string => {
    const said = within(STATION, `dd if=${path} of=/dev/null count=0 2>&1 >/dev/null && echo opened`)
    return /opened/.test(said) ? 'opened' : /not permitted/.test(said) ? 'refused' : said
  }
  const found = Object.fromEntries(
    ['/dev/null', '/dev/i2c-0', '/dev/video0', '/dev/kmsg', '/dev/mem', '/dev/ttyS0'].map((path) => [
      path,
      open(path),
    ]),
  )
  note(`devices of ${STATION}: ${JSON.stringify(found)}`)
  for (const path of ['/dev/null', '/dev/i2c-0', '/dev/video0']) assert.equal(found[path], 'opened', path)
  for (const path of ['/dev/kmsg', '/dev/mem', '/dev/ttyS0']) assert.equal(found[path], 'refused', path)
}

function groupsAndNames(): void {
  const said = execFileSync('sh', ['-c', 'stat -c "%n %G %a" /dev/i2c-0 /dev/video0; ls -R /dev/poincon'], {
    encoding: 'utf8',
  })
  note(said.trim().replaceAll('\n', ' | '))
  assert.match(said, /i2c-0 i2c 660/)
  assert.match(said, /video0 video 660/)
  assert.match(said, /\/dev\/poincon\/camera:\n\S+/)
}

/** UDP, because a refused datagram is told at once. */
function networkByAddress(): void {
  execFileSync('sh', ['-c', `ip address add ${AWAY}/32 dev lo`])
  const send = (host: string): string => {
    const script = `const s = require('dgram').createSocket('udp4'); s.send('x', 9, '${host}', (e) => { console.log(e ? e.code : 'sent'); s.close() })`
    return within(STATION, `${process.execPath} -e "${script}"`)
  }
  assert.equal(send('127.0.0.1'), 'sent')
  assert.equal(send(AWAY), 'EPERM')
  dropIn(STATION, 'plant', `[Service]\nIPAddressAllow=${AWAY}\n`)
  assert.equal(send(AWAY), 'sent', 'a drop-in counts at once')
  execFileSync('sh', [
    '-c',
    `ip address del ${AWAY}/32 dev lo; rm /etc/systemd/system/${STATION}.d/plant.conf`,
  ])
  systemctl('daemon-reload')
  note(`${AWAY} refused, with IPAddressAllow=${AWAY} allowed`)
}

function secretsAreCopies(): void {
  const as = (user: string): string =>
    spawnSync(
      'setpriv',
      [
        '--reuid',
        user,
        '--regid',
        user,
        '--clear-groups',
        'cat',
        `/run/credentials/${STATION}/secrets_plant`,
      ],
      { encoding: 'utf8' },
    ).stdout
  assert.equal(as('poincon'), 'canary\n')
  assert.equal(as('poincon-flows'), '')
  note('the password is in /run/credentials, for poincon and nobody else')
}

async function sinkAway(): Promise<void> {
  const before = pid()
  await sleep(2 * WATCHDOG_S * 1000)
  const { StatusText } = shown(STATION, 'StatusText')
  assert.equal(pid(), before)
  const health = execFileSync('curl', ['-s', 'http://127.0.0.1:8080/healthz'], { encoding: 'utf8' })
  assert.match(health, /"name":"watchdog","state":"ok"/)
  assert.match(health, /upstream/)
  note(`${2 * WATCHDOG_S} s without the broker: same process, ${StatusText}`)
}

/** From the signal until systemd has killed it and the gate is safe: the restart is shown by what follows. */
async function bites(how: string, signal: NodeJS.Signals): Promise<void> {
  const before = pid()
  const safe = (): number => journal(STATION).split('pass simulated/0: inactive').length
  const safeBefore = safe()
  note(`${how}: ${signal} to ${before}`)
  process.kill(before, signal)
  await until('killed by the watchdog', () =>
    journal(STATION).includes(`Killing process ${before} (node) with signal SIGKILL`),
  )
  await until('the gate made safe by ExecStopPost', () => safe() > safeBefore)
  assert.match(journal(STATION), /Watchdog timeout \(limit 1min 30s\)/)
}

/** The release fails; the one before it is put back by its own recovery, here a stand-in of four lines. */
async function fallsBack(): Promise<void> {
  systemctl('stop', STATION)
  const bad = '/opt/poincon/releases/0.2.0'
  mkdirSync(`${bad}/dist/gateway`, { recursive: true })
  symlinkSync('../0.1.0/bin', `${bad}/bin`)
  symlinkSync('../0.1.0/systemd', `${bad}/systemd`)
  writeFileSync(`${bad}/dist/gateway/cli.js`, 'process.exit(1)\n')
  const recovery = `const { renameSync, symlinkSync, writeFileSync } = require('node:fs')
symlinkSync('releases/0.1.0', '/opt/poincon/.current')
renameSync('/opt/poincon/.current', '/opt/poincon/current')
writeFileSync('/run/poincon-update/restart', 'restart\\n')
console.log('put back by', process.getuid(), process.env.MONITOR_SERVICE_RESULT)
`
  mkdirSync('/opt/poincon/releases/0.1.0-recovery/dist/provisioning', { recursive: true })
  symlinkSync('../0.1.0/bin', '/opt/poincon/releases/0.1.0-recovery/bin')
  writeFileSync('/opt/poincon/releases/0.1.0-recovery/dist/provisioning/recover.js', recovery)
  symlinkSync('../../0.1.0/dist/gateway', '/opt/poincon/releases/0.1.0-recovery/dist/gateway')
  execFileSync('sh', [
    '-c',
    'cd /opt/poincon; ln -sfn releases/0.2.0 current; ln -sfn releases/0.1.0-recovery previous',
  ])
  note('current is now a release that ends at once: systemctl start poincon')
  spawnSync('systemctl', ['start', STATION])
  await until('three starts failed, the fallback has run', () =>
    /put back by/.test(journal('poincon-fallback.service')),
  )
  const { NRestarts } = shown(STATION, 'NRestarts')
  note(`restarts counted by systemd: ${NRestarts}`)
  await until('the gate made safe, by the release before it', () =>
    /pass simulated\/0: inactive/.test(journal('poincon-gate-safe.service')),
  )
  await until('the release before it is READY', () => state() === 'active')
  assert.equal(execFileSync('readlink', ['/opt/poincon/current'], { encoding: 'utf8' }), 'releases/0.1.0\n')
}

await runCases('systemd', {
  'poincon.service starts to READY': startsToReady,
  'devices by list': deviceLists,
  'udev gives groups and names': groupsAndNames,
  'network by address, and a drop-in': networkByAddress,
  'secrets are copies for one process': secretsAreCopies,
  'a broker that is away is no hang': sinkAway,
  'the watchdog bites when the loop hangs': () => bites('no head answers any more', 'SIGUSR2'),
  'three failed starts: the gate safe, the release before this one back': fallsBack,
  'the watchdog bites when the process stands still': () => bites('frozen', 'SIGSTOP'),
})
if (process.exitCode === 1)
  process.stdout.write(`${journal(STATION)}\n${journal('poincon-fallback.service')}\n`)
