/** In a guest that is a clean Debian (`life.ts`): `life-inner.js DEB SITE [CASE…]`, paths of the machine outside. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, onlyInGuest, runCases } from './cases.ts'
import { watchdogCases } from './fault-cases.ts'
import { HOST } from './guest-command.ts'
import { enrolled, inspects, installed, plantUp, renewed, setUp } from './life-cases.ts'
import { breaksLater, notReached, rolledBack, updated } from './life-updates.ts'
import { restartPath } from './restart-cases.ts'
import { journal, note, shell } from './systemd-machine.ts'
import { unitCases } from './unit-cases.ts'

onlyInGuest()

const [deb = '', site = '', ...chosen] = process.argv.slice(2)
const shownSite = join(HOST, site)
const plant = join(import.meta.dirname, 'life-plant.js')

const CASES: Readonly<Record<string, Case>> = {
  'the package on a clean Debian': () => installed(join(HOST, deb)),
  'setup from a file of answers': () => setUp(shownSite),
  'the plant comes up': () => plantUp(shownSite, process.execPath, plant),
  'the device is enrolled': enrolled,
  'its certificate is renewed by the unit': renewed,
  'the station inspects': inspects,
  ...unitCases(),
  'a request for a restart, from the updater': restartPath,
  'a repository that no drop-in names': notReached,
  'an update is taken': () => updated('0.2.0'),
  'a broken update is taken back': () => rolledBack(shownSite, '0.2.0', '0.3.0'),
  ...watchdogCases(),
  'three failed starts, and the release before': breaksLater,
}

note(
  `systemd ${shell('systemctl --version').split('\n')[0]}, kernel ${shell('uname -r')}, up ${shell('cut -d. -f1 /proc/uptime')} s`,
)
writeFileSync('/run/lab-begun', '')
await runCases(
  'life',
  Object.fromEntries(
    Object.entries(CASES).filter(([name]) => chosen.length === 0 || chosen.some((one) => name.includes(one))),
  ),
)
if (process.exitCode === 1) {
  for (const unit of ['poincon', 'poincon-update', 'poincon-fallback', 'poincon-gate-safe', 'lab-authority'])
    process.stdout.write(`--- ${unit}\n${journal(unit).slice(-12_000)}\n`)
}
