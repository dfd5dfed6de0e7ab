import { equal, match } from 'node:assert/strict'
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case } from './cases.ts'
import {
  dropIn,
  fromNow,
  note,
  pace,
  pidOf,
  seconds,
  shell,
  shown,
  stateOf,
  systemctl,
  until,
} from './systemd-machine.ts'
import { STATION } from './unit-cases.ts'

export const FALLBACK = 'poincon-fallback.service'
const GATE_SAFE = 'poincon-gate-safe.service'
const HANG = '/opt/lab/hang.mjs'
/** How `panel safe` tells that a line stands as it should. */
const SAFE = /\bpass \S+: inactive/

/**
 * From SIGUSR2 on no driver of a head comes back any more, as on wires that hang in the kernel. The station knows nothing of
 * it: it is loaded before it, by an option of Node.
 */
const HANGING = `
const release = 'file:///opt/poincon/current/dist/drivers'
const [{ As7341 }, { Vl53l8ch }] = await Promise.all([
  import(release + '/as7341/as7341.js'),
  import(release + '/vl53l8ch/vl53l8ch.js'),
])
process.on('SIGUSR2', () => {
  const never = () => new Promise(() => {})
  As7341.prototype.measure = never
  Vl53l8ch.prototype.measure = never
  Vl53l8ch.prototype.next = never
})
`

/** For a station that hangs when it is told to, and limits that a slow machine keeps. */
export function prepareToHang(): void {
  mkdirSync('/opt/lab', { recursive: true })
  writeFileSync(HANG, HANGING)
  dropIn(STATION, 'lab-hang', `[Service]\nEnvironment=NODE_OPTIONS=--import=${HANG}\n`)
}

/** Limits of units that count seconds, as multiples of what this machine takes for a start. */
export function allowTime(): void {
  const { startS, watchdogS } = pace
  const long = Math.max(120, 5 * startS)
  dropIn(
    STATION,
    'lab-pace',
    `[Unit]
StartLimitIntervalSec=${Math.max(600, 30 * startS)}
[Service]
TimeoutStartSec=${long}
TimeoutStopSec=${Math.max(45, 3 * startS)}
WatchdogSec=${watchdogS}
`,
  )
  for (const unit of [GATE_SAFE, 'poincon-restart.service'])
    dropIn(unit, 'lab-pace', `[Service]\nTimeoutStartSec=${long}\n`)
}

/** What only a station with heads, loop and gate can show. */
export function watchdogCases(): Record<string, Case> {
  return {
    'a broker that is away is no hang': sinkAway,
    'the watchdog bites when the loop hangs': () => bites('no head answers any more', 'SIGUSR2'),
    'the watchdog bites when the process stands still': () => bites('frozen', 'SIGSTOP'),
  }
}

/** @param what it is READY for, for the transcript */
export async function ready(what: string): Promise<void> {
  await until(what, () => stateOf(STATION) === 'active')
}

async function sinkAway(): Promise<void> {
  await ready('the station is active')
  const before = pidOf(STATION)
  const waitS = Math.max(90, 1.5 * pace.watchdogS)
  await sleep(waitS * 1000)
  const { StatusText } = shown(STATION, 'StatusText')
  equal(pidOf(STATION), before)
  const health = await (await fetch('http://127.0.0.1:8080/healthz')).text()
  match(health, /"name":"watchdog","state":"ok"/)
  match(health, /upstream/)
  const { WatchdogUSec } = shown(STATION, 'WatchdogUSec')
  note(
    `${waitS} s without the broker, WatchdogSec ${WatchdogUSec}: process ${before} as before, "${StatusText}"`,
  )
}

/** From the signal until systemd has killed it, the gate is safe, and the station runs again. */
async function bites(how: string, signal: NodeJS.Signals): Promise<void> {
  await ready('the station is active')
  const before = pidOf(STATION)
  const says = fromNow()
  const from = seconds()
  note(`${how}: ${signal} to ${before}`)
  process.kill(before, signal)
  await until('killed by the watchdog', () =>
    says(STATION).includes(`Killing process ${before} (node) with signal SIGKILL`),
  )
  match(says(STATION), /Watchdog timeout \(limit /)
  await until('the gate made safe by ExecStopPost', () => SAFE.test(says(STATION)))
  await until('READY again', () => stateOf(STATION) === 'active' && pidOf(STATION) !== before)
  note(`from the signal to READY: ${Math.round(seconds() - from)} s`)
}

/** What the release that is switched on does wrong from now on, or right again. */
export type Damage = () => void

/** Three failed starts, and the recovery of the release before. @param damage of the one that is on */
export async function fallsBack(damage: Damage): Promise<void> {
  const [bad, good] = ['current', 'previous'].map((name) => readlinkSync(`/opt/poincon/${name}`))
  systemctl('stop', STATION)
  // Starts that went well count, too: those of the cases before are forgotten, as poincon-restart.service does it.
  systemctl('reset-failed', STATION)
  damage()
  const says = fromNow()
  note(`${bad} is damaged, ${good} is the one before: systemctl start poincon`)
  shell(`systemctl --no-block start ${STATION}`)
  await until('three starts failed', () => /Start request repeated too quickly/.test(says(STATION)))
  equal(says(STATION).match(/Main process exited/g)?.length, 3)
  await until('the fallback has run the recovery of the release before', () =>
    /→.*: rolled_back|returned/.test(says(FALLBACK)),
  )
  await until('the gate made safe', () => SAFE.test(says(GATE_SAFE)) || SAFE.test(says(STATION)))
  match(says(GATE_SAFE), SAFE)
  await ready('the release before it is READY')
  equal(readlinkSync('/opt/poincon/current'), good)
  const { version } = JSON.parse(await (await fetch('http://127.0.0.1:8080/healthz')).text())
  equal(`releases/${version}`, good)
  note(
    `${version} runs; poincon-fallback: ${says(FALLBACK)
      .split('\n')
      .filter((line) => /→/.test(line))
      .join(' | ')}`,
  )
}

/** Another release is the current one, or the one before it. */
export function pointTo(link: 'current' | 'previous', release: string): void {
  shell(`ln -sfn releases/${release} /opt/poincon/${link}`)
}
