import { equal, match, notEqual } from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { allowTime, prepareToHang } from './fault-cases.ts'
import {
  as,
  dropIn,
  fromNow,
  note,
  pace,
  seconds,
  shell,
  shown,
  stateOf,
  systemctl,
  until,
  withoutDropIn,
} from './systemd-machine.ts'
import { STATION } from './unit-cases.ts'

export const PLANT = '192.0.2.10'
const SITE = `http://${PLANT}:8000`
const RENEWAL = 'poincon-device-renew.service'
const CONFIG = '/etc/poincon/poincon.yaml'
/** What the plant's web server shows at the time. */
const SHOWN = '/opt/lab-site'

const ANSWERS = `heads: simulated
camera: none
site: plant-a
line: line-1
station: s1
device_id: cell-7
trigger: { kind: interval, period_ms: 20000 }
gate: { pass: 2, kick: 4, stop: 3 }
`

/** What an integrator adds: a broker that is never there, and where updates come from. */
const PLANT_OF_THE_STATION = `
mqtt: { upstream: { url: "mqtt://192.0.2.7", username: plant, password_file: /etc/poincon/secrets/plant } }
update: { enabled: true, url: "${SITE}", idle_s: 0, ready_s: 300, self_test_s: 3600, reserve_mb: 64 }
`

/** `apt install` with systemd running: users, folders, units; nothing starts before there is a configuration. */
export function installed(deb: string): void {
  const from = seconds()
  const said = shell(`DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install ${deb}`)
  note(
    `apt install: ${Math.round(seconds() - from)} s: ${said
      .split('\n')
      .filter((line) => /^poincon: /.test(line))
      .join('; ')}`,
  )
  for (const timer of ['poincon-update.timer', 'poincon-device-renew.timer', 'poincon-restart.path'])
    equal(stateOf(timer), 'active', timer)
  equal(stateOf(STATION), 'inactive')
  equal(shown(STATION, 'ConditionResult').ConditionResult, 'no')
  // Their hours are not the lab's: what they start is started by hand.
  systemctl('stop', 'poincon-update.timer', 'poincon-device-renew.timer')
}

export function setUp(site: string): void {
  writeFileSync('/root/answers.yaml', ANSWERS)
  const from = seconds()
  const again = existsSync(CONFIG) ? '--replace' : ''
  const said = shell(`poincon setup --answers /root/answers.yaml ${again} || true`)
  note(
    `poincon setup --answers: ${Math.round(seconds() - from)} s: ${said.split('\n').slice(0, 8).join(' | ')}`,
  )
  // It waits two minutes for its station; an emulated processor that others take time from needs longer.
  if (/the station did not start/.test(said) && seconds() - from > 120)
    note('NOT SHOWN here: the first inspection of setup, for which this machine is too slow')
  else match(said, /First inspection, of the empty tray: reject/)
  match(shell(`stat -c "%a %U:%G" ${CONFIG}`), /^640 root:poincon$/)
  appendFileSync(CONFIG, PLANT_OF_THE_STATION)
  writeFileSync('/etc/poincon/secrets/plant', 'canary\n', { mode: 0o600 })
  shell(`install -m 644 ${site}/root.json /etc/poincon/update-root.json`)
  const checked = seconds()
  note(`poincon check: ${Math.round(seconds() - checked)} s: ${shell('poincon check').split('\n').at(-1)}`)
}

/** The plant's own machine, as far as the station can tell. */
export async function plantUp(site: string, node: string, script: string): Promise<void> {
  showSite(`${site}/first`)
  shell(`systemd-run --quiet --unit=lab-plant ${node} ${script} ${PLANT} 8000 ${SHOWN}`)
  writeFileSync('/root/passphrase', 'a passphrase of the lab\n')
  const serve = 'fleet serve --dir /root/fleet --passphrase-file /root/passphrase'
  shell(`systemd-run --quiet --unit=lab-authority poincon ${serve} --host ${PLANT} --listen ${PLANT}:8443`)
  await until('the plant has an authority', () =>
    /root sha256/.test(shell('journalctl --boot --unit lab-authority --output cat')),
  )
}

