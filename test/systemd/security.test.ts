import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'systemd')
/** Of 10: what a unit may leave open, by `systemd-analyze security`. */
const GOAL = 1.5
/** The units that others ship, as measured once with the same program (Debian 12). */
const PEERS = { kura: 9.3, mender: 9.6, mosquitto: 9.6, greengrass: 9.6, telegraf: 9.2 }

const services = readdirSync(FOLDER).filter((name) => name.endsWith('.service'))
const units = readdirSync(FOLDER).filter((name) => /\.(service|timer|path)$/.test(name))
const textOf = (unit: string): string => readFileSync(join(FOLDER, unit), 'utf8')
const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' })
const skip = analyze.status === 0 ? false : 'SKIPPED: no systemd-analyze here: apt-get install systemd'

test('what every unit leaves open, beside its peers', { skip }, (t) => {
  const rows = services.map((unit) => [unit, exposureOf(unit)] as const).sort(([, a], [, b]) => b - a)
  for (const [unit, exposure] of rows) {
    t.ok(exposure <= GOAL, `${unit} is exposed ${exposure}, at most ${GOAL}`)
  }
  for (const [unit, exposure] of [...rows, ...Object.entries(PEERS)]) {
    t.comment(`${unit.padEnd(30)} ${exposure.toFixed(1)}`)
  }
  t.equal(rows.length, 9)
  t.end()
})

/** systemd says nothing of a setting that it does not know but a line in the log: a typing error would be a hole. */
test('systemd knows every setting', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'poincon-units-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const unit of units) {
    // What they start is not here; all else is looked at.
    const text = textOf(unit).replaceAll(/^(Exec\w+=-?)\S+/gm, '$1/bin/true')
    writeFileSync(join(folder, unit), text)
  }
  const paths = units.map((unit) => join(folder, unit.replace('@.', '@1.')))
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` },
  })
  t.notMatch(stderr, /Unknown (key|section|lvalue)|Failed to parse|Invalid|ignoring/i)
  t.end()
})

test('every service is given a user, limits and no core dumps; root restarts and nothing else', (t) => {
  for (const unit of services) {
    const text = textOf(unit)
    t.match(text, /^MemoryMax=\d+[MG]$/m, `${unit}: MemoryMax`)
    t.match(text, /^TasksMax=\d+$/m, `${unit}: TasksMax`)
    t.match(text, /^LimitCORE=0$/m, `${unit}: LimitCORE`)
    t.match(text, /^CapabilityBoundingSet=$/m, `${unit}: CapabilityBoundingSet`)
    t.match(text, /^IPAddressDeny=any$/m, `${unit}: IPAddressDeny`)
    const [, user] = /^User=(\S+)$/m.exec(text) ?? []
    t.equal(user === 'root', /^poincon-(restart|reboot)\.service$/.test(unit), `${unit}: ${user}`)
  }
  t.end()
})

test('only the station has devices, the gate beside it its lines', (t) => {
  const devices = (unit: string): string[] =>
    [...textOf(unit).matchAll(/^DeviceAllow=(.*)$/gm)].map(([, one = '']) => one)
  t.strictSame(devices('poincon.service'), ['char-i2c rw', 'char-video4linux rw', 'char-gpiochip rw'])
  t.strictSame(devices('poincon-gate-safe.service'), ['char-gpiochip rw'])
  const others = services.filter((unit) => !/^poincon(-gate-safe)?\.service$/.test(unit))
  for (const unit of others) t.match(textOf(unit), /^PrivateDevices=yes$/m, unit)
  t.end()
})

test('three starts that hang fit into the time in which failed starts are counted', (t) => {
  const text = textOf('poincon.service')
  const seconds = (key: string): number => Number(new RegExp(`^${key}=(\\d+)$`, 'm').exec(text)?.[1])
  const burst = seconds('StartLimitBurst')
  t.equal(burst, 3)
  const each = seconds('TimeoutStartSec') + seconds('RestartSec') + seconds('TimeoutStopSec')
  t.ok(burst * each < seconds('StartLimitIntervalSec'), `${burst} of ${each} s`)
  t.match(text, /^OnFailure=.*poincon-gate-safe\.service.*$/m)
  t.match(text, /^OnFailure=.*poincon-fallback\.service.*$/m)
  t.match(text, /^RestartPreventExitStatus=78$/m)
  t.end()
})

test('every user of a unit is one that the package makes', (t) => {
  const made = readFileSync(join(FOLDER, 'sysusers', 'poincon.conf'), 'utf8')
  const users = [...made.matchAll(/^u (\S+)/gm)].map(([, user]) => user)
  const groups = [...users, ...[...made.matchAll(/^g (\S+)/gm)].map(([, group]) => group), 'root']
  for (const unit of services) {
    const text = textOf(unit)
    const said = (key: string): string[] =>
      [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(([, names = '']) => names.split(' '))
    for (const user of said('User')) t.ok([...users, 'root'].includes(user), `${unit}: ${user}`)
    for (const group of [...said('Group'), ...said('SupplementaryGroups')])
      t.ok(groups.includes(group), `${unit}: ${group}`)
  }
  t.end()
})

function exposureOf(unit: string): number {
  const { stdout } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--no-pager', '--threshold=100', join(FOLDER, unit)],
    { encoding: 'utf8' },
  )
  return Number(/exposure level for \S+: (\d+\.\d)/.exec(stdout)?.[1] ?? Number.NaN)
}

test('a configuration that came as an update may be why a station ends with 78: recovery is asked', (t) => {
  const dir = t.testdir({ update: { content: { configuration: { fleet: {} } } } })
  const fallback = (): string =>
    spawnSync('sh', [join(FOLDER, 'bin/fallback')], {
      encoding: 'utf8',
      env: {
        ...{ PATH: process.env.PATH, MONITOR_EXIT_STATUS: '78', POINCON_RETRY_S: '0' },
        ...{ POINCON_UPDATE_DIR: join(dir, 'update'), POINCON_UPDATE_SLOTS_DIR: join(dir, 'slots') },
        UPDATER_RESTART_FILE: join(dir, 'restart'),
      },
    }).stderr
  t.match(fallback(), /mend it/)
  symlinkSync('1.0.0', join(dir, 'update/content/configuration/fleet/current'))
  t.match(fallback(), /no release to fall back with/)
  const node = join(dir, 'slots/current/bin/node')
  mkdirSync(join(dir, 'slots/current/bin'), { recursive: true })
  writeFileSync(node, '#!/bin/sh\n[ "$2 $3" = "check --own" ] && exit 78\n', { mode: 0o755 })
  t.match(fallback(), /mend it/, 'that the device’s own file is wrong takes nothing back')
  t.end()
})
