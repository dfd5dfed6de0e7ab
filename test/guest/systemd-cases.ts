import { equal } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { Case } from './cases.ts'
import { allowTime, fallsBack, pointTo } from './fault-cases.ts'
import { restartPath, triedAgain } from './restart-cases.ts'
import { layOutSmall } from './small-release.ts'
import { dropIn, note, pace, seconds, shown, systemctl } from './systemd-machine.ts'
import { STATION, unitCases } from './unit-cases.ts'

export const SYSTEMD_ROOM = 'systemd'

const SLOTS = '/opt/poincon'

/** What of the units takes no real station to be shown: those that do are in `life-cases.ts`. */
export function systemdCases(): Record<string, Case> {
  return {
    'poincon.service starts to READY': starts,
    ...unitCases(),
    'a request for a restart, from the updater': restartPath,
    'three failed starts, and the release before': () => fallsBack(() => pointTo('current', '1.1.0')),
    'three failed starts, and no release before': () =>
      triedAgain(
        () => pointTo('current', '1.1.0'),
        () => pointTo('current', '1.0.0'),
      ),
  }
}

function starts(): void {
  layOutSmall(SLOTS, '1.0.0')
  layOutSmall(SLOTS, '1.1.0', { start: 'crash' })
  pointTo('current', '1.0.0')
  pointTo('previous', '1.0.0')
  // JSON is YAML.
  writeFileSync(
    '/etc/poincon/poincon.yaml',
    JSON.stringify({
      ...{ data_dir: '/var/lib/poincon/data', http: { port: 8080 } },
      update: { dir: '/var/lib/poincon-update', slots_dir: SLOTS, ready_s: 300, trial_s: 0, reserve_mb: 0 },
    }),
  )
  // It says no sign of life.
  dropIn(STATION, 'lab', '[Service]\nWatchdogSec=0\nTimeoutStartSec=1800\n')
  const from = seconds()
  systemctl('start', STATION)
  pace.startS = Math.ceil(seconds() - from)
  const { ActiveState, StatusText, User } = shown(STATION, 'ActiveState', 'StatusText', 'User')
  note(`${ActiveState} as ${User} after ${pace.startS} s: ${StatusText}`)
  equal(ActiveState, 'active')
  equal(User, 'poincon')
  allowTime()
  dropIn(STATION, 'lab-pace-none', '[Service]\nWatchdogSec=0\n')
}
