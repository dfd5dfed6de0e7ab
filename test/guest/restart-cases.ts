import { equal, match, ok } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type Damage, FALLBACK, ready } from './fault-cases.ts'
import { as, dropIn, fromNow, note, pidOf, shell, stateOf, systemctl, until } from './systemd-machine.ts'
import { STATION } from './unit-cases.ts'

const REQUEST = '/run/poincon-update/restart'

function ask(word: string): void {
  as('poincon-update', `umask 022; echo ${word} >${REQUEST}`, 'poincon')
}

/** The updater asks by a file, as nobody with privileges; root restarts, and takes nothing else from it. */
export async function restartPath(): Promise<void> {
  await ready('the station is active')
  const [first, says] = [pidOf(STATION), fromNow()]
  ask('restart')
  await until('asked by poincon-update: restarted', () => ![0, first].includes(pidOf(STATION)))
  await until('the request is taken away', () => !existsSync(REQUEST))
  await ready('READY')
  const second = pidOf(STATION)
  ask('retry')
  await until('a retry is taken away', () => !existsSync(REQUEST))
  await until('poincon-restart.service has ended', () => stateOf('poincon-restart.service') === 'inactive')
  equal(pidOf(STATION), second, 'and leaves a station alone that runs')
  as('poincon-update', `ln -s /etc/shadow ${REQUEST}`, 'poincon')
  await until('a link is not followed, and taken away', () => !existsSync(REQUEST))
  equal(pidOf(STATION), second)
  ok(!/shadow|root:/.test(says('poincon-restart.service')))
  note(`systemctl restart by poincon-update itself: ${refusedTo('poincon-update')}`)
}

/** What the fallback asks for where there is nothing to fall back to: it may be a disk that was full. */
export async function triedAgain(damage: Damage, repair: Damage): Promise<void> {
  dropIn(FALLBACK, 'lab', '[Service]\nEnvironment=POINCON_RETRY_S=5\n')
  shell('rm -f /opt/poincon/previous')
  systemctl('stop', STATION)
  const says = fromNow()
  ask('retry')
  await until('a retry of what somebody stopped is taken away', () => !existsSync(REQUEST))
  await until('poincon-restart.service has ended', () => stateOf('poincon-restart.service') === 'inactive')
  equal(stateOf(STATION), 'inactive')
  systemctl('reset-failed', STATION)
  damage()
  shell(`systemctl --no-block start ${STATION}`)
  await until('three starts failed, and nothing could be put back', () =>
    /is tried again in 5 s/.test(says(FALLBACK)),
  )
  repair()
  await ready('tried again by itself: READY')
}

function refusedTo(user: string): string {
  const said = as(user, `systemctl restart ${STATION} 2>&1 || true`, 'poincon')
  match(said, /denied|authentication|Failed to connect/i)
  return said.split('\n')[0] ?? ''
}