/** What the plant's web server shows from now on. */
export function showSite(folder: string): void {
  rmSync(SHOWN, { force: true })
  symlinkSync(folder, SHOWN)
}

/** By EST with a token of one use; then the unit that renews, which reaches the authority by a drop-in alone. */
export function enrolled(): void {
  const root = /root sha256 (\S+)/.exec(shell('journalctl --boot --unit lab-authority --output cat'))?.[1]
  shell('poincon fleet token cell-7 --dir /root/fleet >/root/token.said')
  const token = /\b[A-Za-z0-9_-]{30,}\b/.exec(readFileSync('/root/token.said', 'utf8'))?.[0] ?? ''
  const from = seconds()
  const ask = `printf %s ${token} >/root/token; poincon device enrol --url https://${PLANT}:8443 --ca-sha256 ${root} --device-id cell-7 --token-file /root/token`
  note(`poincon device enrol: ${shell(ask)}; ${Math.round(seconds() - from)} s`)
  match(shell('stat -Lc "%a %U:%G" /var/lib/poincon-device/device.key'), /^640 poincon-device:poincon$/)
  match(as('poincon', 'cat /var/lib/poincon-device/device.key'), /PRIVATE KEY/)
  const status = JSON.parse(shell('poincon device status --json'))
  equal(status.state, 'valid')
  match(
    shell(
      `printf %s ${token} >/root/token; poincon device enrol --again --url https://${PLANT}:8443 --ca-sha256 ${root} --device-id cell-7 --token-file /root/token`,
      1,
    ),
    /./,
  )
  note('the same token again: refused')
}

/** The renewal unit is due by force: a certificate of 90 days is not at two thirds of its life. */
export function renewed(): void {
  const before = shell('sha256sum </var/lib/poincon-device/device.crt')
  const [line = ''] = /^ExecStart=.*$/m.exec(shell(`systemctl cat ${RENEWAL}`)) ?? []
  dropIn(RENEWAL, 'lab', `[Service]\nExecStart=\n${line.replace('device renew', 'device renew --force')}\n`)
  const says = fromNow()
  shell(`systemctl start ${RENEWAL} || true`)
  equal(shell('sha256sum </var/lib/poincon-device/device.crt'), before)
  // What the filter drops of a connection is sent again until somebody's time is over.
  const failure = /^failure.*$/m.exec(says(RENEWAL))?.[0]
  match(failure ?? '', /no whole answer|EPERM|timed out/)
  note(`without a drop-in: ${failure}`)
  dropIn(RENEWAL, 'plant', `[Service]\nIPAddressAllow=${PLANT}\n`)
  systemctl('start', RENEWAL)
  notEqual(shell('sha256sum </var/lib/poincon-device/device.crt'), before)
  withoutDropIn(RENEWAL, 'lab')
  note(`with IPAddressAllow=${PLANT}: another certificate`)
}

/** The one start that all waiting is measured by. */
export async function inspects(): Promise<void> {
  prepareToHang()
  allowTime()
  const from = seconds()
  note('systemctl start poincon')
  systemctl('start', STATION)
  pace.startS = Math.ceil(seconds() - from)
  note(`READY after ${pace.startS} s: its watchdog has ${pace.watchdogS} s from the next start on`)
  allowTime()
  equal(shown(STATION, 'User').User, 'poincon')
  await looks()
}

/** Parts are inspected: what the station says of itself. */
export async function looks(): Promise<void> {
  const status = (): string => shown(STATION, 'StatusText').StatusText ?? ''
  await until('a look has ended', () => /^inspects: [1-9]/.test(status()))
  note(`status: ${status()}`)
}
