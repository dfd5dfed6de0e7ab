import { equal, match, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Case } from './cases.ts'
import {
  dropIn,
  fromNow,
  note,
  pidOf,
  shell,
  shown,
  stateOf,
  until,
  within,
  withoutDropIn,
} from './systemd-machine.ts'

export const STATION = 'poincon.service'
/** A plant that no drop-in allows. */
const AWAY = '192.0.2.7'
/** What runs beside the station, with limits of its own; for the lab a process that does nothing is put into its unit. */
const BESIDE = 'poincon-flows.service'

const OPENED = ['/dev/null', '/dev/urandom', '/dev/i2c-0', '/dev/video0']
const REFUSED = ['/dev/fuse', '/dev/cuse', '/dev/kmsg', '/dev/mem', '/dev/ttyS0', '/dev/vda', '/dev/loop0']

/** What the units of a running station are kept from, by the kernel. */
export function unitCases(): Record<string, Case> {
  return {
    'devices by list': deviceLists,
    'udev gives groups and names': groupsAndNames,
    'network by address, and a drop-in': networkByAddress,
    'secrets are copies for one process': secretsAreCopies,
    'beyond the memory of its unit a process ends, and the station goes on': memoryBites,
    'beyond the tasks of its unit nothing is started, and the station goes on': tasksBite,
  }
}

function deviceLists(): void {
  for (const kind of [
    'i2c-dev',
    'i2c-stub chip_addr=0x39',
    'vivid n_devs=1',
    'fuse',
    'cuse',
    'loop max_loop=1',
  ])
    shell(`modprobe ${kind}`)
  shell('udevadm trigger --subsystem-match=i2c-dev --subsystem-match=video4linux --settle')
  const open = (path: string): string => {
    const said = within(STATION, `dd if=${path} of=/dev/null count=0 2>&1 >/dev/null && echo opened`)
    return /opened/.test(said) ? 'opened' : /not permitted/.test(said) ? 'refused' : said
  }
  const there = [...OPENED, ...REFUSED].filter((path) => spawnSync('test', ['-e', path]).status === 0)
  const found = Object.fromEntries(there.map((path) => [path, open(path)]))
  note(`devices of ${STATION}, for root: ${JSON.stringify(found)}`)
  for (const path of OPENED) equal(found[path], 'opened', path)
  for (const path of there.filter((one) => REFUSED.includes(one))) equal(found[path], 'refused', path)
  for (const path of ['/dev/fuse', '/dev/kmsg', '/dev/mem']) ok(there.includes(path), path)
}

function groupsAndNames(): void {
  const said = shell('stat -c "%n %G %a" /dev/i2c-0 /dev/video0; ls -R /dev/poincon')
  note(said)
  match(said, /i2c-0 i2c 660/)
  match(said, /video0 video 660/)
  match(said, /\/dev\/poincon\/camera:\n\S+/)
}

/** UDP, because a refused datagram is told at once. */
function networkByAddress(): void {
  shell(`ip address add ${AWAY}/32 dev lo`)
  const send = (host: string): string => {
    const script = `const s = require('dgram').createSocket('udp4'); s.send('x', 9, '${host}', (e) => { console.log(e ? e.code : 'sent'); s.close() })`
    return within(STATION, `${process.execPath} -e "${script}"`)
  }
  equal(send('127.0.0.1'), 'sent')
  equal(send(AWAY), 'EPERM')
  dropIn(STATION, 'plant', `[Service]\nIPAddressAllow=${AWAY}\n`)
  equal(send(AWAY), 'sent', 'a drop-in counts at once')
  withoutDropIn(STATION, 'plant')
  equal(send(AWAY), 'EPERM', 'and so does its end')
  shell(`ip address del ${AWAY}/32 dev lo`)
  note(`127.0.0.1 reached, ${AWAY} EPERM, with IPAddressAllow=${AWAY} reached, without it EPERM`)
}

function secretsAreCopies(): void {
  const read = (user: string): string =>
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
  equal(read('poincon'), 'canary\n')
  for (const user of ['poincon-flows', 'poincon-update', 'poincon-device']) equal(read(user), '', user)
  note('the password is in /run/credentials, for poincon and nobody else')
}

/** A unit beside the station, running: its own process may be waiting for the station all the while. */
function beside(): void {
  if (stateOf(BESIDE) === 'active') return
  dropIn(BESIDE, 'lab', '[Service]\nExecStart=\nExecStart=/bin/sleep infinity\n')
  shell(`systemctl start ${BESIDE}`)
}

// What no process of ours ever needs, and every page of it touched.
const hog = (mb: number): string => `dd if=/dev/zero of=/dev/null bs=${mb}M count=1`
const KILLED = /killed by the OOM killer/

async function memoryBites(): Promise<void> {
  beside()
  const before = pidOf(STATION)
  equal(Number(shown(BESIDE, 'MemoryMax').MemoryMax), 384 * 2 ** 20)
  const says = fromNow()
  within(BESIDE, hog(450))
  await until(`450 MB in ${BESIDE}: killed by the kernel`, () => KILLED.test(says(BESIDE)))
  equal(Number(shown(STATION, 'MemoryMax').MemoryMax), 2 ** 30)
  // Less than it has by its unit: an emulated processor takes minutes to touch a gigabyte.
  shell(`systemctl set-property --runtime ${STATION} MemoryMax=400M`)
  within(STATION, hog(500))
  await until(`500 MB in ${STATION}, of 400: that process killed by the kernel`, () =>
    KILLED.test(says(STATION)),
  )
  shell(`systemctl set-property --runtime ${STATION} MemoryMax=1G`)
  equal(pidOf(STATION), before, 'the station goes on')
  equal(stateOf(STATION), 'active')
}

function tasksBite(): void {
  beside()
  const before = pidOf(STATION)
  equal(Number(shown(BESIDE, 'TasksMax').TasksMax), 64)
  const said = within(BESIDE, 'i=0; while [ $i -lt 100 ]; do sleep 900 >/dev/null 2>&1 & i=$((i + 1)); done')
  note(`100 processes in ${BESIDE}: ${said.split('\n').at(-1)}`)
  match(said, /cannot fork|resource temporarily unavailable/i)
  shell(`echo 1 >/sys/fs/cgroup$(systemctl show -P ControlGroup ${BESIDE})/cgroup.kill`)
  equal(within(STATION, 'sh -c "echo forked"'), 'forked')
  equal(pidOf(STATION), before)
  equal(stateOf(STATION), 'active')
}
